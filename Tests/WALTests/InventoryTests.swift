// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestKit
import Testing
import WAL

@Suite("Files that are not what they should be are told apart, and nothing of a wrong one is read")
struct InventoryTests {
  private static let segment = 16 << 10

  /// Four segments with a record each.
  private func four(salt: UInt64 = 7, host: String = "gateway") throws -> LogBench {
    let bench = try LogBench(segmentOctets: Self.segment, salt: salt, host: host)
    for ticket in 1...4 as ClosedRange<UInt64> {
      bench.appendMail(Self.payload(ticket), ticket: ticket)
      bench.log.step()
    }
    #expect(bench.log.segments == [1, 2, 3, 4])
    return bench
  }

  private static func payload(_ ticket: UInt64) -> [UInt8] { [UInt8](repeating: UInt8(ticket), count: 8000) }

  private func name(_ number: UInt32) -> String { SegmentName.text(number) }

  private func copy(_ octets: [UInt8], to name: String, on disk: SimulatedDisk) throws {
    _ = try disk.create(name, octets: octets.count)
    disk.overwrite(name, at: 0, with: octets)
    try disk.syncDirectory()
  }

  /// What is read of the disk, and goes on as if nothing had happened behind every number that is there.
  private func reopen(_ disk: SimulatedDisk) throws -> (seen: [UInt8], kinds: [String: LogDamage.Kind], next: UInt32) {
    let bench = try LogBench(disk)
    let kinds = Dictionary(
      bench.recovered.damages.map { ($0.name, $0.kind) }, uniquingKeysWith: { first, _ in first })
    bench.appendMail([9], ticket: 1)
    bench.log.step()
    let again = try bench.reopened()
    #expect(again.seen.count == bench.seen.count + 1)
    #expect(again.recovered.damages.map(\.kind) == bench.recovered.damages.map(\.kind), "found twice is found the same")
    return (bench.seen.map { $0.payload[0] }, kinds, bench.owner.extent(1)!.segment)
  }

  @Test("a segment that is not there")
  func missing() throws {
    let bench = try four()
    try bench.disk.remove(name(2))
    let (seen, kinds, next) = try reopen(bench.disk)
    #expect(seen == [1, 3, 4] && kinds == [name(1): .missing([2])] && next == 5)
    try bench.disk.remove(name(3))
    #expect(try reopen(bench.disk).kinds == [name(1): .missing([2, 3])])
  }

  @Test("a head that the owner needs; it may also have been put aside")
  func missingHead() throws {
    let bench = try four()
    try bench.disk.remove(name(1))
    var recovered = try bench.reopened().recovered
    #expect(recovered.damages.isEmpty, "heads go when nothing needs them")
    recovered.require(2)
    #expect(recovered.damages.isEmpty)
    recovered.require(1)
    #expect(recovered.damages.map(\.kind) == [.missingHead([1])] && recovered.damages[0].name == name(1))
    try copy(Array("anything".utf8), to: SegmentName.setAside(1), on: bench.disk)
    recovered = try bench.reopened().recovered
    recovered.require(1)
    #expect(recovered.damages.isEmpty && recovered.setAside == [1])
  }

  @Test("two segments that have changed their names, and one under a name of its own")
  func misnamed() throws {
    let bench = try four()
    try bench.disk.rename(name(2), to: "x")
    try bench.disk.rename(name(3), to: name(2))
    try bench.disk.rename("x", to: name(3))
    let (seen, kinds, next) = try reopen(bench.disk)
    #expect(seen == [1, 4] && next == 5)
    #expect(kinds == [name(1): .missing([2, 3]), name(2): .misnamed(3), name(3): .misnamed(2)])

    let other = try four()
    try other.disk.rename(name(4), to: name(9))
    let found = try reopen(other.disk)
    #expect(found.seen == [1, 2, 3] && found.kinds == [name(9): .misnamed(4)] && found.next == 10)
    // Given back its name it is read again.
    try other.disk.rename(name(9), to: name(4))
    #expect(try reopen(other.disk).seen == [1, 2, 3, 4, 9])
  }

