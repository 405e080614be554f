// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import TestKit
import Testing

@testable import Queue

/// Each domain has a lane of its own; what a recipient's domain does not name is in the first.
private struct DomainRouter: MailRouter {
  var lanes: [String: UInt8]

  func lane(of mail: RoutedMail, to recipient: Address) -> UInt8 {
    lanes[String(recipient.text.split(separator: "@").last!)] ?? 0
  }
}

/// By who brought it and how large it is.
private struct SourceRouter: MailRouter {
  func lane(of mail: RoutedMail, to recipient: Address) -> UInt8 {
    if mail.size > 100 { return 3 }
    return mail.source.login == "shop" && mail.sender?.text == "alice@example.com" ? 2 : 1
  }
}

@Suite("Lanes: mail that leaves by different ways waits for none of the others")
struct LaneTests {
  private static let router = DomainRouter(lanes: ["a.example": 1, "b.example": 2])

  /// With the router in force, as routing 1.
  private func bench() throws -> QueueBench {
    let bench = try QueueBench()
    bench.queue.adopt(Self.router)
    return bench
  }

  private func lane(_ number: UInt8, _ routing: UInt32 = 1) -> Lane { Lane(routing: routing, number: number) }

  private func ready(_ bench: QueueBench, routing: UInt32 = 1) -> [Int] {
    (0..<4).map { bench.queue.readyCount(lane($0, routing), now: bench.now) }
  }

  private func lease(_ bench: QueueBench, _ lane: Lane) throws -> Lease {
    guard let lease = bench.queue.lease(lane, now: bench.now) else { throw QueueBench.NothingReady() }
    return lease
  }

  /// Recipients of the next message of the lane; nil if there is none.
  private func deliver(
    _ bench: QueueBench, _ lane: Lane, _ result: RecipientOutcome.Result = .delivered
  ) -> [String]? {
    guard let lease = bench.queue.lease(lane, now: bench.now) else { return nil }
    let recipients = lease.envelope.recipients.map(\.text)
    let outcomes = lease.recipientIndexes.map {
      RecipientOutcome(index: $0, result: result, reply: Reply(250, EnhancedStatus(2, 0, 0), "x"))
    }
    bench.queue.record(outcomes, of: lease, now: bench.now, jitter: 0)
    bench.settle()
    return recipients
  }

  @Test("a message goes in each lane to the recipients that are its own, once")
  func split() throws {
    let bench = try bench()
    bench.take("one", to: ["1@a.example", "1@b.example", "2@a.example", "1@c.example"])
    #expect(ready(bench) == [1, 1, 1, 0] && bench.queue.readyCount(now: bench.now) == 1)
    #expect(deliver(bench, lane(2)) == ["1@b.example"])
    #expect(ready(bench) == [1, 1, 0, 0])
    #expect(deliver(bench, lane(2)) == nil)
    #expect(deliver(bench, lane(1)) == ["1@a.example", "2@a.example"])
    #expect(deliver(bench, lane(0)) == ["1@c.example"])
    #expect(ready(bench) == [0, 0, 0, 0] && bench.queue.page(after: nil, limit: 9).isEmpty)
  }

  @Test("while a message is leased in one lane no other lane has it, and afterwards it does at once")
  func oneLeaseAtATime() throws {
    let bench = try bench()
    bench.take("one", to: ["1@a.example", "1@b.example"])
    do {
      let lease = try self.lease(bench, lane(1))
      #expect(ready(bench) == [0, 0, 0, 0])
      if let second = bench.queue.lease(lane(2), now: bench.now) {
        bench.queue.release(second)
        Issue.record("leased twice")
      }
      bench.queue.release(lease)
    }
    #expect(ready(bench) == [0, 1, 1, 0])
    #expect(deliver(bench, lane(2)) == ["1@b.example"] && deliver(bench, lane(1)) == ["1@a.example"])
  }

  @Test("a recipient that is deferred is due at its time, though another lane of its message never moves")
  func deferredBesideAPausedLane() throws {
    let bench = try bench()
    bench.take("one", to: ["1@a.example", "1@b.example"])
    #expect(deliver(bench, lane(2), .deferred) == ["1@b.example"])
    #expect(ready(bench) == [0, 1, 0, 0] && bench.queue.nextDue(now: bench.now) != nil)
    bench.pass(2 * minute)
    #expect(ready(bench) == [0, 1, 1, 0])
    #expect(deliver(bench, lane(2)) == ["1@b.example"])
    #expect(ready(bench) == [0, 1, 0, 0])
  }

