// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import SMTP
import Testing

@testable import Gateway

@Suite("As whom mail goes out")
struct OutgoingSenderTests {
  private func bench(
    postmaster: String? = nil, forced: String? = nil, _ change: (inout Configuration.Upstream) -> Void
  ) throws -> RelayBench {
    var upstream = Configuration.Upstream(name: "office")
    upstream.host = "relay.test"
    upstream.security = .none
    change(&upstream)
    var configuration = Configuration(hostname: "gate.test", upstreams: [upstream])
    configuration.postmaster = postmaster.flatMap { Address($0) }
    configuration.clients = [.init(name: "scanner", addresses: [Network("192.0.2.0/24")!])]
    configuration.clients[0].from = forced.flatMap { Address($0) }
    let bench = try RelayBench(configuration)
    bench.mood = .takes(after: 0)
    return bench
  }

  /// Envelope senders as the upstream has seen them, of mail by these.
  private func seen(_ bench: RelayBench, _ senders: [String], from client: String? = nil) -> [String] {
    bench.accept(senders.map { ($0, "shop") }, client: client)
    bench.pass(2_000)
    return bench.dots.map(\.sender).sorted()
  }

  @Test("a notification through an upstream that refuses the null sender goes out as the postmaster")
  func postmaster() throws {
    for (configured, expected) in [("office@b.example", "office@b.example"), (nil, "postmaster@gate.test")] {
      let bench = try bench(postmaster: configured) { $0.nullSender = .rewrite }
      defer { bench.end() }
      #expect(seen(bench, ["", "a@b.example"]) == ["a@b.example", expected].sorted())
      // Nothing of it has failed.
      #expect(bench.queue.page(after: nil, limit: 2).isEmpty)
    }
  }

  @Test("and as whoever stands in for others, if somebody does")
  func rewritten() throws {
    let bench = try bench(postmaster: "office@b.example") {
      $0.nullSender = .rewrite
      $0.senders = [.address(Address("scans@b.example")!)]
      $0.rewrite = Address("scans@b.example")!
    }
    defer { bench.end() }
    #expect(seen(bench, ["", "a@b.example"]) == ["scans@b.example", "scans@b.example"])
  }

  @Test("it keeps the null sender at every other one")
  func kept() throws {
    let bench = try bench {
      $0.senders = [.address(Address("scans@b.example")!)]
      $0.rewrite = Address("scans@b.example")!
    }
    defer { bench.end() }
    #expect(seen(bench, ["", "a@b.example"]) == ["", "scans@b.example"])
  }

  @Test("mail that waits goes out as the client's sender of now, or as whom the upstream makes of that one")
  func forced() throws {
    for (senders, expected) in [([MailboxPattern.any], "new@c.example"), ([.domain("b.example")], "scans@b.example")] {
      let bench = try bench(forced: "new@c.example") {
        $0.senders = senders
        $0.rewrite = Address("scans@b.example")!
      }
      defer { bench.end() }
      #expect(seen(bench, ["", "old@b.example"], from: "scanner") == ["", expected])
      #expect(seen(bench, ["x@b.example"], from: "copier").contains("x@b.example"))
    }
  }
}
