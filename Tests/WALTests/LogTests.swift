// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestKit
import Testing
import WAL

@Suite struct LogTests {
  @Test("one step makes everything that was appended durable with one sync, and tells the owner once")
  func groupCommit() throws {
    let bench = try LogBench()
    for ticket in 1...20 as ClosedRange<UInt64> { bench.appendMail(text("mail \(ticket)"), ticket: ticket) }
    #expect(bench.owner.calls == 0)
    #expect(bench.log.step() == .synced)
    // One for the header of the new segment, one for the records.
    #expect(bench.disk.count(.sync) == 2)
    #expect(bench.owner.calls == 1)
    #expect(bench.log.step() == .idle)
    #expect(try bench.reopened().seen == (1...20).map { Seen(17, text("mail \($0)")) })
    #expect(try bench.log.read(bench.owner.extent(7)!, mayBlock: true) == text("mail 7"))
    #expect(try bench.log.read(bench.owner.extent(7)!.position).type == 17)
  }

  @Test("the octets of a segment are those of docs/FORMAT.md")
  func golden() throws {
    let bench = try LogBench(segmentOctets: 16 << 10, salt: 0x1122_3344_5566_7788)
    bench.appendMail(text("hello"), ticket: 1)
    bench.appendChange(text("world!!!"), ticket: 2)
    bench.log.step()
    let octets = bench.disk.contents("00000001.wal")
    #expect(octets.count == 16 << 10)
    #expect(hex(octets[0..<128]) == goldenHeader)
    #expect(octets[2048..<2176].elementsEqual(octets[0..<128]))
    #expect(octets[128..<2048].allSatisfy { $0 == 0 } && octets[2176..<4096].allSatisfy { $0 == 0 })
    #expect(hex(octets[4096..<4192]) == goldenRecords)
    #expect(octets[4192...].allSatisfy { $0 == 0 })
  }

  @Test("each sync begins on a new block of 4 KiB, each record at a multiple of 8")
  func alignment() throws {
    let bench = try LogBench()
    bench.appendMail([1], ticket: 1)
    bench.appendMail([2], ticket: 2)
    bench.log.step()
    bench.appendMail([3], ticket: 3)
    bench.log.step()
    #expect((1...3).map { bench.owner.extent($0)!.offset } == [4096, 4096 + 48, 8192])
  }

  @Test("a segment that is full is followed by another, used only when its header and its name are durable")
  func rolls() throws {
    let bench = try LogBench(segmentOctets: 16 << 10)
    for ticket in 1...5 as ClosedRange<UInt64> {
      bench.appendMail([UInt8](repeating: UInt8(ticket), count: 5000), ticket: ticket)
      bench.log.step()
    }
    #expect(bench.log.segments.count == 5)
    #expect(bench.disk.count(.syncDirectory) == 5)
    // One record larger than a segment gets a segment of its own size.
    bench.appendMail([UInt8](repeating: 9, count: 40_000), ticket: 6)
    bench.log.step()
    #expect(try bench.log.read(bench.owner.extent(6)!, mayBlock: true)?.count == 40_000)
    #expect(try bench.reopened().seen.count == 6)
  }

  @Test("short writes and interruptions are finished, not reported")
  func shortWrites() throws {
    let bench = try LogBench()
    bench.appendMail([UInt8](repeating: 7, count: 3000), ticket: 1)
    bench.disk.fail(.write, nth: 1, count: 3, with: .short)
    bench.disk.fail(.write, nth: 5, count: 2, with: .error(EINTR))
    bench.log.step()
    #expect(bench.owner.extent(1) != nil)
    #expect(try bench.reopened().seen == [Seen(17, [UInt8](repeating: 7, count: 3000))])
  }