  @Test("recipients of a lease go on in another lane, with an outcome or without, and who answered is known")
  func movedOn() throws {
    let bench = try bench()
    let id = bench.take("one", to: ["1@a.example", "2@a.example", "3@a.example", "1@b.example"])
    let lease = try self.lease(bench, lane(1))
    let outcome = RecipientOutcome(index: 1, result: .deferred, reply: Reply(451, EnhancedStatus(4, 3, 0), "x"))
    bench.queue.record(
      [outcome], of: lease, through: "one", into: [0: 7, 1: 9, 3: 7], now: bench.now, jitter: 0)
    bench.settle()
    // The one of the other lane is not the lease's.
    #expect(ready(bench) == [0, 1, 1, 0] && bench.queue.readyCount(lane(7), now: bench.now) == 1)
    #expect(bench.queue.view(id)?.recipients.map(\.lane) == [7, 9, 1, 2])
    #expect(try bench.queue.details(id)?.replies.map(\.upstream) == ["one"])
    #expect(deliver(bench, lane(7)) == ["1@a.example"] && deliver(bench, lane(1)) == ["3@a.example"])
    bench.pass(2 * minute)
    #expect(deliver(bench, lane(9)) == ["2@a.example"])
    // A routing that has come meanwhile knows better.
    let late = try self.lease(bench, lane(2))
    bench.queue.adopt(Self.router)
    bench.queue.record([], of: late, into: [3: 7], now: bench.now, jitter: 0)
    #expect(bench.queue.view(id)?.recipients.map(\.lane) == [1, 1, 1, 2])
    #expect(deliver(bench, lane(2, 2)) == ["1@b.example"])
  }

  @Test("sender, who brought it, and its size decide as well as the recipient")
  func facts() throws {
    let bench = try QueueBench()
    bench.queue.adopt(SourceRouter())
    bench.take("one", login: "shop")
    bench.take("two", login: "office")
    bench.take(String(repeating: "x", count: 101), login: "shop")
    bench.take(String(repeating: "x", count: 100), login: "office")
    #expect(ready(bench) == [0, 2, 1, 1])
    // The same after a start that has the router from its beginning.
    let disk = bench.simulatedDisk.copy()
    let next = try MessageQueue.open(
      disk: disk, policy: QueuePolicy(segmentOctets: 256 << 10), now: bench.now, salt: 5, host: "gateway",
      router: SourceRouter(), ready: {}
    ).queue
    #expect((0..<4).map { next.readyCount(lane($0, 0), now: bench.now) } == [0, 2, 1, 1])
  }

  @Test("a new router moves what waits; lanes of the old one have nothing any more")
  func reroute() throws {
    let bench = try bench()
    for number in 0..<1_200 {
      bench.take("x", to: number % 2 == 0 ? ["1@a.example"] : ["1@a.example", "1@b.example"])
    }
    let held = bench.take("held", to: ["1@a.example"])
    _ = bench.queue.hold([held], until: nil, by: PeerText("root"), now: bench.now)
    bench.settle()
    #expect(ready(bench) == [0, 1_200, 600, 0])
    #expect(deliver(bench, lane(1), .deferred)?.count == 1)
    var routings: [UInt32] = []
    bench.queue.adopt(DomainRouter(lanes: ["a.example": 3, "b.example": 1])) { routings.append($0) }
    #expect(routings == [2])
    #expect(ready(bench) == [0, 0, 0, 0] && deliver(bench, lane(1)) == nil)
    #expect(ready(bench, routing: 2) == [0, 600, 0, 1_199])
    _ = bench.queue.release([held], now: bench.now)
    bench.pass(2 * minute)
    #expect(ready(bench, routing: 2) == [0, 600, 0, 1_201])
    var served: [Int] = [0, 0, 0, 0]
    for number: UInt8 in 0..<4 {
      while let recipients = deliver(bench, lane(number, 2)) {
        served[Int(number)] += 1
        #expect(recipients == [number == 1 ? "1@b.example" : "1@a.example"])
      }
    }
    #expect(served == [0, 600, 0, 1_201] && bench.queue.page(after: nil, limit: 9).isEmpty)
  }

