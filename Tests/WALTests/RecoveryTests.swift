// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestKit
import Testing
import WAL

@Suite struct RecoveryTests {
  /// Three syncs of two records each.
  private func threeBatches() throws -> LogBench {
    let bench = try LogBench(segmentOctets: 20 << 10)
    for batch in 0..<3 {
      bench.appendMail(text("mail \(batch)"), ticket: UInt64(batch * 2 + 1))
      bench.appendChange(text("change \(batch), a little longer than the other"), ticket: UInt64(batch * 2 + 2))
      bench.log.step()
    }
    return bench
  }

  @Test("an empty directory is an empty log; other files are none of ours")
  func empty() throws {
    let disk = SimulatedDisk()
    _ = try disk.create("pid", octets: 4)
    _ = try disk.create("0000000g.wal", octets: 4)
    let bench = try LogBench(disk)
    #expect(bench.seen.isEmpty && bench.recovered.segments.isEmpty)
  }

  @Test(
    "a last sync cut at any octet, zeros or garbage behind: exactly what was whole is found, twice the same",
    arguments: [false, true])
  func tornTail(isGarbage: Bool) throws {
    let whole = try threeBatches()
    let name = "00000001.wal"
    let extents = (1...6).map { whole.owner.extent($0)! }
    let lastStart = Int(extents[4].offset)
    let end = Int(extents[5].offset) + RecordHeader.span(payload: Int(extents[5].octets))
    var generator = SeededGenerator(seed: 3)
    for cut in lastStart...end {
      let disk = whole.disk.copy()
      let tail = end - cut
      disk.overwrite(name, at: cut, with: isGarbage ? generator.octets(tail) : [UInt8](repeating: 0, count: tail))
      let first = try LogBench(disk.copy())
      // A record is whole when its payload is; padding counts for nothing.
      let expected = 4 + extents[4...].filter { Int($0.offset) + 40 + Int($0.octets) <= cut }.count
      #expect(first.seen.count == expected, "cut at \(cut)")
      #expect(first.recovered.damages.isEmpty, "cut at \(cut)")
      // Go on behind the torn end, and look again.
      first.appendMail(text("new"), ticket: 1)
      first.log.step()
      let second = try first.reopened()
      #expect(second.seen == first.seen + [Seen(17, text("new"))], "cut at \(cut)")
      #expect(second.recovered.damages.isEmpty && second.recovered.tornRecords == 0, "cut at \(cut)")
    }
  }

