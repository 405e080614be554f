// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestKit
import Testing
import WAL

/// What a start makes of the end of the log when it is not clear what stands there.
@Suite struct EndOfLogTests {
  /// Three syncs of one record each, in one segment.
  private func three() throws -> LogBench {
    let bench = try LogBench()
    for ticket in 1...3 as ClosedRange<UInt64> {
      bench.appendMail(text("mail \(ticket)"), ticket: ticket)
      bench.log.step()
    }
    return bench
  }

  private let name = "00000001.wal"

  @Test("what a start found torn does not count when it can be read again")
  func tornForGood() throws {
    let bench = try three()
    let offset = Int(bench.owner.extent(3)!.offset)
    let octets = Array(bench.disk.contents(name)[offset..<(offset + 64)])
    bench.disk.overwrite(name, at: offset, with: [1])
    let next = try bench.reopened()
    #expect(next.seen.count == 2 && next.recovered.tornRecords == 1)
    next.appendMail(text("new"), ticket: 1)
    next.log.step()
    next.disk.overwrite(name, at: offset, with: octets)
    let third = try next.verified()
    #expect(third.seen.map(\.payload) == ["mail 1", "mail 2", "new"].map(text) && third.recovered.damages.isEmpty)
  }

  @Test("an end that cannot be read stops the start, and costs nothing: when it can be read everything is there")
  func unreadableEnd() throws {
    let bench = try three()
    let offset = Int(bench.owner.extent(3)!.offset)
    let disk = UnreadableDisk(bench.disk.copy(), name, offset)
    #expect(throws: LogError.unreadableEnd(name: name, offset: offset)) {
      try LogRecovery.run(disk: disk) { _, _, _, _ in }
    }
    #expect(try LogRecovery.verify(disk: disk) { _, _, _, _ in }.damages.count == 1)
    #expect(try bench.reopened().seen.count == 3)
  }

  @Test("a last segment whose header the disk does not give stops the start, and is there when it does")
  func unreadableLastHeader() throws {
    let bench = try three()
    let next = try bench.reopened()
    next.appendMail(text("in the second"), ticket: 4)
    next.log.step()
    for segment in 1...2 {
      let disk = next.disk.copy()
      // Each of the two copies of a header is one read.
      disk.fail(.read, nth: 2 * segment - 1, count: 2)
      guard segment == 2 else {
        let kinds = try LogRecovery.run(disk: disk) { _, _, _, _ in }.damages.map(\.kind)
        #expect(kinds == [.unreadableHeader], "what stands before another one is damage as ever")
        continue
      }
      let error = LogError.unreadableEnd(name: "00000002.wal", offset: 0)
      #expect(throws: error) { try LogRecovery.run(disk: disk) { _, _, _, _ in } }
      #expect(error.mayPass && next.disk.names == disk.names, "the start is tried again, and nothing was moved")
      #expect(try LogBench(disk.copy()).seen.last == Seen(17, text("in the second")))
      let verified = next.disk.copy()
      verified.fail(.read, nth: 3, count: 2)
      #expect(try LogRecovery.verify(disk: verified) { _, _, _, _ in }.damages.map(\.kind) == [.unreadableHeader])
    }
    for copy in 3...4 {
      let disk = next.disk.copy()
      disk.fail(.read, nth: copy)
      let recovered = try LogRecovery.run(disk: disk) { _, _, _, _ in }
      #expect(recovered.damages.isEmpty && recovered.badCopies.count == 1, "one copy is enough")
    }
  }

  @Test("nor does a start begin a log of its own where it cannot read the only segment")
  func unreadableOnlyHeader() throws {
    let bench = try three()
    let disk = UnreadableDisk(bench.disk.copy(), name, 0)
    #expect(throws: LogError.unreadableEnd(name: name, offset: 0)) {
      try LogRecovery.run(disk: disk) { _, _, _, _ in }
    }
  }

  @Test("a hole in the last sync that cannot be read is damage, is not voided, and is filled when it can be read")
  func unreadableHole() throws {
    let bench = try LogBench()
    for ticket in 1...3 as ClosedRange<UInt64> {
      bench.appendMail([UInt8](repeating: UInt8(ticket), count: 8152), ticket: ticket)
    }
    bench.log.step()
    let offset = Int(bench.owner.extent(2)!.offset)
    let recovered = try LogRecovery.run(disk: UnreadableDisk(bench.disk.copy(), name, offset)) { _, _, _, _ in }
    #expect(recovered.damages.map(\.records) == [1] && recovered.voids.isEmpty && recovered.tornRecords == 0)
  }

  @Test("a last segment that was cut short is told")
  func lastCutShort() throws {
    let bench = try three()
    let octets = bench.disk.contents(name).count
    let cut = Int(bench.owner.extent(2)!.offset) + 20
    bench.disk.cut(name, to: cut)
    let next = try bench.reopened()
    #expect(next.seen.count == 1 && next.recovered.damages.map(\.kind) == [.cutShort(to: cut, of: octets)])
  }

  @Test("the void of a failed sync does not hide what rotted before it")
  func rotBeforeVoid() throws {
    let bench = try three()
    bench.disk.fail(.sync)
    bench.appendMail(text("refused"), ticket: 4)
    bench.log.step()
    #expect(bench.owner.result(4) == .failed(.refused))
    bench.disk.overwrite(
      name, at: Int(bench.owner.extent(3)!.offset), with: [UInt8](repeating: 0, count: 64))
    let next = try bench.verified()
    #expect(next.seen.count == 2 && next.recovered.damages.map(\.records) == [1])
  }

  @Test("a segment cut inside the padding of its last record does not end the program")
  func cutInPadding() throws {
    let bench = try LogBench(segmentOctets: 16 << 10)
    bench.appendMail([UInt8](repeating: 1, count: 7001), ticket: 1)
    bench.log.step()
    bench.appendMail([UInt8](repeating: 2, count: 7001), ticket: 2)
    bench.log.step()
    bench.appendMail([UInt8](repeating: 3, count: 7001), ticket: 3)
    bench.log.step()
    for number in bench.log.segments {
      let disk = bench.disk.copy()
      let file = SegmentName.text(number)
      disk.cut(file, to: 4096 + 40 + 7001)
      disk.overwrite(file, at: 56, with: [0, 0, 0, 0])
      _ = try LogBench(disk)
    }
  }
}

