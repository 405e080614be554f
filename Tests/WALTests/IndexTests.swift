// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization
import TestKit
import Testing
import WAL

@Suite("The index of a segment is a shorter way to what is in it, and never to anything else")
struct IndexTests {
  /// Segments with small pages, filled by mail of which only the beginning is indexed, and by changes.
  private func filled(seed: UInt64, records: Int = 120, segmentOctets: Int = 32 << 10) throws -> LogBench {
    var generator = SeededGenerator(seed: seed)
    let bench = try LogBench(SimulatedDisk(seed: seed), segmentOctets: segmentOctets, salt: seed + 1)
    for ticket in 1...UInt64(records) {
      switch Int.random(in: 0..<6, using: &generator) {
      case 0..<3:
        let payload = generator.octets(Int.random(in: 20...1500, using: &generator))
        bench.appendMail(payload, ticket: ticket, indexed: Int.random(in: 0...20, using: &generator))
      case 3:
        // More than is repeated.
        bench.appendMail(generator.octets(Int.random(in: 1000...2500, using: &generator)), ticket: ticket)
      default:
        bench.appendChange(generator.octets(Int.random(in: 0...300, using: &generator)), ticket: ticket)
      }
      if generator.oneIn(2) { bench.log.step(mayLinger: generator.oneIn(2)) }
    }
    bench.log.step()
    return bench
  }