  @Test("changes alone may linger: written at once, synced with the next record that someone waits for")
  func lingers() throws {
    let bench = try LogBench()
    bench.appendChange([1], ticket: 1)
    #expect(bench.log.step(mayLinger: true) == .lingering)
    #expect(bench.owner.result(1) == nil)
    #expect(try bench.reopened().seen == [Seen(18, [1])], "a kill does not lose what is written")
    bench.appendChange([2], ticket: 2)
    #expect(bench.log.step(mayLinger: true) == .lingering)
    bench.appendMail([3], ticket: 3)
    #expect(bench.log.step(mayLinger: true) == .synced)
    #expect((1...3).allSatisfy { bench.owner.extent($0) != nil })
    #expect(bench.disk.count(.sync) == 2)
    #expect(try bench.reopened().seen.count == 3)
    bench.appendChange([4], ticket: 4)
    #expect(bench.log.step(mayLinger: true) == .lingering)
    #expect(bench.log.step() == .synced)
    #expect(bench.owner.extent(4) != nil)
  }

  @Test("segments at the head go when nothing needs them, in order, each removal durable; the last one stays")
  func retires() throws {
    let bench = try LogBench(segmentOctets: 16 << 10)
    func fill(_ ticket: UInt64) {
      bench.appendMail([UInt8](repeating: 1, count: 9000), ticket: ticket)
      bench.log.step()
    }
    for ticket in 1...4 as ClosedRange<UInt64> { fill(ticket) }
    bench.owner.keep(from: 3)
    fill(5)
    #expect(bench.log.segments == [3, 4, 5])
    #expect(bench.disk.names == ["00000003.wal", "00000004.wal", "00000005.wal"])
    #expect(bench.disk.count(.syncDirectory) == 5 + 2)
    bench.owner.keep(from: .max)
    bench.disk.fail(.remove)
    fill(6)
    #expect(bench.log.segments == [3, 4, 5, 6], "a removal that fails is tried again later")
    fill(7)
    #expect(bench.log.segments == [7])
    let next = try bench.reopened()
    #expect(next.recovered.damages.isEmpty && next.seen.count == 1)
  }

  @Test("reading without waiting gives nothing while the octets are not in memory")
  func coldRead() throws {
    let bench = try LogBench()
    bench.appendMail([5], ticket: 1)
    bench.log.step()
    let extent = bench.owner.extent(1)!
    #expect(try bench.log.read(extent, mayBlock: false) == nil, "the file is not open yet")
    #expect(try bench.log.read(extent, mayBlock: true) == [5])
    #expect(try bench.log.read(extent, mayBlock: false) == [5])
    bench.disk.setCold(true)
    #expect(try bench.log.read(extent, mayBlock: false) == nil)
  }

  @Test("octets that are not what was written are never returned")
  func damagedRead() throws {
    let bench = try LogBench()
    bench.appendMail(text("content"), ticket: 1)
    bench.log.step()
    let extent = bench.owner.extent(1)!
    bench.disk.flip("00000001.wal", offset: Int(extent.offset) + 40 + 3, bit: 5)
    #expect(throws: LogError.damaged(name: "00000001.wal", offset: 4096)) {
      try bench.log.read(extent, mayBlock: true)
    }
    #expect(throws: LogError.self) { try bench.log.read(extent.position) }
  }

  // Made by a program of its own from the tables of docs/FORMAT.md.
  private let goldenHeader =
    "504f535445524e000400000001000000a91b22fe5de87a7501000000000000000100000000000000"
    + "000000000000000000000000000000000040000014cd2741e232f6831b2909770100000007676174"
    + "65776179000000000000000000000000000000000000000000000000000000000000000000000000"
    + "0000000055a98d7a"
  private let goldenRecords =
    "a91b22fe110000000100000000000000010000000000000000000000050000004cbb719a8a86ff73"
    + "68656c6c6f000000a91b22fe12000000020000000000000001000000000000000100000008000000"
    + "920bd395bc8c7f53776f726c64212121"
}

func hex(_ octets: some Sequence<UInt8>) -> String {
  octets.map { octet in
    let digits = String(octet, radix: 16)
    return digits.count == 1 ? "0" + digits : digits
  }.joined()
}