/// A disk that does not give one block.
private final class UnreadableDisk: Disk {
  private let disk: SimulatedDisk
  private let name: String
  private let offset: Int

  init(_ disk: SimulatedDisk, _ name: String, _ offset: Int) {
    (self.disk, self.name, self.offset) = (disk, name, offset / 4096 * 4096)
  }

  func lock() throws(LogError) { try disk.lock() }
  func list() throws(LogError) -> [String] { try disk.list() }
  func create(_ name: String, octets: Int) throws(LogError) -> any DiskFile { try disk.create(name, octets: octets) }
  func remove(_ name: String) throws(LogError) { try disk.remove(name) }
  func rename(_ name: String, to newName: String) throws(LogError) { try disk.rename(name, to: newName) }
  func syncDirectory() throws(LogError) { try disk.syncDirectory() }
  func freeOctets() throws(LogError) -> Int64 { try disk.freeOctets() }

  func open(_ name: String) throws(LogError) -> any DiskFile {
    let file = try disk.open(name)
    return name == self.name ? File(file, offset) : file
  }

  private final class File: DiskFile {
    private let file: any DiskFile
    private let bad: Int

    init(_ file: any DiskFile, _ bad: Int) {
      (self.file, self.bad) = (file, bad)
    }

    var octets: Int { file.octets }
    func sync() throws(LogError) { try file.sync() }
    func forgetCached() { file.forgetCached() }

    func write(_ octets: UnsafeRawBufferPointer, at offset: Int) throws(LogError) -> Int {
      try file.write(octets, at: offset)
    }

    func read(into octets: UnsafeMutableRawBufferPointer, at offset: Int, mayBlock: Bool) throws(LogError) -> Int? {
      if offset < bad + 4096, bad < offset + octets.count { throw .disk(attempt: "read", name: "it", code: EIO) }
      return try file.read(into: octets, at: offset, mayBlock: mayBlock)
    }
  }
}
