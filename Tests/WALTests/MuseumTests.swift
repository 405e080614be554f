// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestKit
import Testing
import WAL

/// Faults of ours that the harness found, each with the seed that showed it. They stay fixed.
@Suite struct MuseumTests {
  @Test("a segment that was given up before it was used, and came back with a power cut, is not taken for damage")
  func givenUpSegmentComesBack() throws {
    for seed in 0..<64 as Range<UInt64> {
      let bench = try LogBench(segmentOctets: 24 << 10)
      bench.appendMail(text("before"), ticket: 1)
      bench.log.step()
      bench.appendMail(text("undecided"), ticket: 2)
      bench.appendChange([UInt8](repeating: 3, count: 2000), ticket: 3)
      bench.disk.fail(.sync, count: .max)
      #expect(bench.log.step() == .owing)
      bench.disk.heal()
      bench.disk.crash(seed: seed)
      let next = try LogBench(bench.disk)
      next.appendMail(text("after"), ticket: 1)
      next.log.step()
      let third = try next.reopened()
      #expect(third.recovered.damages.isEmpty, "seed \(seed)")
      #expect(third.seen.first == Seen(17, text("before")) && third.seen.last == Seen(17, text("after")))
    }
  }

  @Test("half a header of a segment that was given up is not told as a bad copy")
  func halfHeader() throws {
    for seed in 0..<64 as Range<UInt64> {
      let bench = try LogBench(SimulatedDisk(seed: seed), segmentOctets: 24 << 10)
      bench.appendMail(text("before"), ticket: 1)
      bench.log.step()
      bench.disk.fail(.write, count: .max, with: .error(ENOSPC))
      bench.appendMail(text("refused"), ticket: 2)
      bench.log.step()
      bench.disk.heal()
      bench.disk.crash(seed: seed)
      let next = try LogBench(bench.disk)
      #expect(next.recovered.badCopies.isEmpty && next.recovered.damages.isEmpty, "seed \(seed)")
    }
  }

  @Test("a head that was removed without a directory sync does not keep the heads behind it")
  func headWithoutDirectorySync() throws {
    let bench = try LogBench(segmentOctets: 16 << 10)
    for ticket in 1...8 as ClosedRange<UInt64> {
      bench.appendMail([UInt8](repeating: 1, count: 7000), ticket: ticket)
      bench.log.step()
    }
    bench.owner.keep(from: .max)
    bench.disk.fail(.syncDirectory)
    bench.appendChange(text("one"), ticket: 9)
    bench.log.step()
    bench.appendChange(text("two"), ticket: 10)
    bench.log.step()
    #expect(bench.disk.names.count == 1 && bench.log.segments.count == 1)
  }

  @Test("a file that could not be removed when its segment was given up goes later, and before what was made after it")
  func givenUpSegmentStays() throws {
    let bench = try LogBench(segmentOctets: 16 << 10)
    bench.appendMail(text("before"), ticket: 1)
    bench.log.step()
    bench.disk.fail(.sync, nth: 1, count: 2)
    bench.disk.fail(.remove, nth: 1, count: 3)
    bench.appendMail(text("refused"), ticket: 2)
    bench.log.step()
    #expect(bench.owner.result(2) == .failed(.refused))
    #expect(bench.disk.names.count == 3)
    bench.owner.keep(from: .max)
    for ticket in 3...8 as ClosedRange<UInt64> {
      bench.appendMail([UInt8](repeating: 1, count: 7000), ticket: ticket)
      bench.log.step()
      #expect(try bench.reopened().recovered.damages.isEmpty)
    }
    #expect(bench.disk.names.count == 1)
  }

  @Test("a file that was given up before it had its length is not taken for one that was cut short")
  func givenUpFileIsShort() throws {
    for seed in 0..<32 as Range<UInt64> {
      let bench = try LogBench(SimulatedDisk(seed: seed), segmentOctets: 24 << 10)
      bench.appendMail(text("before"), ticket: 1)
      bench.log.step()
      bench.disk.fail(.sync, nth: 1, count: 4)
      bench.appendMail(text("undecided"), ticket: 2)
      bench.log.step()
      bench.disk.crash(seed: seed)
      #expect(try LogBench(bench.disk).recovered.damages.isEmpty, "seed \(seed)")
    }
  }

  @Test("a file that could not be made nor removed is no floor of the log")
  func emptyFileAtTheFloor() throws {
    for seed in 0..<8 as Range<UInt64> {
      let bench = try LogBench(SimulatedDisk(seed: seed))
      bench.disk.fail(.create)
      bench.disk.fail(.remove)
      bench.appendMail(text("refused"), ticket: 1)
      bench.log.step()
      bench.appendMail(text("taken"), ticket: 2)
      bench.log.step()
      bench.disk.kill()
      #expect(try LogBench(bench.disk).recovered.damages.isEmpty, "seed \(seed)")
    }
  }

  @Test("records of a failed sync that memory still shows after a kill are not taken for durable")
  func cachedAfterKill() throws {
    let bench = try LogBench()
    bench.appendMail(text("before"), ticket: 1)
    bench.log.step()
    bench.appendMail(text("undecided"), ticket: 2)
    bench.disk.fail(.sync, count: .max)
    bench.log.step()
    bench.disk.heal()
    bench.disk.kill()
    let next = try LogBench(bench.disk)
    #expect(next.seen == [Seen(17, text("before"))])
    next.appendMail(text("after"), ticket: 1)
    next.log.step()
    for seed in 0..<16 as Range<UInt64> {
      let disk = bench.disk.copy()
      disk.crash(seed: seed)
      let third = try LogBench(disk)
      #expect(third.seen == [Seen(17, text("before")), Seen(17, text("after"))] && third.recovered.damages.isEmpty)
    }
  }

  @Test("a damaged record before a void is told of: the void does not swallow it")
  func damageBeforeVoid() throws {
    let bench = try LogBench()
    bench.appendMail(text("before"), ticket: 1)
    bench.log.step()
    bench.appendMail(text("hit"), ticket: 2)
    bench.log.step()
    bench.disk.fail(.sync)
    bench.appendMail(text("refused"), ticket: 3)
    bench.log.step()
    bench.appendMail(text("after"), ticket: 4)
    bench.log.step()
    #expect(try bench.reopened().recovered.damages.isEmpty)
    for bit in 0..<320 {
      let disk = bench.disk.copy()
      disk.flip("00000001.wal", offset: 8192 + bit / 8, bit: bit % 8)
      let next = try LogBench(disk)
      #expect(next.seen == [Seen(17, text("before")), Seen(17, text("after"))], "bit \(bit)")
      #expect(!next.recovered.damages.isEmpty, "bit \(bit)")
    }
  }
}
