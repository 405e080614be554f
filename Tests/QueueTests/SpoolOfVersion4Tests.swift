// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP
import TestKit
import Testing
import WAL

/// `Tests/Spools/version4.txt` was written by the first program of format version 4: messages whose senders said what
/// they want to be told, one of them copied forward after it was relayed, and one whose sender has been told of that.
@Suite("A spool that the program of format version 4 wrote is read as it meant it")
struct SpoolOfVersion4Tests {
  static let written = QueueBench.start.advanced(by: hour)

  @Test("what senders want to be told is there, whether their message was copied or not", arguments: [false, true])
  func listing(isVerifying: Bool) throws {
    let disk = try GoldenSpool.disk("version4.txt")
    if isVerifying {
      let recovered = try LogRecovery.verify(disk: disk) { _, _, _, _ in }
      #expect(recovered.damages.isEmpty && recovered.badCopies.isEmpty, "and every octet is sound")
    }
    let bench = try QueueBench(disk, now: Self.written, salt: 3)
    #expect(bench.report.damages.isEmpty && bench.report.tornRecords == 0 && bench.report.quarantined.isEmpty)
    let listing = try bench.all.map { try Self.line($0, bench) }
    let expected = try GoldenSpool.lines("version4-listing.txt")
    #expect(!listing.isEmpty && listing == expected)
  }

  @Test("who wanted to hear of it is told that his mail was relayed, and the rest goes on")
  func use() throws {
    let bench = try QueueBench(try GoldenSpool.disk("version4.txt"), now: Self.written, salt: 3)
    let notice = try bench.notice()
    #expect(notice.kind == .relayed && notice.envelopeID == "QQ314159" && notice.isUTF8)
    #expect(notice.recipients.map(\.original?.address) == ["i@y.example"])
    _ = bench.tell(notice)
    bench.settle()
    _ = bench.queue.release(bench.all.map(\.id), now: bench.now)
    while bench.deliver() != nil {}
    bench.settle()
    let next = try bench.restarted()
    #expect(next.all.isEmpty && next.report.damages.isEmpty && !next.hasNotice)
  }

  static func line(_ view: MessageView, _ bench: QueueBench) throws -> String {
    let details = try #require(try bench.queue.details(view.id))
    var words = [try SpoolOfVersion3Tests.line(view, bench)]
    if details.isUTF8 { words.append("utf8") }
    if let wish = details.notification {
      words.append("wish:\(wish.returned?.rawValue ?? "-"):\(wish.envelopeID ?? "-")")
      words += wish.recipients.map { "\($0.events?.text ?? "-"):\($0.original ?? "-")" }
    }
    return words.joined(separator: " ")
  }
}