  /// What was found by the index says nothing else than what was found by reading.
  private func expectSame(_ bench: LogBench, _ comment: Comment) throws {
    let byIndex = try bench.reopened()
    let byReading = try bench.verified()
    #expect(byIndex.seen.count == byReading.seen.count, comment)
    for (short, whole) in zip(byIndex.seen, byReading.seen) {
      #expect(short.type == whole.type && whole.payload.starts(with: short.payload), comment)
      #expect(short.isWhole == (short.payload.count == whole.payload.count), comment)
    }
    let (left, right) = (byIndex.recovered, byReading.recovered)
    #expect(left.records == right.records && left.octets == right.octets && left.mark == right.mark, comment)
    #expect(left.damages == right.damages && left.tornRecords == right.tornRecords, comment)
    // They go on in the same way.
    for next in [byIndex, byReading] {
      next.appendMail(text("new"), ticket: 1)
      next.log.step()
    }
    #expect(byIndex.disk.names == byReading.disk.names, comment)
    #expect(
      byIndex.disk.contents(byIndex.disk.names.last!) == byReading.disk.contents(byReading.disk.names.last!), comment)
  }

  private func octetsRead(_ disk: SimulatedDisk) throws -> Int {
    let disk = CountingDisk(disk.copy())
    _ = try LogRecovery.run(disk: disk) { _, _, _, _ in }
    return disk.octetsRead
  }

  @Test(
    "random histories are found the same by the index and by reading everything", arguments: 0..<40 as Range<UInt64>)
  func same(seed: UInt64) throws {
    let bench = try filled(seed: seed)
    #expect(bench.log.segments.count > 2)
    try expectSame(bench, "seed \(seed)")
    let byIndex = try bench.reopened()
    #expect(byIndex.seen.contains { !$0.isWhole }, "the index was used")
    #expect(try bench.verified().seen.allSatisfy(\.isWhole))
  }

  @Test("the octets of the end of a segment are those of docs/FORMAT.md")
  func golden() throws {
    let bench = try LogBench(segmentOctets: 16 << 10, salt: 0x1122_3344_5566_7788)
    bench.appendMail(text("hello"), ticket: 1, indexed: 2)
    bench.appendChange(text("world!!!"), ticket: 2)
    bench.log.step()
    bench.appendMail([UInt8](repeating: 1, count: 9000), ticket: 3)
    bench.log.step()
    let octets = bench.disk.contents("00000001.wal")
    #expect(hex(octets[12288..<(12288 + 44)]) == goldenEntries)
    #expect(octets[(12288 + 44)..<(16384 - 64)].allSatisfy { $0 == 0 })
    #expect(hex(octets[(16384 - 64)...]) == goldenFooter)
  }

  // Made by a program of its own from the tables of docs/FORMAT.md.
  private let goldenEntries =
    "00100000050000004cbb719a110200000068653010000008000000920bd3951208000000776f726c"
    + "64212121"
  private let goldenFooter =
    "504f535449445800a91b22fe5de87a75030000000000000001000000000000006010000002000000"
    + "0000000000000000003000002c0000006693ddd077f36b18"

  @Test("content that is not indexed is not read")
  func costsEvents() throws {
    let bench = try LogBench(segmentOctets: 1 << 20)
    for ticket in 1...200 as ClosedRange<UInt64> {
      bench.appendMail([UInt8](repeating: 7, count: 50_000), ticket: ticket, indexed: 100)
      bench.log.step()
    }
    let sealed = bench.log.segments.count - 1
    #expect(sealed >= 9)
    // Of each segment that was left: the header, a small window for voids, the index. The last one is read as a whole.
    let read = try octetsRead(bench.disk)
    #expect(read < 3 << 20, "\(read) of \(bench.log.segments.count) MiB")
  }

  @Test("any octet of pages, entries and footer that is not what was written leads to reading, not to another result")
  func everyOctet() throws {
    let bench = try filled(seed: 5, records: 60, segmentOctets: 24 << 10)
    let original = try bench.verified()
    let sealed = bench.log.segments.dropLast()
    #expect(sealed.count >= 2)
    for number in sealed.prefix(2) {
      let name = SegmentName.text(number)
      let octets = bench.disk.contents(name)
      for offset in indexPlaces(octets) {
        let disk = bench.disk.copy()
        disk.flip(name, offset: offset, bit: offset % 8)
        let next = try LogBench(disk)
        #expect(next.seen.count == original.seen.count, "\(name) \(offset)")
        let isSame = zip(next.seen, original.seen).allSatisfy {
          $0.type == $1.type && $1.payload.starts(with: $0.payload)
        }
        #expect(isSame, "\(name) \(offset)")
        #expect(next.recovered.records == original.recovered.records, "\(name) \(offset)")
        #expect(next.recovered.damages.allSatisfy { $0.type == nil || $0.type == 2 }, "\(name) \(offset)")
      }
    }
  }

  /// Octets of the footer, of the entries before it, and of the records that are pages.
  private func indexPlaces(_ octets: [UInt8]) -> [Int] {
    let footer = octets.count - 64
    let field = { (at: Int) in
      octets.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: footer + at, as: UInt32.self)) }
    }
    var places = Array(footer..<octets.count) + Array(field(48)..<(field(48) + field(52)))
    var page = field(40)
    while page != 0 {
      let payload = octets.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: page + 28, as: UInt32.self)) }
      places += page..<(page + 40 + payload)
      page = octets.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: page + 40, as: UInt32.self)) }
    }
    return places
  }

  @Test("an index that says something else than the records is told by who reads everything")
  func contradiction() throws {
    let bench = try filled(seed: 6, records: 40)
    #expect(try bench.verified().recovered.damages.isEmpty)
    let name = SegmentName.text(1)
    var octets = bench.disk.contents(name)
    let footer = octets.count - 64
    let tail = octets.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: footer + 48, as: UInt32.self)) }
    let count = octets.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: footer + 52, as: UInt32.self)) }
    // The checksum of the first record that the tail names, with all checksums above it made right again.
    octets[tail + 8] ^= 1
    store(Checksum.crc32c(Array(octets[tail..<(tail + count)])), at: footer + 56, in: &octets)
    store(Checksum.crc32c(Array(octets[footer..<(footer + 60)])), at: footer + 60, in: &octets)
    bench.disk.overwrite(name, at: tail, with: Array(octets[tail...]))
    let damages = try bench.verified().recovered.damages
    #expect(damages.map(\.kind) == [.index] && damages[0].name == name && !damages[0].isLoss)
    #expect(try bench.verified().seen == filled(seed: 6, records: 40).verified().seen)
  }

  private func store(_ value: UInt32, at offset: Int, in octets: inout [UInt8]) {
    octets.replaceSubrange(offset..<(offset + 4), with: (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) })
  }

  @Test("the end of the index cut at any octet is harmless, whatever stands behind the cut", arguments: [false, true])
  func tornEnd(isGarbage: Bool) throws {
    let bench = try filled(seed: 7, records: 30, segmentOctets: 24 << 10)
    let original = try bench.verified()
    let name = SegmentName.text(1)
    let octets = bench.disk.contents(name)
    let footer = octets.count - 64
    let tail = octets.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: footer + 48, as: UInt32.self)) }
    var generator = SeededGenerator(seed: 8)
    for cut in stride(from: tail, to: octets.count, by: isGarbage ? 7 : 1) {
      let disk = bench.disk.copy()
      let rest = octets.count - cut
      disk.overwrite(name, at: cut, with: isGarbage ? generator.octets(rest) : [UInt8](repeating: 0, count: rest))
      let next = try LogBench(disk)
      #expect(next.seen.count == original.seen.count && next.recovered.damages.isEmpty, "cut at \(cut)")
      #expect(next.recovered.tornRecords == 0, "cut at \(cut)")
    }
  }

  @Test(
    "a failure while a segment is left refuses no mail, and costs only the index",
    arguments: [SimulatedDisk.Operation.write, .sync])
  func failedSeal(operation: SimulatedDisk.Operation) throws {
    let bench = try LogBench(segmentOctets: 16 << 10)
    bench.appendMail([UInt8](repeating: 1, count: 7000), ticket: 1, indexed: 10)
    bench.log.step()
    bench.appendMail([UInt8](repeating: 2, count: 7000), ticket: 2, indexed: 10)
    // First those of the new segment's header.
    bench.disk.fail(operation, nth: 2)
    #expect(bench.log.step() == .synced)
    #expect(bench.owner.extent(1)?.segment == 1 && bench.owner.extent(2)?.segment == 2)
    bench.disk.heal()
    let next = try bench.reopened()
    #expect(next.seen.map { $0.payload.first } == [1, 2] && next.recovered.damages.isEmpty)
    // After a failed sync what was written may still be seen, and is right.
    #expect(operation == .sync || next.seen.allSatisfy(\.isWhole), "read, for want of an index")
    for seed in 0..<20 as Range<UInt64> {
      let disk = bench.disk.copy()
      disk.crash(seed: seed)
      let next = try LogBench(disk)
      #expect(next.seen.count == 2 && next.recovered.damages.isEmpty && next.recovered.tornRecords == 0)
    }
  }

  @Test("power cuts while a segment is left lose nothing that was durable and tell of no damage")
  func powerCuts() throws {
    for seed in 0..<60 as Range<UInt64> {
      let bench = try LogBench(SimulatedDisk(seed: seed), segmentOctets: 16 << 10)
      bench.appendMail([UInt8](repeating: 1, count: 7000), ticket: 1, indexed: 10)
      bench.log.step()
      bench.appendMail([UInt8](repeating: 2, count: 7000), ticket: 2, indexed: 10)
      // Nothing of the seal, or of what comes behind it, is made durable.
      bench.disk.fail(.sync, nth: 2, count: .max)
      bench.log.step()
      bench.disk.crash(seed: seed)
      bench.disk.heal()
      let next = try LogBench(bench.disk)
      #expect(next.seen.first?.payload.first == 1 && next.recovered.damages.isEmpty, "seed \(seed)")
    }
  }

  @Test("the last segment, and one whose end nothing proves, are read as a whole")
  func unproven() throws {
    let bench = try filled(seed: 9, records: 40)
    let last = bench.log.segments.last!
    for number in bench.log.segments.dropFirst() { try bench.disk.remove(SegmentName.text(number)) }
    #expect(last > 1)
    #expect(try bench.reopened().seen.allSatisfy(\.isWhole))
    #expect(try bench.reopened().recovered.tornRecords == 0, "the index behind the records is no torn record")
  }

  @Test("a full disk takes the room of the index for changes, and the segment is read as a whole")
  func givesWay() throws {
    let bench = try LogBench(segmentOctets: 16 << 10)
    bench.appendMail([UInt8](repeating: 1, count: 7000), ticket: 1, indexed: 10)
    bench.log.step()
    bench.disk.fail(.create, count: .max, with: .error(ENOSPC))
    bench.appendChange([UInt8](repeating: 2, count: 3500), ticket: 2)
    #expect(bench.log.step() == .synced && bench.owner.extent(2)?.segment == 1)
    bench.disk.heal()
    bench.appendMail([UInt8](repeating: 3, count: 7000), ticket: 3)
    bench.log.step()
    #expect(bench.owner.extent(3)?.segment == 3)
    let next = try bench.reopened()
    #expect(next.seen.map(\.isWhole) == [true, true, true] && next.recovered.damages.isEmpty)
  }
}

