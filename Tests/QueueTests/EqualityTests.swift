// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP
import TestKit
import Testing
import WAL

/// Everything that an admin, the dispatcher and a notifier can learn of a queue.
struct Picture: Equatable {
  var views: [MessageView]
  var summary: QueueSummary
  var origins: [Origin]
  var replies: [[LastReply]]
  var uncertain: [Bool]
  var wishes: [NotificationWish?]
  var askedForUTF8: [Bool]
  var notices: [Told]

  struct Told: Equatable {
    var id: MessageID
    var kind: Notice.Kind
    var envelopeID: String?
    var returned: NotificationWish.Returned?
    var recipients: [NoticeRecipient]
    var received: Int64
    var expires: Int64
    var content: [UInt8]
  }

  init(_ bench: QueueBench) throws {
    summary = bench.queue.summary(now: bench.now)
    views = bench.all
    let details = try views.map { try bench.queue.details($0.id)! }
    origins = details.map(\.origin)
    replies = details.map(\.replies)
    uncertain = details.map(\.duplicatePossible)
    wishes = details.map(\.notification)
    askedForUTF8 = details.map(\.isUTF8)
    notices = []
    try bench.visitNotices { notice in
      guard notice.kind != .delayed else { return }
      notices.append(
        Told(
          id: notice.id, kind: notice.kind, envelopeID: notice.envelopeID, returned: notice.returned,
          recipients: notice.recipients, received: notice.received, expires: notice.expires,
          content: try bench.queue.read(0, of: notice.content, mayBlock: true)!))
    }
    notices.sort { ($0.id.number, $0.kind.rawValue) < ($1.id.number, $1.kind.rawValue) }
  }
}

@Suite("What is read back from the log is what was before")
struct EqualityTests {
  /// One event at a time, and what the queue was after each.
  private final class Script {
    let bench: QueueBench
    private var generator: SeededGenerator
    private(set) var history: [(event: String, disk: SimulatedDisk, now: Instant, picture: Picture)] = []

    static let policy = QueuePolicy(lifetime: 10 * hour, warnAfter: 2 * hour, segmentOctets: 16 << 10)

    init(seed: UInt64) throws {
      generator = SeededGenerator(seed: seed)
      bench = try QueueBench(policy: Self.policy)
    }

    func run(_ count: Int) throws {
      for _ in 0..<count {
        // Less than what a restart would count of a time without a record; somebody asks as often as he is told to. A
        // hold or a drop that ended meanwhile is an event, too.
        bench.live(Int64.random(in: 0...(40 * minute), using: &generator))
        let event = try happen()
        // A hold that was over while its message was dropped ends when that is back; a start would wait for a while.
        _ = bench.queue.readyCount(now: bench.now)
        bench.queue.log.step()
        history.append((event, bench.simulatedDisk.copy(), bench.now, try Picture(bench)))
      }
    }

    private func wish(_ recipients: Int) -> NotificationWish {
      NotificationWish(
        returned: [.full, .header, nil].randomElement(using: &generator)!,
        envelopeID: generator.oneIn(2) ? "QQ+2B1" : nil,
        recipients: (0..<recipients).map { index in
          NotificationWish.OfRecipient(
            events: generator.oneIn(3) ? nil : .init(rawValue: UInt8.random(in: 0...7, using: &generator)),
            original: generator.oneIn(2) ? "rfc822;r\(index)+40x" : nil)
        })
    }

    private func happen() throws -> String {
      let ids = bench.all.map(\.id)
      let some = ids.filter { _ in generator.oneIn(2) }
      let now = bench.now
      switch Int.random(in: 0..<17, using: &generator) {
      case 0..<4:
        let recipients = (0..<Int.random(in: 1...3, using: &generator)).map { "r\($0)@example.org" }
        let sender = generator.oneIn(4) ? nil : "alice@example.com"
        _ = bench.submit(
          [generator.octets(20)], from: sender, to: recipients, login: "user\(ids.count % 3)",
          isUTF8: generator.oneIn(4), notification: generator.oneIn(2) ? wish(recipients.count) : nil)
        return "accepted"
      case 4..<8:
        guard let lease = bench.queue.lease(now: now) else { return "nothing" }
        let results: [RecipientOutcome.Result] = [.delivered, .relayed, .deferred, .failed]
        let outcomes = lease.recipientIndexes.filter { _ in !generator.oneIn(6) }.map { index in
          let result = results.randomElement(using: &generator)!
          return RecipientOutcome(
            index: index, result: result, reply: bench.reply(result), isUncertain: generator.oneIn(5))
        }
        bench.queue.record(outcomes, of: lease, now: now, jitter: generator.next())
        return "attempted"
      case 8:
        _ = bench.queue.flush(some, now: now)
        return "flushed"
      case 9:
        let until = generator.oneIn(2) ? now.wall + Int64.random(in: 0...(6 * hour), using: &generator) : nil
        _ = bench.queue.hold(
          some, until: until, by: PeerText("root"), reason: generator.oneIn(2) ? PeerText("why") : nil, now: now)
        return "held"
      case 10:
        _ = bench.queue.release(some, now: now)
        return "released"
      case 11:
        guard let id = ids.randomElement(using: &generator) else { return "nothing" }
        _ = bench.queue.bounce(
          [id], reply: Reply(550, EnhancedStatus(5, 7, 0), "no"), report: generator.oneIn(2), now: now)
        return "bounced"
      case 12:
        _ = bench.queue.drop(
          some, keep: Int64.random(in: hour...(20 * hour), using: &generator), by: PeerText("root"), now: now)
        return "dropped"
      case 13:
        guard let batch = bench.queue.droppedBatches.randomElement(using: &generator) else { return "nothing" }
        _ = bench.queue.undrop(batch: batch, now: now)
        return "undropped"
      case 14:
        _ = bench.queue.erase(some.filter { _ in generator.oneIn(2) }, now: now)
        return "erased"
      case 15:
        bench.queue.extendLifetimes(by: Int64.random(in: 0...hour, using: &generator))
        return "stood still"
      default:
        guard let notice = try bench.queue.nextNotice(now: now) else { return "nothing" }
        _ = bench.tell(notice)
        return "reported"
      }
    }
  }

  @Test("after every event, at every prefix of the log", arguments: [UInt64](0..<12))
  func everyPrefix(seed: UInt64) throws {
    let script = try Script(seed: seed)
    try script.run(60)
    for (place, (event, disk, now, picture)) in script.history.enumerated() {
      let again = try QueueBench(
        disk, policy: Script.policy, now: Instant(wall: now.wall, monotonic: Int64(seed) * hour), salt: 12)
      let found = try Picture(again)
      #expect(found == picture, "seed \(seed), event \(place), \(event)")
      if found != picture { return }
      // Found twice is found the same.
      let third = try again.restarted(policy: Script.policy)
      #expect(try Picture(third) == picture, "seed \(seed), event \(place), \(event), again")
    }
    let events = Set(script.history.map(\.event))
    #expect(events.count >= 8, "seed \(seed) met only \(events)")
  }
}
