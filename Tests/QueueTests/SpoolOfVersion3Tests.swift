// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP
import TestKit
import Testing
import WAL

/// `Tests/Spools/version3.txt` was written by the first program that keeps a golden spool of format version 3: messages
/// that were adopted and copied forward, orders that are in force, a failure that somebody was told of, segments with an
/// index in pages, one that was left and one that was not. `version3-listing.txt` beside it says what every later version
/// must find there.
@Suite("A spool that the program of format version 3 wrote is read as it meant it")
struct SpoolOfVersion3Tests {
  static let written = Instant(wall: 1_800_000_000_000 + 8 * hour, monotonic: 9)

  @Test("every message is listed as it was, and everything that was replied to it", arguments: [false, true])
  func listing(isVerifying: Bool) throws {
    let disk = try GoldenSpool.disk("version3.txt")
    if isVerifying {
      let recovered = try LogRecovery.verify(disk: disk) { _, _, _, _ in }
      #expect(recovered.damages.isEmpty && recovered.badCopies.isEmpty, "and every octet is sound")
    }
    let bench = try QueueBench(disk, now: Self.written, salt: 3)
    #expect(bench.report.damages.isEmpty && bench.report.tornRecords == 0 && bench.report.quarantined.isEmpty)
    let listing = try bench.all.map { try Self.line($0, bench) }
    let expected = try GoldenSpool.lines("version3-listing.txt")
    #expect(!listing.isEmpty && listing == expected)
    #expect(bench.queue.droppedCounts == [1: 1])
  }

  @Test("what can be sent is sent with its content, who is to be told is told, and what is written behind it is read")
  func use() throws {
    let bench = try QueueBench(try GoldenSpool.disk("version3.txt"), now: Self.written, salt: 3)
    let notice = try bench.notice()
    #expect(notice.recipients.map(\.reply) == [Reply(550, EnhancedStatus(5, 7, 0), "given up")])
    _ = bench.tell(notice)
    bench.queue.log.step()
    #expect(bench.queue.undrop(batch: 1, now: bench.now) == 1)
    _ = bench.queue.release(bench.all.map(\.id), now: bench.now)
    _ = bench.queue.flush(bench.all.map(\.id), now: bench.now)
    var contents: [String] = []
    while let lease = bench.queue.lease(now: bench.now) {
      contents.append(String(decoding: try bench.content(of: lease), as: UTF8.self))
      let outcomes = lease.recipientIndexes.map { index in
        RecipientOutcome(index: index, result: .delivered, reply: bench.reply(.delivered))
      }
      bench.queue.record(outcomes, of: lease, now: bench.now, jitter: 0)
    }
    bench.settle()
    #expect(contents.sorted() == Self.contents)
    let next = try bench.restarted()
    #expect(next.all.isEmpty && next.report.damages.isEmpty && !next.hasNotice)
  }

  static func line(_ view: MessageView, _ bench: QueueBench) throws -> String {
    func at(_ wall: Int64?) -> String { wall.map { "\(($0 - 1_800_000_000_000) / minute)m" } ?? "-" }
    let details = try #require(try bench.queue.details(view.id))
    let recipients = view.recipients.map { "\($0.address):\($0.state):\($0.attempts)" }.joined(separator: ",")
    var words = [
      "\(view.id)", "\(view.state)", view.sender?.text ?? "<>", recipients, "\(view.size)", at(view.received),
      at(view.nextAttempt), at(view.expires), view.submitter, details.origin.helo,
    ]
    if let hold = view.hold {
      words.append("held:\(at(hold.since)):\(at(hold.until)):\(hold.by):\(hold.reason?.text ?? "-")")
    }
    if let drop = view.drop { words.append("dropped:\(drop.batch):\(at(drop.since)):\(at(drop.until)):\(drop.by)") }
    words += details.replies.map { "\($0.index)@\(at($0.wall)):\($0.reply)" }
    if details.duplicatePossible { words.append("uncertain") }
    return words.joined(separator: " ")
  }

  private static let contents = [
    "Received: here\r\nchunk one, chunk two, end\r\n", "Received: there\r\ntheir chunk, their end\r\n", "dropped\r\n",
    "held\r\n", "released\r\n", "their held\r\n", "told", "told of a failure\r\n",
  ]
}