  @Test("a hole in the last sync is torn, and the records around it stay; the same hole in an earlier one is damage")
  func holes() throws {
    let whole = try threeBatches()
    let torn = whole.disk.copy()
    torn.overwrite("00000001.wal", at: Int(whole.owner.extent(5)!.offset), with: [0, 0, 0, 0])
    let first = try LogBench(torn)
    #expect(first.seen.count == 5 && first.recovered.damages.isEmpty && first.recovered.tornRecords == 1)
    first.appendMail(text("new"), ticket: 1)
    first.log.step()
    let second = try first.reopened()
    #expect(second.seen.count == 6 && second.recovered.damages.isEmpty && second.recovered.tornRecords == 0)

    let damaged = whole.disk.copy()
    let place = Int(whole.owner.extent(3)!.offset)
    damaged.overwrite("00000001.wal", at: place, with: [0, 0, 0, 0])
    let bench = try LogBench(damaged)
    #expect(bench.seen.count == 5)
    #expect(bench.recovered.damages.map(\.records) == [1])
    #expect(
      bench.recovered.damages.allSatisfy { $0.segment == 1 && $0.offset <= place && $0.offset + $0.octets > place })
  }

  @Test("records missing at the end of a segment are told by the header of the next")
  func missingTail() throws {
    let bench = try threeBatches()
    bench.appendMail([UInt8](repeating: 1, count: 9000), ticket: 7)
    bench.log.step()
    #expect(bench.log.segments.count == 2)
    let place = Int(bench.owner.extent(6)!.offset)
    bench.disk.overwrite("00000001.wal", at: place, with: [UInt8](repeating: 0, count: 96))
    let next = try bench.verified()
    #expect(next.seen.count == 6)
    #expect(next.recovered.damages.map(\.records) == [1])
    #expect(next.recovered.damages.first?.offset == place)
    #expect(try bench.reopened().seen.count == 7, "the index does without them")
  }

  @Test("every bit of a small log flipped: never a record that was not written, never another one lost, always told")
  func everyBit() throws {
    let whole = try threeBatches()
    whole.appendMail([UInt8](repeating: 1, count: 9000), ticket: 7)
    // The third is that of the records: of the new segment before, and of the index of the old one.
    whole.disk.fail(.sync, nth: 3)
    whole.log.step()
    whole.appendMail(text("last"), ticket: 8)
    whole.log.step()
    let original = try whole.reopened().seen
    #expect(original.count == 7)
    for name in whole.disk.names {
      let octets = whole.disk.contents(name)
      // Of the middle of a long run of equal octets, a sample will do.
      let isInRun = { (offset: Int) in
        let run = octets[max(0, offset - 40)...min(offset + 40, octets.count - 1)]
        return run.allSatisfy { $0 == octets[offset] }
      }
      for offset in octets.indices where offset % 256 == 0 || !isInRun(offset) {
        for bit in 0..<8 {
          let disk = whole.disk.copy()
          disk.flip(name, offset: offset, bit: bit)
          for bench in [try LogBench(disk.copy()), try LogBench(disk, isVerifying: true)] {
            let lost = original.filter { !bench.seen.contains($0) }
            #expect(bench.seen.allSatisfy(original.contains) && lost.count <= 1, "\(name) \(offset).\(bit)")
            if !lost.isEmpty {
              #expect(bench.recovered.damages.count + bench.recovered.tornRecords > 0, "\(name) \(offset).\(bit)")
            }
          }
        }
      }
    }
  }

  @Test("a segment whose making was cut short is ignored, whatever its header block holds")
  func unfinishedSegment() throws {
    let bench = try threeBatches()
    for (name, octets) in [("00000002.wal", 0), ("00000003.wal", 4096), ("00000004.wal", 20 << 10)] {
      _ = try bench.disk.create(name, octets: octets)
    }
    bench.disk.overwrite("00000004.wal", at: 0, with: [1, 2, 3])
    let next = try bench.reopened()
    #expect(next.seen.count == 6 && next.recovered.damages.isEmpty)
    next.appendMail(text("new"), ticket: 1)
    next.log.step()
    #expect(next.owner.extent(1)?.segment == 5)
    #expect(try next.reopened().seen.count == 7)
  }

  @Test("one bad copy of a segment header costs nothing; both cost the segment and are told")
  func headerCopies() throws {
    let bench = try threeBatches()
    bench.disk.overwrite("00000001.wal", at: 0, with: [UInt8](repeating: 0xAA, count: 512))
    #expect(try bench.reopened().seen.count == 6)
    bench.disk.overwrite("00000001.wal", at: 2048, with: [UInt8](repeating: 0xAA, count: 512))
    let next = try bench.reopened()
    #expect(next.seen.isEmpty && next.recovered.damages.count == 1)
  }

  @Test("a segment of a later version stops the start with a clear error")
  func newerVersion() throws {
    let bench = try threeBatches()
    var header = Array(bench.disk.contents("00000001.wal")[0..<60])
    header[8] = 5
    let checksum = Checksum.crc32c(header)
    bench.disk.overwrite(
      "00000001.wal", at: 0, with: header + (0..<4).map { UInt8(truncatingIfNeeded: checksum >> (8 * $0)) })
    #expect(throws: LogError.newerFormat(name: "00000001.wal", version: 5)) { try bench.reopened() }
    #expect(LogError.newerFormat(name: "00000001.wal", version: 5).description.contains("format 5 is newer than 4"))
  }

  @Test("a block that cannot be read costs the records in it and no others")
  func unreadableBlock() throws {
    let bench = try threeBatches()
    let disk = bench.disk.copy()
    // The first two reads are the copies of the segment header; then come windows, and block by block what fails.
    for nth in 3...12 {
      let disk = disk.copy()
      disk.fail(.read, nth: nth, count: 2)
      let next = try LogBench(disk)
      #expect(next.seen.count >= 4, "read \(nth)")
      #expect(next.seen.count == 6 || !next.recovered.damages.isEmpty || next.recovered.tornRecords > 0, "read \(nth)")
    }
  }

  @Test("power cuts at every point of a run with failing syncs: what was durable is there, what was refused is not")
  func powerCuts() throws {
    for seed in 0..<400 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let bench = try LogBench(SimulatedDisk(seed: seed), segmentOctets: 24 << 10)
      if !generator.oneIn(3) {
        bench.disk.fail(
          [.sync, .write, .create, .syncDirectory].randomElement(using: &generator)!,
          nth: Int.random(in: 1...12, using: &generator), count: [1, 1, 2, 5].randomElement(using: &generator)!,
          with: .error([EIO, ENOSPC].randomElement(using: &generator)!))
      }
      var written: [(ticket: UInt64, seen: Seen)] = []
      for _ in 0..<Int.random(in: 1...8, using: &generator) {
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
          let ticket = UInt64(written.count + 1)
          let payload = text("\(ticket) ") + generator.octets(Int.random(in: 0...3000, using: &generator))
          if generator.oneIn(3) {
            bench.appendChange(payload, ticket: ticket)
            written.append((ticket, Seen(18, payload)))
          } else {
            bench.appendMail(payload, ticket: ticket)
            written.append((ticket, Seen(17, payload)))
          }
        }
        bench.log.step(mayLinger: generator.oneIn(2))
      }
      bench.disk.crash(seed: seed)
      bench.disk.heal()
      let next = try LogBench(bench.disk)
      for (ticket, seen) in written {
        switch bench.owner.result(ticket) {
        case .durable: #expect(next.seen.contains(seen), "seed \(seed), ticket \(ticket) was durable")
        case .failed(.undecided), nil: break
        case .failed: #expect(!next.seen.contains(seen), "seed \(seed), ticket \(ticket) was refused")
        }
      }
      #expect(next.seen.allSatisfy { seen in written.contains { $0.seen == seen } }, "seed \(seed)")
      #expect(next.recovered.damages.isEmpty, "seed \(seed): \(next.recovered.damages)")
      // Go on, be killed, and find the same again.
      next.appendMail(text("new"), ticket: 1)
      next.log.step()
      let third = try next.reopened()
      #expect(third.seen == next.seen + [Seen(17, text("new"))], "seed \(seed)")
      #expect(third.recovered.damages.isEmpty, "seed \(seed): \(third.recovered.damages)")
      #expect(third.recovered.tornRecords == 0, "seed \(seed)")
    }
  }
}
