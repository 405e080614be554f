// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestKit
import Testing
import WAL

/// What a failed write or sync does.
@Suite struct FailureTests {
  @Test("a failed sync is never retried: its mail is refused when the void is durable, its changes are written again")
  func failedSync() throws {
    let bench = try LogBench()
    bench.appendMail(text("before"), ticket: 1)
    bench.log.step()
    bench.appendMail(text("refused"), ticket: 2)
    bench.appendChange(text("outcome"), ticket: 3)
    bench.disk.fail(.sync)
    #expect(bench.log.step() == .synced)
    #expect(bench.owner.result(2) == .failed(.refused))
    #expect(bench.owner.extent(3)?.segment == 2)
    bench.appendMail(text("after"), ticket: 4)
    bench.log.step()
    #expect(bench.owner.extent(4)?.segment == 2, "nothing more goes into the file that failed")
    let next = try bench.reopened()
    #expect(next.seen == [Seen(17, text("before")), Seen(18, text("outcome")), Seen(17, text("after"))])
    #expect(next.recovered.damages.isEmpty && next.recovered.tornRecords == 0)
    #expect(bench.owner.count(2) == 1 && bench.owner.count(3) == 1)
  }

  @Test("what a write on a full disk leaves is void, and the sender is told that the disk is full")
  func fullDisk() throws {
    let bench = try LogBench()
    bench.appendMail(text("before"), ticket: 1)
    bench.log.step()
    bench.appendMail([UInt8](repeating: 1, count: 9000), ticket: 2)
    bench.disk.fail(.write, with: .error(ENOSPC))
    bench.log.step()
    #expect(bench.owner.result(2) == .failed(.full))
    #expect(try bench.reopened().seen == [Seen(17, text("before"))])
  }

  @Test("with no fresh segment to be had mail is refused at once, and changes go into the reserve of the old one")
  func noFreshSegment() throws {
    let bench = try LogBench(segmentOctets: 16 << 10)
    bench.appendMail([UInt8](repeating: 1, count: 7000), ticket: 1)
    bench.log.step()
    bench.disk.fail(.create, count: .max, with: .error(ENOSPC))
    bench.appendMail([UInt8](repeating: 2, count: 7000), ticket: 2)
    bench.appendChange(text("outcome"), ticket: 3)
    #expect(bench.log.step() == .synced)
    #expect(bench.owner.result(2) == .failed(.full))
    #expect(bench.owner.extent(3)?.segment == 1)
    // The last block of the segment is left; then changes wait in memory.
    for ticket in 4...6 as ClosedRange<UInt64> {
      bench.appendChange([UInt8](repeating: 4, count: 3000), ticket: ticket)
      bench.log.step()
    }
    #expect(bench.owner.result(6) == nil)
    bench.disk.heal()
    #expect(bench.log.step() == .synced)
    #expect(bench.owner.extent(6) != nil)
    let next = try bench.reopened()
    #expect(next.seen.count == 5)
    #expect(next.recovered.damages.isEmpty)
  }

  @Test("three fresh segments that fail make mail undecided, and so it stays until a sync succeeds; changes are kept")
  func threeFreshFailures() throws {
    let bench = try LogBench()
    bench.appendMail(text("before"), ticket: 1)
    bench.log.step()
    bench.disk.fail(.sync, count: .max)
    bench.appendMail(text("undecided"), ticket: 2)
    bench.appendChange(text("one"), ticket: 3)
    #expect(bench.log.step() == .owing)
    #expect(bench.owner.result(2) == .failed(.undecided))
    #expect(bench.owner.result(3) == nil)
    bench.appendMail(text("also"), ticket: 4)
    bench.appendChange(text("two"), ticket: 5)
    #expect(bench.log.step() == .owing)
    #expect(bench.owner.result(4) == .failed(.undecided))
    bench.disk.heal()
    #expect(bench.log.step() == .synced, "what is owed is paid without a new batch")
    #expect(bench.owner.extent(3) != nil && bench.owner.extent(5) != nil)
    bench.appendMail(text("after"), ticket: 6)
    bench.log.step()
    #expect(bench.owner.extent(6) != nil)
    let next = try bench.reopened()
    #expect(next.seen == [17, 18, 18, 17].enumerated().map { Seen($1, text(["before", "one", "two", "after"][$0])) })
    #expect(next.recovered.damages.isEmpty)
  }

  @Test("two fresh segments that fail are only two voids more", arguments: [1, 2])
  func someFreshFailures(failures: Int) throws {
    let bench = try LogBench()
    bench.appendMail(text("before"), ticket: 1)
    bench.log.step()
    bench.appendMail(text("refused"), ticket: 2)
    // The batch fails; then the header of each fresh segment succeeds and its records fail.
    for attempt in 0...failures { bench.disk.fail(.sync, nth: 1 + 2 * attempt) }
    #expect(bench.log.step() == .synced)
    #expect(bench.owner.result(2) == .failed(.refused))
    let next = try bench.reopened()
    #expect(next.seen == [Seen(17, text("before"))])
    #expect(next.recovered.damages.isEmpty && next.recovered.tornRecords == 0)
  }

  @Test("a segment whose directory sync fails is not used")
  func failedDirectorySync() throws {
    let bench = try LogBench()
    bench.disk.fail(.syncDirectory)
    bench.appendMail(text("refused"), ticket: 1)
    bench.log.step()
    #expect(bench.owner.result(1) == .failed(.refused))
    bench.appendMail(text("taken"), ticket: 2)
    bench.log.step()
    #expect(bench.owner.extent(2)?.segment == 2)
    #expect(bench.disk.names == ["00000002.wal"])
  }

  @Test("lingering changes whose sync fails later are written again with the rest")
  func lingeringFails() throws {
    let bench = try LogBench()
    bench.appendChange(text("one"), ticket: 1)
    bench.log.step(mayLinger: true)
    bench.appendMail(text("mail"), ticket: 2)
    bench.disk.fail(.write, with: .error(EIO))
    bench.log.step()
    #expect(bench.owner.extent(1)?.segment == 2)
    #expect(bench.owner.result(2) == .failed(.refused))
    #expect(try bench.reopened().seen == [Seen(18, text("one"))])
  }
}
