// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import TestKit
import Testing
import WAL

@Suite("What is wrong with a spool is one sentence: what, where, whose, and what to do")
struct DamageSentenceTests {
  private let first = "00000001.wal"
  private let second = "00000002.wal"
  private let third = "00000003.wal"

  /// Three segments with a message each.
  private func three(salt: UInt64 = 11) throws -> SimulatedDisk {
    let disk = SimulatedDisk()
    let bench = try QueueBench(disk, policy: QueuePolicy(segmentOctets: 16 << 10), salt: salt)
    for _ in 0..<3 { bench.take(String(repeating: "x", count: 7000)) }
    #expect(bench.queue.log.segments == [1, 2, 3])
    return disk.copy()
  }

  private func put(_ octets: [UInt8], _ name: String, on disk: SimulatedDisk) throws {
    if disk.names.contains(name) { try disk.remove(name) }
    _ = try disk.create(name, octets: octets.count)
    disk.overwrite(name, at: 0, with: octets)
  }

  private func expect(_ disk: SimulatedDisk, _ word: String, _ sentence: String) throws {
    let report = try QueueBench(disk.copy()).report
    #expect(report.damages.map(\.word).contains(word))
    #expect(report.damages.map(\.description).contains(sentence), "\(report.damages.map(\.description))")
    #expect(report.damages.allSatisfy { !$0.description.contains("\n") })
  }

  private let restore = "keep a copy of the file, and restore it from a backup if there is one"
  private let putBack = "stop the daemon and put them back if they are somewhere"

  @Test("of files")
  func files() throws {
    var disk = try three()
    let octets = disk.contents(second)
    try disk.remove(second)
    try expect(
      disk, "missing-segment", "missing behind \(first): \(second), 1 record missing; \(putBack)")

    try put([], second, on: disk)
    try expect(disk, "cut-short", "\(second) is empty, 1 record missing; \(restore)")
    disk = try three()
    try put(Array(octets[..<6000]), second, on: disk)
    try expect(
      disk, "cut-short", "\(second) was cut short to 6000 of 16384 octets, 1 record missing; \(restore)")

    disk = try three()
    for copy in [0, 2048] { disk.overwrite(second, at: copy, with: [0]) }
    try expect(disk, "header", "unreadable header of \(second), so nothing of it can be read; \(restore)")

    disk = try three()
    try disk.rename(third, to: "00000009.wal")
    try expect(
      disk, "misnamed",
      "00000009.wal is segment \(third) under another name, and is not read; stop the daemon and give it back its name")

    disk = try three()
    try put(octets, "00000009.wal", on: disk)
    try expect(
      disk, "duplicate", "00000009.wal is a second copy of \(second), and is not read; move it away")

    let other = try three(salt: 5)
    try put(other.contents(third), "00000009.wal", on: disk)
    let report = try QueueBench(disk.copy()).report
    let damage = try #require(report.damages.first { $0.word == "foreign" })
    #expect(damage.description.hasPrefix("00000009.wal belongs to another spool ("))
    #expect(damage.description.hasSuffix(", made on gateway), and is not read; move it away"))
  }

  @Test("of records")
  func records() throws {
    let disk = SimulatedDisk()
    let bench = try QueueBench(disk)
    let id = bench.take("one")
    bench.take("two")
    bench.take("three")
    let damaged = disk.copy()
    damaged.flip(first, offset: 4096 + 40 + 60, bit: 1)
    try expect(
      damaged, "record", "damaged record in \(first) at offset 4096, 176 octets, message \(id); \(restore)")
    let blank = disk.copy()
    blank.overwrite(first, at: 4096, with: [UInt8](repeating: 0, count: 8192))
    try expect(
      blank, "gap",
      "records missing in \(first) at offset 4096, 8192 octets, 2 records, and nothing stands where they were; \(restore)"
    )
    // A type that no version has, with its checksum made right.
    let strange = disk.copy()
    var header = Array(strange.contents(first)[4096..<(4096 + 36)])
    header[4] = 99
    let place = [UInt8](unsafeUninitializedCapacity: 8) { octets, count in
      for index in 0..<8 { octets[index] = UInt8(truncatingIfNeeded: 4096 >> (8 * index)) }
      count = 8
    }
    let checksum = Checksum.crc32c(place, continuing: Checksum.crc32c(header))
    header += (0..<4).map { UInt8(truncatingIfNeeded: checksum >> (8 * $0)) }
    strange.overwrite(first, at: 4096, with: header)
    try expect(
      strange, "unknown-record",
      "record that no version of this program wrote in \(first) at offset 4096, 176 octets; \(restore)")
  }

  @Test("a spool that was last written on another host says so, until it has been written here")
  func host() throws {
    let disk = try three()
    let now = QueueBench.start
    let moved = try MessageQueue.open(disk: disk, policy: QueuePolicy(), now: now, salt: 3, host: "attic", ready: {})
    #expect(moved.report.otherHost == "gateway" && moved.report.damages.isEmpty)
    #expect(try QueueBench(disk.copy()).report.otherHost == nil)
  }
}
