// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestKit
import Testing

@testable import WAL

@Suite("A last segment that has lost what it had is damage, also if nothing stands in it any more")
struct LostEndTests {
  private let name = "00000002.wal"

  /// Two segments; the first was left, so the second was there for good.
  private func spool() throws -> SimulatedDisk {
    let bench = try LogBench()
    var ticket: UInt64 = 0
    while bench.log.segments != [1, 2] {
      ticket += 1
      bench.appendMail([UInt8](repeating: 7, count: 9_000), ticket: ticket)
      bench.log.step()
    }
    #expect(try bench.reopened().recovered.damages.isEmpty)
    return bench.disk
  }

  private func damaged(_ change: (SimulatedDisk) -> Void) throws -> RecoveredLog {
    let disk = try spool().copy()
    change(disk)
    return try LogBench(disk).recovered
  }

  @Test("zeros from within its header on", arguments: [0, 30, 100])
  func zeros(offset: Int) throws {
    let log = try damaged { disk in
      let octets = disk.contents(name).count
      disk.overwrite(name, at: offset, with: [UInt8](repeating: 0, count: octets - offset))
    }
    #expect(log.damages.map(\.kind) == [.unreadableHeader] && log.damages.first?.segment == 2)
  }

  @Test("cut within its header, or before its first record", arguments: [0, 30, 2_078, 4_096])
  func cut(octets: Int) throws {
    let whole = try spool().contents(name).count
    let log = try damaged { $0.cut(name, to: octets) }
    #expect(log.damages.map(\.kind) == [.cutShort(to: octets, of: octets < 128 ? nil : whole)])
  }

  @Test("the file is not there; its number is not given again")
  func gone() throws {
    let log = try damaged { try? $0.remove(name) }
    #expect(log.damages.map(\.kind) == [.missing([2])] && log.nextSegment == 3)
  }

  @Test("zeros from the second copy of its header on")
  func secondCopy() throws {
    let log = try damaged { disk in
      let octets = disk.contents(name).count
      disk.overwrite(name, at: 2_060, with: [UInt8](repeating: 0, count: octets - 2_060))
    }
    #expect(log.badCopies == [Position(segment: 2, offset: 2_048)])
  }

  /// Seed 5224: the segment was left for the third one, after the second was given up.
  @Test("a bad copy of a header is not told of a segment that was given up before the one that came into use")
  func givenUp() throws {
    let bench = try LogBench()
    bench.disk.fail(.syncDirectory, nth: 2, with: .error(EIO))
    bench.disk.fail(.remove, count: .max, with: .error(EIO))
    var ticket: UInt64 = 0
    while bench.log.segments.last != 3 {
      ticket += 1
      bench.appendMail([UInt8](repeating: 7, count: 9_000), ticket: ticket)
      bench.log.step()
    }
    #expect(bench.log.segments == [1, 2, 3])
    bench.disk.heal()
    bench.disk.overwrite(name, at: 2_060, with: [UInt8](repeating: 0, count: 100))
    let recovered = try bench.reopened().recovered
    #expect(recovered.badCopies.isEmpty && recovered.damages.isEmpty)
  }

  @Test("a file without a header behind a segment that was not left is one whose making was cut short")
  func neverBegun() throws {
    let bench = try LogBench()
    bench.appendMail([1, 2, 3], ticket: 1)
    bench.log.step()
    _ = try bench.disk.create(name, octets: 4_096)
    #expect(try bench.reopened().recovered.damages.isEmpty)
  }
}
