// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
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

  /// Files as `file NAME OCTETS`, then lines of an offset and octets from there on; what is not said is zero.
  func spool() throws -> SimulatedDisk {
    let disk = SimulatedDisk()
    var name = ""
    for line in try text("version3.txt").split(separator: "\n") where !line.hasPrefix("#") {
      let words = line.split(separator: " ")
      if words[0] == "file" {
        name = String(words[1])
        _ = try disk.create(name, octets: Int(words[2])!)
      } else {
        let digits = Array(words[1].utf8)
        let octets = stride(from: 0, to: digits.count, by: 2).map { place in
          UInt8(String(decoding: digits[place..<(place + 2)], as: UTF8.self), radix: 16)!
        }
        disk.overwrite(name, at: Int(words[0])!, with: octets)
      }
    }
    try disk.syncDirectory()
    return disk
  }

  private func text(_ name: String, from path: String = #filePath) throws -> String {
    // Where the sources are links, the spools are beside what they lead to.
    let source = try #require(realpath(path, nil))
    defer { free(source) }
    let directory = String(cString: source).split(separator: "/").dropLast(2).joined(separator: "/")
    let file = try #require(fopen("/\(directory)/Spools/\(name)", "r"))
    defer { fclose(file) }
    var octets: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { octets += buffer[..<count] }
    return String(decoding: octets, as: UTF8.self)
  }

  @Test("every message is listed as it was, and everything that was replied to it", arguments: [false, true])
  func listing(isVerifying: Bool) throws {
    let disk = try spool()
    if isVerifying {
      let recovered = try LogRecovery.verify(disk: disk) { _, _, _, _ in }
      #expect(recovered.damages.isEmpty && recovered.badCopies.isEmpty, "and every octet is sound")
    }
    let bench = try QueueBench(disk, now: Self.written, salt: 3)
    #expect(bench.report.damages.isEmpty && bench.report.tornRecords == 0 && bench.report.quarantined.isEmpty)
    let listing = try bench.all.map { try Self.line($0, bench) }
    let expected = try text("version3-listing.txt").split(separator: "\n").filter { !$0.hasPrefix("#") }.map(
      String.init)
    #expect(!listing.isEmpty && listing == expected)
    #expect(bench.queue.droppedCounts == [1: 1])
  }

  @Test("what can be sent is sent with its content, who is to be told is told, and what is written behind it is read")
  func use() throws {
    let bench = try QueueBench(try spool(), now: Self.written, salt: 3)
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