/// Counts what is read of another disk.
private final class CountingDisk: Disk {
  private let disk: SimulatedDisk
  private let count = Counter()

  init(_ disk: SimulatedDisk) { self.disk = disk }

  var octetsRead: Int { count.value }

  func lock() throws(LogError) { try disk.lock() }
  func list() throws(LogError) -> [String] { try disk.list() }
  func create(_ name: String, octets: Int) throws(LogError) -> any DiskFile { try disk.create(name, octets: octets) }
  func open(_ name: String) throws(LogError) -> any DiskFile { File(file: try disk.open(name), count: count) }
  func remove(_ name: String) throws(LogError) { try disk.remove(name) }
  func rename(_ name: String, to newName: String) throws(LogError) { try disk.rename(name, to: newName) }
  func syncDirectory() throws(LogError) { try disk.syncDirectory() }
  func freeOctets() throws(LogError) -> Int64 { try disk.freeOctets() }

  private final class Counter: Sendable {
    private let state = Mutex(0)
    func add(_ octets: Int) { state.withLock { $0 += octets } }
    var value: Int { state.withLock { $0 } }
  }

  private final class File: DiskFile {
    private let file: any DiskFile
    private let count: Counter

    init(file: any DiskFile, count: Counter) {
      self.file = file
      self.count = count
    }

    var octets: Int { file.octets }
    func write(_ octets: UnsafeRawBufferPointer, at offset: Int) throws(LogError) -> Int {
      try file.write(octets, at: offset)
    }
    func sync() throws(LogError) { try file.sync() }
    func forgetCached() { file.forgetCached() }
    func read(into octets: UnsafeMutableRawBufferPointer, at offset: Int, mayBlock: Bool) throws(LogError) -> Int? {
      let done = try file.read(into: octets, at: offset, mayBlock: mayBlock)
      count.add(done ?? 0)
      return done
    }
  }
}
