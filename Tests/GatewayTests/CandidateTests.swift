// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import SMTP
import Testing

@testable import Gateway
@testable import Queue

@Suite("Completion, answered by the daemon")
struct CandidateTests {
  @Test("the keys that are offered are those that the parser reads, and the states too")
  func terms() {
    #expect(Set(SelectorTerm.allCases.map(\.rawValue)) == Set(Selector.Key.allCases.map(\.rawValue)))
    #expect(SelectorTerm.states.map(\.0).sorted() == Selector.states.sorted())
    for term in SelectorTerm.allCases {
      for candidate in Admin.Completion.at(line: "queue \(term.rawValue):").candidates {
        #expect(throws: Never.self) { try Selector("\(term.rawValue):\(candidate.text)") }
      }
    }
  }

  @Test("addresses come from the queue, with how many messages and where they stand")
  func addresses() throws {
    let place = try Place(messages: 10)
    place.gateway.change { state in
      state.views[0].recipients[0].address = Address("bob@exmaple.com")!
      state.views[0].state = .held
      state.views[1].recipients[0].address = Address(#""a b"@example.org"#)!
    }
    var client = try place.connect(.view)
    #expect(
      try client.candidates("hold to:") == [])
    #expect(
      try client.candidates("queue to:") == [
        CandidateReply(text: "b@example.org", summary: "8 messages   deferred"),
        CandidateReply(text: "bob@exmaple.com", summary: "1 message   held"),
      ])
    #expect(try client.candidates("queue to:x@y,BOB").map(\.text) == ["bob@exmaple.com"])
    #expect(try client.candidates("queue -to:@ex").map(\.text) == ["@example.org", "@exmaple.com"])
    #expect(try client.candidates("queue from:a").map(\.text) == ["a@example.com"])
    #expect(try client.candidates("queue client:").map(\.text) == ["192.168.1.20", "nas"])
  }

  @Test("ids are found wherever they stand, upstreams with their state")
  func ids() throws {
    let place = try Place(messages: 5000)
    let last = place.gateway.views[4999].id
    place.gateway.change {
      $0.status.upstreams = [.init(name: "office", endpoint: "x:25", state: "paused", reason: "login")]
      $0.ambiguous = ["7": $0.views[3000..<3200].map(\.id)]
    }
    var client = try place.connect(.operate)
    #expect(try client.candidates("show \(last.description.prefix(5).lowercased())").map(\.text) == [last.description])
    let listed = try client.candidates("show 7")
    #expect(listed.count == 100)
    #expect(listed[0].summary == "deferred  to b@example.org")
    #expect(try client.candidates("show ").count == 100)
    #expect(try client.candidates("show to:").isEmpty)
    #expect(
      try client.candidates("pause upstream ") == [CandidateReply(text: "office", summary: "paused (login)")])
    #expect(try client.candidates("why of").first?.text == "office")
    _ = place.gateway.drop([last], into: 7, by: "root")
    #expect(try client.candidates("undrop ") == [CandidateReply(text: "batch:7", summary: "1 message")])
  }

  @Test("clients are those that were here, and those of the configuration that never came")
  func clients() throws {
    let place = try Place(messages: 0)
    place.gateway.change { state in
      state.clients = [
        ClientReply(
          address: "192.168.1.20", state: .ok, firstSeen: Timestamp(milliseconds: FakeGateway.now),
          lastSeen: Timestamp(milliseconds: FakeGateway.now), listener: "submission")
      ]
      state.clients[0].name = "nas"
      state.clientNames = ["printer-2nd-floor", "nas"]
    }
    var client = try place.connect(.view)
    #expect(
      try client.candidates("why prin") == [
        CandidateReply(text: "printer-2nd-floor", summary: "not seen since the start")
      ])
    #expect(try client.candidates("why NA") == [CandidateReply(text: "nas", summary: "192.168.1.20")])
    #expect(try client.candidates("why 192") == [CandidateReply(text: "192.168.1.20", summary: "nas")])
  }

  @Test("words that the level may not use are not offered, nor users to those who may not list them")
  func levels() throws {
    let place = try Place(messages: 2)
    place.gateway.change { $0.logins = [LoginReply(user: "printer", disabled: true)] }
    var view = try place.connect(.view)
    var admin = try place.connect(.admin)
    #expect(try view.candidates("re").isEmpty)
    #expect(try admin.candidates("re").map(\.text) == ["release", "resume", "reload"])
    #expect(try view.candidates("queue user:").map(\.text) == ["192.168.1.20", "nas"])
    #expect(try admin.candidates("users passwd ") == [CandidateReply(text: "printer", summary: "disabled")])
    #expect(throws: AdminError.self) { try view.ask("complete") }
  }

  @Test("a completion looks at a bounded part of the queue")
  func bounded() throws {
    let place = try Place(messages: 20_000)
    var client = try place.connect(.view)
    _ = try client.candidates("queue to:")
    #expect(place.gateway.pages == AdminLimits.completionPagesMax)
  }
}

extension ControlClient {
  fileprivate mutating func candidates(_ line: String) throws(AdminError) -> [CandidateReply] {
    try ask("complete", .init(line: line)).payloads.compactMap {
      if case .candidate(let candidate) = $0 { candidate } else { nil }
    }
  }
}
