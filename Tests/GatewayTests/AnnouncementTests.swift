// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration
import SMTP
import TestKit
import Testing

@testable import Gateway

@Suite("What upstreams announced")
struct AnnouncementTests {
  private func configuration(
    _ upstreams: [(name: String, priority: Int)], maxSize: Int = 50 << 20,
    _ change: (inout Configuration) -> Void = { _ in }
  ) -> Configuration {
    var configuration = Configuration(
      hostname: "gate.test",
      upstreams: upstreams.map { name, priority in
        var upstream = Configuration.Upstream(name: name)
        upstream.host = "\(name).test"
        upstream.security = .none
        upstream.priority = priority
        return upstream
      })
    configuration.message.maxSize = maxSize
    change(&configuration)
    return configuration
  }

  private func offers(size: UInt64?, smtpUTF8: Bool = true) -> Extensions {
    var extensions = Extensions()
    extensions.size = size
    extensions.smtpUTF8 = smtpUTF8
    return extensions
  }

  @Test("the first connection teaches it, the last one counts, and whoever is not configured any more is forgotten")
  func learned() throws {
    let bench = try RelayBench(configuration([("one", 10)]))
    defer { bench.end() }
    bench.mood = .takes(after: 0)
    bench.sizes = ["one.test": 20 << 20, "two.test": 30 << 20]
    let announcements = bench.announcements
    #expect(announcements["one"] == nil && announcements.offer?.octets == 50 << 20 && announcements.version == 0)
    func send() {
      bench.accept([("a@b.example", "shop")])
      bench.pass(1_000)
      // Until it is not idle any more.
      bench.pass(30_000)
    }
    send()
    #expect(announcements["one"]?.extensions.size == 20 << 20 && announcements["one"]?.extensions.smtpUTF8 == true)
    #expect(announcements.offer == .init(octets: 20 << 20, configured: 50 << 20, upstream: "one"))
    let version = announcements.version
    let seen = try #require(announcements["one"]?.seen)
    send()
    #expect(announcements.version == version && announcements["one"]!.seen.wall > seen.wall, "the same is no news")
    // Another one may take more, and counts when it was heard.
    bench.reload(configuration([("one", 10), ("two", 20)]))
    #expect(announcements["one"] != nil && announcements.offer == .init(octets: 50 << 20, configured: 50 << 20))
    bench.moods["one.test"] = .down
    send()
    #expect(announcements.offer == .init(octets: 30 << 20, configured: 50 << 20, upstream: "two"))
    bench.reload(configuration([("two", 20)]))
    #expect(announcements["one"] == nil && announcements["two"] != nil && announcements.offer?.upstream == "two")
    bench.sizes["two.test"] = 10 << 20
    send()
    #expect(announcements.offer?.octets == 10 << 20)
    bench.reload(configuration([("two", 20)]) { $0.upstream.host = "elsewhere.test" })
    #expect(announcements["two"] == nil && announcements.offer == .init(octets: 50 << 20, configured: 50 << 20))
  }

  @Test(
    "the largest of those in use is offered; unknown and unlimited ones limit nothing",
    arguments: [
      ([("one", 10, 20)], 20), ([("one", 10, 0)], 50), ([("one", 10, nil)], 50), ([("one", 10, 60)], 50),
      ([("one", 10, 20), ("two", 10, 30)], 30), ([("one", 10, 20), ("two", 10, -1)], 50),
      // One further back is asked for what is too large.
      ([("one", 10, 20), ("two", 20, -1)], 50), ([("one", 10, -1), ("two", 20, 20)], 50),
      ([("one", 10, 20), ("two", 20, 30)], 30), ([("one", 10, 30), ("two", 20, 0)], 50),
    ] as [([(String, Int, Int?)], UInt64)])
  func offered(upstreams: [(name: String, priority: Int, size: Int?)], megabytes: UInt64) {
    let announcements = Announcements()
    _ = announcements.adopt(Settings.plain(configuration(upstreams.map { ($0.name, $0.priority) })))
    for upstream in upstreams where upstream.size != -1 {
      _ = announcements.note(
        offers(size: upstream.size.map { UInt64($0) << 20 }), by: upstream.name, now: RelayBench.start)
    }
    #expect(announcements.offer?.octets == megabytes << 20)
    #expect((announcements.offer?.upstream != nil) == (megabytes < 50))
  }

