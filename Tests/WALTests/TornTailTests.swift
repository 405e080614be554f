// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import TestKit
import Testing
import WAL

@Suite("The last write of a log is cut anywhere")
struct TornTailTests {
  /// A log of three batches, of which nobody was told that the last is durable.
  private struct Torn {
    let disk: SimulatedDisk
    let name = "00000001.wal"
    /// Payloads of the batches that are.
    let committed: [[UInt8]]
    let last: [[UInt8]]
    /// Where the last write stands.
    let start: Int
    let octets: [UInt8]

    /// `sizes` are those of the payloads of the last batch.
    init(_ sizes: [Int]) throws {
      disk = SimulatedDisk()
      let bench = try LogBench(disk)
      var generator = SeededGenerator(seed: 5)
      committed = [[40, 900], [3_000]].flatMap { sizes -> [[UInt8]] in
        let payloads = sizes.map { Self.payload($0, &generator) }
        for payload in payloads { bench.appendMail(payload, ticket: 1) }
        bench.log.step()
        return payloads
      }
      let before = disk.contents(name)
      last = sizes.map { Self.payload($0, &generator) }
      for payload in last { bench.appendMail(payload, ticket: 2) }
      disk.fail(.sync, count: .max)
      disk.fail(.create, count: .max)
      bench.log.step()
      disk.heal()
      let after = disk.contents(name)
      start = after.indices.first { after[$0] != before[$0] }! & ~(SegmentHeader.blockOctets - 1)
      octets = Array(after[start...(after.lastIndex { $0 != 0 }!)])
    }

    /// No zeros, so that zeros are no part of it.
    private static func payload(_ count: Int, _ generator: inout SeededGenerator) -> [UInt8] {
      (0..<count).map { _ in UInt8.random(in: 1...255, using: &generator) }
    }

    /// What the platter has when `count` octets have arrived and the rest of the sectors is `fill`.
    func cut(at count: Int, fill: [UInt8]) -> SimulatedDisk {
      let disk = disk.copy()
      disk.overwrite(name, at: start, with: Array(octets[..<count]) + fill[count...])
      return disk
    }

    /// Records whose octets have all arrived.
    func whole(at count: Int) -> Int {
      var end = 0
      return last.prefix { payload in
        defer { end = (end + RecordHeader.octets + payload.count + 7) & ~7 }
        return end + RecordHeader.octets + payload.count <= count
      }.count
    }
  }

  /// What recovery must find, twice, and what stays so when the log has gone on.
  private func check(_ torn: Torn, at count: Int, fill: [UInt8], _ comment: Comment) throws {
    let disk = torn.cut(at: count, fill: fill)
    let expected = torn.committed + torn.last.prefix(torn.whole(at: count))
    let before = disk.contents(torn.name)
    let first = try LogBench(disk)
    #expect(first.seen.map(\.payload) == expected, comment)
    #expect(first.recovered.damages.isEmpty, comment)
    #expect(disk.contents(torn.name) == before && disk.names == [torn.name], comment)
    disk.kill()
    let second = try LogBench(disk)
    #expect(second.seen == first.seen, comment)
    #expect(second.recovered.damages.isEmpty && second.recovered.torn == first.recovered.torn, comment)
    #expect(second.recovered.voids == first.recovered.voids, comment)
    second.appendMail([7, 7, 7], ticket: 3)
    second.log.step()
    disk.crash(seed: UInt64(count))
    let third = try LogBench(disk)
    #expect(third.seen.map(\.payload) == expected + [[7, 7, 7]], comment)
    #expect(third.recovered.damages.isEmpty && third.recovered.tornRecords == 0, comment)
  }

  @Test("at each octet, with zeros or noise behind it: what was committed is there, nothing else, twice the same")
  func everyOctet() throws {
    let torn = try Torn([30, 101, 64])
    var generator = SeededGenerator(seed: 9)
    let noise = generator.octets(torn.octets.count)
    #expect(torn.octets.count > 300)
    for count in 1...torn.octets.count {
      try check(torn, at: count, fill: [UInt8](repeating: 0, count: torn.octets.count), "zeros from \(count)")
      try check(torn, at: count, fill: noise, "noise from \(count)")
    }
  }

  @Test("at each sector and page of a long one", arguments: [512, 4096])
  func everySector(size: Int) throws {
    let torn = try Torn([5_000, 17, 9_000])
    var generator = SeededGenerator(seed: 10)
    let noise = generator.octets(torn.octets.count)
    for count in stride(from: size, to: torn.octets.count, by: size) {
      try check(torn, at: count, fill: [UInt8](repeating: 0, count: torn.octets.count), "zeros from \(count)")
      try check(torn, at: count, fill: noise, "noise from \(count)")
    }
  }
}