  @Test("a second copy of a segment")
  func duplicate() throws {
    let bench = try four()
    try copy(bench.disk.contents(name(2)), to: name(7), on: bench.disk)
    let (seen, kinds, next) = try reopen(bench.disk)
    #expect(seen == [1, 2, 3, 4] && kinds == [name(7): .duplicate(2)] && next == 8)
  }

  @Test("segments of another spool: ours has its floor, the highest number and the most; in doubt nothing starts")
  func foreign() throws {
    let bench = try four()
    let other = try four(salt: 8, host: "attic")
    try bench.disk.remove(name(2))
    try copy(other.disk.contents(name(2)), to: name(2), on: bench.disk)
    try copy(other.disk.contents(name(3)), to: name(0x20), on: bench.disk)
    let (seen, kinds, next) = try reopen(bench.disk)
    #expect(seen == [1, 3, 4] && next == 0x21)
    guard case .foreign(let spool, "attic") = kinds[name(2)] else {
      Issue.record("\(kinds)")
      return
    }
    #expect(spool != 0 && kinds[name(0x20)] == kinds[name(2)] && kinds[name(1)] == .missing([2]))

    let equal = try LogBench()
    for number in [1, 2] as [UInt32] { try copy(bench.disk.contents(name(1)), to: name(number), on: equal.disk) }
    try equal.disk.remove(name(2))
    try copy(other.disk.contents(name(2)), to: name(2), on: equal.disk)
    #expect(throws: LogError.self) { try LogBench(equal.disk) }

    // One living segment of ours, and two that were copied here.
    let one = try LogBench()
    one.appendMail([1], ticket: 1)
    one.log.step()
    for number in [2, 3] as [UInt32] { try copy(other.disk.contents(name(number)), to: name(number), on: one.disk) }
    do {
      _ = try LogBench(one.disk)
      Issue.record("started")
    } catch LogError.mixed(let spools) {
      #expect(spools.count == 2 && spools[1].contains("00000002.wal and 1 more") && spools[1].contains("attic"))
    }
    for number in [2, 3] as [UInt32] { try one.disk.remove(name(number)) }
    #expect(try reopen(one.disk).seen == [1])
  }

  @Test("a segment that was retired and put back is not read, under whatever name; one that was misnamed may come back")
  func retired() throws {
    let bench = try four()
    let (first, second) = (bench.disk.contents(name(1)), bench.disk.contents(name(2)))
    bench.owner.keep(from: 4)
    bench.appendMail(Self.payload(5), ticket: 5)
    bench.log.step()
    bench.appendMail(Self.payload(6), ticket: 6)
    bench.log.step()
    #expect(bench.log.segments == [4, 5, 6])
    try copy(first, to: name(1), on: bench.disk)
    try copy(second, to: name(0x20), on: bench.disk)
    let (seen, kinds, next) = try reopen(bench.disk)
    #expect(seen == [4, 5, 6] && kinds == [name(1): .retired(1), name(0x20): .retired(2)] && next == 0x21)

    let misnamed = try four()
    try misnamed.disk.rename(name(1), to: name(9))
    let away = try LogBench(misnamed.disk)
    away.appendMail([9], ticket: 1)
    away.log.step()
    try misnamed.disk.rename(name(9), to: name(1))
    #expect(try LogBench(misnamed.disk).seen.map { $0.payload[0] } == [1, 2, 3, 4, 9])
  }

  @Test("the removal of segments stops at no file of another spool")
  func foreignStays() throws {
    let bench = try four()
    let other = try four(salt: 8)
    try bench.disk.remove(name(2))
    try copy(other.disk.contents(name(2)), to: name(2), on: bench.disk)
    let next = try bench.reopened()
    next.owner.keep(from: .max)
    for ticket in 1...2 as ClosedRange<UInt64> {
      next.appendMail(Self.payload(ticket), ticket: ticket)
      next.log.step()
    }
    #expect(next.log.segments == [5] || next.log.segments == [6])
    #expect(next.disk.names.contains(name(2)) && !next.disk.names.contains(name(1)))
  }