  @Test("the log hears when it becomes another size because of an upstream, and not of a size that the file says")
  func told() {
    let announcements = Announcements()
    let settings = Settings.plain(configuration([("one", 10)]))
    #expect(announcements.adopt(settings) == nil)
    #expect(announcements.adopt(Settings.plain(configuration([("one", 10)], maxSize: 40 << 20))) == nil)
    let lowered = announcements.note(offers(size: 20 << 20), by: "one", now: RelayBench.start)
    #expect(lowered == .init(octets: 20 << 20, configured: 40 << 20, upstream: "one"))
    #expect(announcements.note(offers(size: 20 << 20, smtpUTF8: false), by: "one", now: RelayBench.start) == nil)
    #expect(announcements.adopt(settings) == nil)
    #expect(announcements.note(offers(size: 30 << 20), by: "one", now: RelayBench.start)?.octets == 30 << 20)
    #expect(
      announcements.note(offers(size: 0), by: "one", now: RelayBench.start)
        == .init(octets: 50 << 20, configured: 50 << 20))
    #expect(
      announcements.note(offers(size: 1), by: "nobody", now: RelayBench.start) == nil && announcements["nobody"] == nil)
  }

  @Test("a route holds for the clients, users and sizes that it names, and those of others are as if it were not there")
  func routes() {
    let settings = Settings.plain(
      configuration([("office", 10), ("lists", 10), ("large", 10)]) { configuration in
        var users = Configuration.Route(number: 1, via: ["lists"])
        users.users = [TextPattern("news*")]
        var clients = Configuration.Route(number: 2, via: ["lists", "office"])
        clients.clients = [.network(Network("192.0.2.0/24")!)]
        var sizes = Configuration.Route(number: 3, via: ["large"])
        sizes.size = Configuration.SizeBound(.more, 10 << 20)
        var none = Configuration.Route(number: 4, via: ["large"])
        none.size = Configuration.SizeBound(.less, 0)
        configuration.routes = [users, clients, sizes, none]
      })
    let announced = ["office": offers(size: 20 << 20), "lists": offers(size: 1 << 20), "large": offers(size: 99 << 20)]
    func octets(_ login: String?, _ address: String, _ announced: [String: Extensions]) -> UInt64 {
      settings.feasibility(login: login, client: nil, address: IPAddress(address)!, announced: announced).bounds
        .octetsMax >> 20
    }
    #expect(octets("newsletter", "198.51.100.1", announced) == 1)
    #expect(octets(nil, "192.0.2.9", announced) == 20)
    #expect(octets(nil, "198.51.100.1", announced) == 99)
    // All of them may be its upstream where no route is.
    var unnamed = announced
    unnamed["large"] = offers(size: 5 << 20)
    #expect(octets(nil, "198.51.100.1", unnamed) == 20)
    #expect(settings.feasibility(login: nil, client: nil, address: IPAddress("::1")!, announced: [:]) == .everything)
  }

  @Test("before the login what is offered may be anybody's, and a way for small mail adds no more than small mail")
  func unknownUsers() {
    let settings = Settings.plain(
      configuration([("office", 10), ("lists", 10)]) { configuration in
        var users = Configuration.Route(number: 1, via: ["lists"])
        users.users = [TextPattern("news")]
        var small = Configuration.Route(number: 2, via: ["lists"])
        small.size = Configuration.SizeBound(.atMost, 1 << 20)
        var clients = Configuration.Route(number: 3, via: ["office"])
        clients.clients = [.network(Network("192.0.2.0/24")!)]
        configuration.routes = [users, small, clients]
      })
    let announced = ["office": offers(size: 20 << 20), "lists": offers(size: 40 << 20)]
    func octets(_ login: String?) -> UInt64 {
      settings.feasibility(login: login, client: nil, address: IPAddress("192.0.2.9")!, announced: announced).bounds
        .octetsMax >> 20
    }
    #expect(octets(nil) == 40 && octets("news") == 40 && octets("other") == 20)
  }

  @Test("a session hears of what is new, once, and looks again as another user")
  func sessions() {
    let announcements = Announcements()
    let settings = Settings.plain(
      configuration([("office", 10), ("lists", 10)]) { configuration in
        var route = Configuration.Route(number: 1, via: ["lists"])
        route.users = [TextPattern("news")]
        configuration.routes = [route]
      })
    _ = announcements.adopt(settings)
    var watch = FeasibilityWatch(
      settings: settings, client: nil, address: IPAddress("192.0.2.1")!, announcements: announcements)
    func news(_ login: String?) -> UInt64? { watch.news(login: login)?.bounds.octetsMax }
    #expect(news(nil) == nil && news("news") == nil)
    _ = announcements.note(offers(size: 20), by: "office", now: RelayBench.start)
    _ = announcements.note(offers(size: 10), by: "lists", now: RelayBench.start)
    #expect(news(nil) == 20 && news(nil) == nil)
    #expect(news("news") == 10 && news("news") == nil)
    _ = announcements.note(offers(size: 30), by: "lists", now: RelayBench.start)
    #expect(news("news") == 30)
  }

  @Test("who is refused by old knowledge has the upstream asked, once, and only if no connection is open")
  func doubt() throws {
    let bench = try RelayBench(configuration([("one", 10)]))
    defer { bench.end() }
    bench.mood = .takes(after: 0)
    bench.sizes = ["one.test": 20 << 20]
    func refuse() {
      bench.announcements.doubt(now: bench.now)
      bench.dispatcher.run()
      bench.pass(1_000)
    }
    // Of one that was never heard nobody is refused.
    refuse()
    bench.accept([("a@b.example", "shop")])
    bench.pass(1_000)
    bench.sizes = ["one.test": 30 << 20]
    bench.pass(590_000)
    refuse()
    #expect(bench.connects == 1 && bench.announcements.offer?.octets == 20 << 20)
    bench.pass(10_000)
    refuse()
    refuse()
    #expect(bench.connects == 2 && bench.announcements.offer?.octets == 30 << 20)
    // It does not answer: then it is known to, and the rest is as with mail.
    bench.mood = .down
    bench.pass(700_000)
    refuse()
    refuse()
    #expect(bench.connects == 3 && bench.board["one"].state == "unreachable")
    #expect(bench.announcements.offer?.octets == 30 << 20)
    bench.mood = .takes(after: 0)
    bench.sizes = ["one.test": 40 << 20]
    bench.pass(400_000)
    refuse()
    #expect(bench.connects == 4 && bench.board["one"].state == "ok" && bench.announcements.offer?.octets == 40 << 20)
  }

  @Test("upstream show has what was announced, and when; it says so where nothing was heard")
  func shown() {
    var extensions = offers(size: 26_214_400)
    extensions.eightBitMIME = true
    let fact = UpstreamReply.Fact.announced(.init(extensions: extensions, seen: RelayBench.start))
    #expect(fact.name == "announced" && fact.value.hasPrefix("SIZE 26214400, SMTPUTF8, 8BITMIME; "))
    #expect(UpstreamReply.Fact.announced(nil).value.hasPrefix("not heard"))
    #expect(
      UpstreamReply.Fact.announced(.init(extensions: Extensions(), seen: RelayBench.start)).value.hasPrefix(
        "nothing of use; "))
  }
}
