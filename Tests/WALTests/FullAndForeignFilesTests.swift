// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestKit
import Testing
import WAL

/// Segments are made where others have files, and where there is hardly room.
@Suite struct FullAndForeignFilesTests {
  @Test("a file that somebody put where the next segment would be stays, whatever fails, and no mail is refused for it")
  func occupied() throws {
    for fault in [nil, .open, .create] as [SimulatedDisk.Operation?] {
      let bench = try LogBench()
      bench.appendMail(text("one"), ticket: 1)
      bench.log.step()
      let file = try bench.disk.create("00000002.wal", octets: 8)
      _ = text("precious").withUnsafeBytes { try? file.write($0, at: 0) }
      let next = try bench.reopened()
      _ = try next.disk.create("00000003.wal", octets: 8)
      next.disk.overwrite("00000003.wal", at: 0, with: text("precious"))
      if let fault { next.disk.fail(fault, with: .error(EMFILE)) }
      next.appendMail(text("two"), ticket: 2)
      next.log.step()
      #expect(fault != nil || next.owner.extent(2)?.segment == 4)
      next.appendMail(text("three"), ticket: 3)
      next.log.step()
      #expect(next.owner.extent(3)!.segment >= 4)
      for name in ["00000002.wal", "00000003.wal"] { #expect(next.disk.contents(name) == text("precious")) }
      #expect(!next.log.segments.contains(3))
    }
  }

  @Test("numbers come to an end with an error, not with a trap")
  func lastNumber() throws {
    let bench = try LogBench()
    for number in (UInt32.max - 3)...(UInt32.max - 1) { _ = try bench.disk.create(SegmentName.text(number), octets: 0) }
    let next = try LogBench(bench.disk)
    next.appendMail(text("one"), ticket: 1)
    next.log.step()
    #expect(next.owner.extent(1)?.segment == 1)
  }

  @Test("with no room for a whole segment outcomes are recorded in a small one, also after a second restart")
  func smallSegment() throws {
    let first = try LogBench(segmentOctets: 1 << 20)
    first.appendMail(text("mail"), ticket: 1)
    first.log.step()
    first.disk.limit(.init(octets: first.disk.usedOctets + (200 << 10)))
    for isMailFirst in [false, true] {
      var disk = first.disk.copy()
      for restart in 1...3 as ClosedRange<UInt64> {
        let next = try LogBench(disk, segmentOctets: 1 << 20)
        #expect(next.recovered.damages.isEmpty && next.seen.count == Int(restart))
        if isMailFirst {
          next.appendMail(text("refused"), ticket: 1)
        }
        next.appendChange(text("outcome"), ticket: 2)
        #expect(next.log.step() == .synced)
        #expect(next.owner.extent(2) != nil, "restart \(restart)")
        if isMailFirst { #expect(next.owner.result(1) == .failed(.full)) }
        disk = next.disk.copy()
      }
      #expect(try LogBench(disk).seen.count == 4)
    }
  }
}