  @Test("a segment without an octet, one that was cut short, one that holds only zeros", arguments: [1, 2] as [UInt32])
  func emptied(number: UInt32) throws {
    let octets = try four().disk.contents(name(number))
    for (contents, kind) in [
      ([], .cutShort(to: 0, of: nil)),
      (Array(octets[..<100]), .cutShort(to: 100, of: nil)),
      (Array(octets[..<200]), .cutShort(to: 200, of: octets.count)),
      (Array(octets[..<6000]), .cutShort(to: 6000, of: octets.count)),
      ([UInt8](repeating: 0, count: octets.count), .unreadableHeader),
    ] as [([UInt8], LogDamage.Kind)] {
      let bench = try four()
      try bench.disk.remove(name(number))
      try copy(contents, to: name(number), on: bench.disk)
      let (seen, kinds, next) = try reopen(bench.disk)
      #expect(seen == [1, 2, 3, 4].filter { $0 != number } && next == 5)
      #expect(kinds == [name(number): kind], "\(contents.count)")
    }
  }

  @Test("a header of which both copies are bad, behind which records stand")
  func unreadableHeader() throws {
    let bench = try four()
    for copy in [0, 2048] { bench.disk.overwrite(name(3), at: copy + 60, with: [0, 0, 0, 0]) }
    let (seen, kinds, _) = try reopen(bench.disk)
    #expect(seen == [1, 2, 4] && kinds == [name(3): .unreadableHeader])
  }

  @Test("numbers that are missing where nothing stands, and records that are not what was written")
  func gapAndRecord() throws {
    for (octet, kind) in [(UInt8(0), LogDamage.Kind.gap), (1, .record)] {
      let bench = try LogBench()
      for ticket in 1...3 as ClosedRange<UInt64> {
        bench.appendMail(text("mail"), ticket: ticket)
        bench.log.step()
      }
      let offset = Int(bench.owner.extent(2)!.offset)
      // All of it, or only what would prove the header.
      bench.disk.overwrite(
        name(1), at: octet == 0 ? offset : offset + 36, with: [UInt8](repeating: octet, count: octet == 0 ? 64 : 4))
      let next = try bench.reopened()
      #expect(next.seen.count == 2)
      #expect(next.recovered.damages.map(\.kind) == [kind] && next.recovered.damages[0].records == 1)
    }
  }

  @Test(
    "no new segment takes a number that any file has, also one that was put aside; a number too high counts for none")
  func numbers() throws {
    let bench = try four()
    try copy([], to: SegmentName.setAside(0x30), on: bench.disk)
    try copy([], to: "fffffffe.wal", on: bench.disk)
    #expect(try reopen(bench.disk).next == 0x31)
  }

  @Test("octets of a segment that was put aside are read there")
  func readsSetAside() throws {
    let bench = try four()
    let extent = bench.owner.extent(2)!
    try bench.disk.rename(name(2), to: SegmentName.setAside(2))
    #expect(try bench.log.read(extent, mayBlock: true) == Self.payload(2))
    try bench.disk.remove(SegmentName.setAside(2))
    #expect(throws: LogError.disk(attempt: "open", name: name(2), code: ENOENT)) {
      try bench.reopened().log.read(extent, mayBlock: true)
    }
  }

  @Test("each segment names the spool and the host, also behind segments that did not; a strange name does no harm")
  func identity() throws {
    let bench = try four(host: "a\u{1B}[2J" + String(repeating: "x", count: 300))
    let next = try bench.reopened()
    #expect(next.recovered.spool != 0)
    #expect(next.recovered.host == "a?[2J" + String(repeating: "x", count: 42))
    #expect(next.recovered.comes(fromOtherThan: "gateway"))
    #expect(!next.recovered.comes(fromOtherThan: "a\u{1B}[2J" + String(repeating: "x", count: 60)))
    next.appendMail([1], ticket: 1)
    next.log.step()
    let third = try next.reopened().recovered
    #expect(third.spool == next.recovered.spool && third.host == "gateway" && !third.comes(fromOtherThan: "gateway"))
    #expect(!RecoveredLog().comes(fromOtherThan: "gateway"))
  }
}
