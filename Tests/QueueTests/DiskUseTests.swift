// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP
import TestKit
import Testing
import WAL

@Suite("Disk use stays within three times the live octets and two segments")
struct DiskUseTests {
  private static let segmentOctets = 64 << 10

  /// Octets that a message takes if each of its records is the only one of its sync.
  private func blocks(_ chunks: [[UInt8]]) -> Int {
    chunks.dropLast().reduce(0) { $0 + (40 + $1.count + 4095) / 4096 * 4096 } + (400 + chunks.last!.count + 4095) / 4096
      * 4096
  }

  @Test("under random histories with held messages from the beginning, small and large ones", arguments: 0..<12)
  func randomHistories(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let policy = QueuePolicy(segmentOctets: Self.segmentOctets)
    let bench = try QueueBench(SimulatedDisk(seed: seed), policy: policy)
    let disk = bench.simulatedDisk
    var live: [MessageID: Int] = [:]
    var peak = 0.0
    for round in 0..<150 {
      for _ in 0..<Int.random(in: 0...2, using: &generator) {
        let isLarge = generator.oneIn(12)
        let chunks = (0..<(isLarge ? 12 : Int.random(in: 1...2, using: &generator))).map { _ in
          generator.octets(Int.random(in: 1...(isLarge ? 6_000 : 3_000), using: &generator))
        }
        guard let (id, _) = bench.submit(chunks) else { continue }
        if generator.oneIn(2) { bench.settle() }
        live[id] = blocks(chunks)
      }
      bench.settle()
      if round % 10 == 0 || generator.oneIn(8), let id = bench.all.last?.id {
        _ = bench.queue.hold([id], until: nil, by: PeerText("root"), now: bench.now)
      }
      if generator.oneIn(40) {
        _ = bench.queue.release(bench.all.map(\.id).filter { _ in generator.oneIn(2) }, now: bench.now)
      }
      for _ in 0..<Int.random(in: 0...3, using: &generator) {
        let result: RecipientOutcome.Result = generator.oneIn(5) ? .deferred : .delivered
        if let id = bench.deliver(result), result == .delivered { live[id] = nil }
      }
      bench.settle()
      try bench.compact()
      bench.pass(minute)
      let octets = disk.names.filter { $0.hasSuffix(".wal") }.reduce(0) { $0 + disk.contents($1).count }
      let bound = 3 * live.values.reduce(0, +) + 2 * Self.segmentOctets
      peak = max(peak, Double(octets) / Double(bound))
      #expect(octets <= bound, "seed \(seed), round \(round)")
      #expect(Set(bench.all.map(\.id)) == Set(live.keys), "seed \(seed), round \(round)")
    }
    #expect(bench.queue.log.segments.first! > 5, "seed \(seed): the head has moved on")
    #expect(peak > 0.4, "seed \(seed): the bound is not idle")
    let next = try bench.restarted(policy: policy)
    #expect(Set(next.all.map(\.id)) == Set(live.keys) && next.report.damages.isEmpty)
  }
}
