// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import SMTP
import Testing

@testable import Gateway
@testable import Queue

/// What the console answers about mail that the queue does not have any more.
@Suite("Finished mail, over the control socket")
struct FinishedMailTests {
  private static func message(
    _ number: UInt64, _ state: FinishedState = .sent, uncertain: Bool = false
  ) -> FinishedMessage {
    let reply =
      state == .sent
      ? Reply(250, EnhancedStatus(2, 0, 0), "OK") : Reply(550, EnhancedStatus(5, 1, 1), "no such user")
    return FinishedMessage(
      id: MessageID(number: number), sender: Address("backup@example.com"),
      recipients: [
        FinishedRecipient(
          index: 0, address: Address("ops@example.org")!, state: state, attempts: 3,
          reply: reply, finished: FakeGateway.now - 660_000, isUncertain: uncertain, upstream: "gmail")
      ],
      size: 4198, received: FakeGateway.now - 700_000, submitter: "nas")
  }

  private func place(_ finished: [FinishedMessage]) throws -> Place {
    let place = try Place(messages: 20)
    place.gateway.change { $0.finished = finished }
    return place
  }

  @Test("is listed where a state asks for it, behind what waits, and each message once")
  func listed() throws {
    // Number 3 waits, and has failed for a recipient.
    let place = try place([Self.message(1002), Self.message(1001, .failed), Self.message(3, .failed)])
    place.gateway.change { $0.views[2].state = .failed }
    var client = try place.connect()
    func ids(_ selector: String) throws -> [UInt64?] {
      try client.ask("queue", .init(select: selector)).payloads.messages.map { MessageID($0.id)?.number }
    }
    #expect(try ids("state:sent") == [1002])
    #expect(try ids("state:sent to:bob@example.org").isEmpty)
    #expect(try ids("state:failed") == [3, 1001])
    #expect(try ids("to:ops@example.org").isEmpty)
    #expect(try ids("state:sent \(MessageID(number: 1002))") == [1002])
    #expect(try client.ask("queue", .init(select: "state:sent,deferred", limit: 5)).payloads.messages.count == 5)
  }

  @Test("a list that is cut says so, unless as many as were asked for are there")
  func cut() throws {
    let place = try place((1...1500).map { Self.message(1000 + $0) })
    var client = try place.connect()
    let all = try client.ask("queue", .init(select: "state:sent")).payloads
    #expect(all.messages.count == 1000)
    guard case .note(let note) = all.last else {
      Issue.record("no note behind \(all.count) rows")
      return
    }
    #expect(note.note == "the last 1000 finished messages; there are more: narrow the search, as with age:<1d")
    let some = try client.ask("queue", .init(select: "state:sent", limit: 7)).payloads
    #expect(some.count == 7 && some.messages.count == 7)
  }

  @Test("show says how it ended, in a line for each recipient")
  func shown() throws {
    var both = Self.message(1003, .sent, uncertain: true)
    both.recipients.append(Self.message(1003, .failed).recipients[0])
    both.recipients[1].index = 1
    let place = try place([Self.message(1001), both])
    var client = try place.connect()
    let now = Timestamp(milliseconds: FakeGateway.now)
    func lines(_ number: UInt64, _ characters: Int) throws -> [String] {
      let id = MessageID(number: number).description
      let found = try client.ask("show", .init(message: String(id.prefix(characters)).lowercased())).payloads.messages
      return found.flatMap { ShowView.lines($0, now: now, style: .plain) }
        .map { $0.replacing(id, with: "ID") }
    }
    #expect(try lines(1001, 4) == ["ID to ops@example.org was sent 11 min ago via gmail: 250 2.0.0 OK"])
    #expect(
      try lines(1003, 9) == [
        "ID to ops@example.org was sent 11 min ago via gmail, may have been delivered twice: 250 2.0.0 OK",
        "ID to ops@example.org failed 11 min ago via gmail: 550 5.1.1 no such user",
      ])
  }

  @Test("why says the same, and an id that nobody remembers is an error")
  func why() throws {
    let place = try place([Self.message(1001), Self.message(1002)])
    var client = try place.connect()
    let id = MessageID(number: 1001).description
    guard case .why(let why) = try client.ask("why", .init(name: id)).payloads.first else {
      Issue.record("no answer")
      return
    }
    #expect(why.headline == "Message \(id) is finished:" && why.state == "sent")
    #expect(why.reasons == ["to ops@example.org: was sent 11 min ago via gmail: 250 2.0.0 OK"])
    let gone = MessageID(number: 4711).description
    for command in ["show", "why"] {
      let error = #expect(throws: AdminError.self) { try client.ask(command, .init(message: gone, name: gone)) }
      #expect(error?.code == "message.unknown" && error?.exit == .noInput)
    }
  }
}