  @Test("mail that comes and goes while a new router is asked for the rest has the right lane")
  func movingWhileRouted() throws {
    let bench = try bench()
    for _ in 0..<QueueLimits.pageMessagesMax * 2 { bench.take("x", to: ["1@a.example"]) }
    let early = bench.queue.makeID()
    let leased = try lease(bench, lane(1))
    // One page of three.
    bench.queue.core.books.withLock { books in
      books.state.lanes.adopt(DomainRouter(lanes: ["b.example": 2]), through: books.state.lastNumber)
      _ = books.state.reroutePage(books.clock.lastTime)
    }
    #expect(ready(bench, routing: 2)[0] == QueueLimits.pageMessagesMax - 1)
    // Its number is older than the routing, it comes behind it.
    let submission = Submission(
      id: early, envelope: Envelope(sender: nil, recipients: [Address("1@b.example")!]),
      origin: Origin(login: "late", address: "192.0.2.1"))
    bench.queue.accept(
      submission, last: Array("x".utf8).span.bytes, of: bench.queue.makeDraft(), now: bench.now,
      notify: Waiter(receiver: bench.receiver, token: bench.token()))
    bench.settle()
    bench.queue.release(leased)
    let rest = bench.queue.page(after: nil, limit: 2_000).map(\.id)
    // Orders about mail that has no lane yet.
    _ = bench.queue.hold(Array(rest.suffix(9)), until: nil, by: PeerText("root"), now: bench.now)
    _ = bench.queue.release(Array(rest.suffix(9)), now: bench.now)
    bench.settle()
    while bench.queue.core.books.withLock({ $0.state.reroutePage($0.clock.lastTime) }) {}
    #expect(ready(bench, routing: 2) == [QueueLimits.pageMessagesMax * 2, 0, 1, 0])
    var count = 0
    while deliver(bench, lane(0, 2)) != nil { count += 1 }
    while deliver(bench, lane(2, 2)) != nil { count += 1 }
    #expect(count == rest.count && bench.queue.page(after: nil, limit: 9).isEmpty)
  }

  @Test("in each lane submitters take turns, and a login has one turn from wherever it comes")
  func turns() throws {
    let bench = try bench()
    for number in 0..<6 { bench.take("news \(number)", to: ["1@a.example"], login: "news") }
    for number in 0..<2 { bench.take("shop \(number)", to: ["1@a.example", "1@b.example"], login: "shop") }
    var submitters: [String] = []
    while let lease = bench.queue.lease(lane(1), now: bench.now) {
      submitters.append(lease.submitter)
      bench.queue.record(
        lease.recipientIndexes.map {
          RecipientOutcome(index: $0, result: .delivered, reply: Reply(250, EnhancedStatus(2, 0, 0), "x"))
        }, of: lease, now: bench.now, jitter: 0)
    }
    #expect(submitters == ["news", "shop", "news", "shop", "news", "news", "news", "news"])
    #expect(ready(bench) == [0, 0, 2, 0])
  }

  @Test("counts of lanes and ready messages agree, whatever is done to the mail")
  func counts() throws {
    var generator = SeededGenerator(seed: 31)
    let bench = try bench()
    var routing: UInt32 = 1
    let domains = ["a.example", "b.example", "c.example"]
    for _ in 0..<1_500 {
      switch Int.random(in: 0..<10, using: &generator) {
      case 0...3:
        let recipients = (0..<Int.random(in: 1...4, using: &generator)).map {
          "\($0)@\(domains.randomElement(using: &generator)!)"
        }
        bench.take("x", to: recipients, login: generator.oneIn(3) ? "one" : "two")
      case 4...6:
        let result: RecipientOutcome.Result = [.delivered, .deferred, .failed].randomElement(using: &generator)!
        _ = deliver(bench, lane(UInt8.random(in: 0..<3, using: &generator), routing), result)
      case 7:
        let some = bench.queue.page(after: nil, limit: 200).map(\.id).filter { _ in generator.oneIn(8) }
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: _ = bench.queue.hold(some, until: nil, by: PeerText("root"), now: bench.now)
        case 1: _ = bench.queue.release(some, now: bench.now)
        case 2: _ = bench.queue.flush(some, now: bench.now)
        default: _ = bench.queue.drop(some, keep: hour, by: PeerText("root"), now: bench.now)
        }
      case 8: bench.pass(Int64.random(in: 0..<30 * minute, using: &generator))
      default:
        if generator.oneIn(4) {
          let lanes = Dictionary(uniqueKeysWithValues: domains.map { ($0, UInt8.random(in: 0..<3, using: &generator)) })
          bench.queue.adopt(DomainRouter(lanes: lanes)) { routing = $0 }
        }
      }
      bench.settle()
      let counted = ready(bench, routing: routing)
      let seen = bench.queue.core.books.withLock { books in
        var seen = [0, 0, 0, 0]
        for number in books.state.order.page(after: 0, limit: .max) {
          guard let message = books.state.messages[number], message.state == .queued else { continue }
          message.recipients.readyLanes.forEach { seen[Int($0)] += 1 }
        }
        return seen
      }
      #expect(counted == seen)
    }
    // Nothing that is ready is out of reach.
    for number: UInt8 in 0..<3 { while deliver(bench, lane(number, routing)) != nil {} }
    #expect(ready(bench, routing: routing) == [0, 0, 0, 0] && bench.queue.readyCount(now: bench.now) == 0)
  }
}
