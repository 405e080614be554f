// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP
import WAL

/// A spool with all kinds of records, of which octets are changed on the platter: whatever is changed is detected or
/// harmless. Never a wrong envelope or content, never another message lost than the one that was hit, never a message
/// that was refused; but where a file has lost its whole end, and with it both voids of that message, somebody is told.
package struct DamagedSpool {
  private let disk: SimulatedDisk
  private let names: [String]
  private let original: [MessageID: Whole]

  private struct Whole: Equatable {
    var envelope: Envelope
    var content: [UInt8]
  }

  /// Messages of one record and of several, deferred, held, and one that a failed sync refused in the middle.
  package init(messages: Int) {
    disk = SimulatedDisk(seed: 1)
    let maker = SpoolMaker(disk)
    for number in 0..<messages { maker.add(number, isRefused: number == messages / 2) }
    names = disk.names
    original = Self.deliverable(disk.copy())?.found ?? [:]
    precondition(original.count == messages - 1, "\(original.count) of \(messages) messages")
  }

  /// Octets that are not part of a run of zeros.
  package var octets: Int { places.count }

  private var places: [(name: String, offset: Int)] {
    names.flatMap { name -> [(String, Int)] in
      let octets = disk.contents(name)
      return octets.indices.filter { offset in
        octets[max(0, offset - 24)...min(offset + 24, octets.count - 1)].contains { $0 != 0 }
      }.map { (name, $0) }
    }
  }

  /// nil, or the first bit that broke a promise.
  package func flipEveryBit(everyNth: Int = 1) -> String? {
    var count = 0
    for (name, offset) in places {
      for bit in 0..<8 {
        count += 1
        guard count.isMultiple(of: everyNth) else { continue }
        let damaged = disk.copy()
        damaged.flip(name, offset: offset, bit: bit)
        if let fault = judge(damaged, mayLose: 1) { return "\(name), octet \(offset), bit \(bit): \(fault)" }
      }
    }
    return nil
  }

  /// One bit, or the end of a file cut or overwritten.
  package func damage(times: UInt64) -> String? {
    let places = places
    for seed in 0..<times {
      var generator = SeededGenerator(seed: seed)
      let damaged = disk.copy()
      let (name, offset) = places.randomElement(using: &generator)!
      let octets = disk.contents(name).count
      let isFlip = !generator.oneIn(10)
      var isSilent = false
      switch Int.random(in: 0..<3, using: &generator) {
      case _ where isFlip: damaged.flip(name, offset: offset, bit: Int.random(in: 0..<8, using: &generator))
      case 0: damaged.cut(name, to: offset)
      case 1:
        damaged.overwrite(name, at: offset, with: [UInt8](repeating: 0, count: octets - offset))
        // Where the log has lost whole records at its end, it stands as it did before they were written.
        isSilent = name == names.last && offset >= SegmentHeader.copyOffset + SegmentHeader.octets
      default: damaged.overwrite(name, at: offset, with: generator.octets(octets - offset))
      }
      if let fault = judge(damaged, mayLose: isFlip ? 1 : .max, isSilent: isSilent) {
        return "seed \(seed), \(name), octet \(offset): \(fault)"
      }
    }
    return nil
  }

  private func judge(_ damaged: SimulatedDisk, mayLose: Int, isSilent: Bool = false) -> String? {
    guard let (found, isTold) = Self.deliverable(damaged) else { return nil }
    for (id, whole) in found where original[id] != whole {
      if original[id] != nil { return "\(id) has another envelope or content" }
      if mayLose == 1 || !isTold { return "\(id) is there, which is none" }
    }
    let lost = original.keys.filter { found[$0] == nil }
    if lost.count > mayLose { return "\(lost.count) messages are lost" }
    return lost.isEmpty || isTold || isSilent
      ? nil : "\(lost[0]) is lost, and nobody is told; there is \(found.keys.map { "\($0)" }.sorted())"
  }

  /// Everything that would be delivered, whenever its time comes, and whether recovery told of anything. nil if the
  /// queue refuses to start.
  private static func deliverable(_ disk: SimulatedDisk) -> (found: [MessageID: Whole], isTold: Bool)? {
    let now = SpoolMaker.start.advanced(by: 3_600_000)
    guard
      let (queue, report) = try? MessageQueue.open(
        disk: disk, policy: SpoolMaker.policy, now: now, salt: 9, host: "gateway", ready: {})
    else { return nil }
    let ids = queue.page(after: nil, limit: .max).map(\.id)
    _ = queue.release(ids, now: now)
    _ = queue.flush(ids, now: now)
    var found: [MessageID: Whole] = [:]
    var isTold = !report.damages.isEmpty || report.tornRecords > 0
    while let lease = queue.lease(now: now) {
      var content: [UInt8] = []
      var isWhole = true
      for chunk in 0..<lease.content.chunkCount {
        if let octets = try? queue.read(chunk, of: lease.content, mayBlock: true) {
          content += octets
        } else {
          isWhole = false
        }
      }
      if isWhole { found[lease.id] = Whole(envelope: lease.envelope, content: content) } else { isTold = true }
      let reply = Reply(250, EnhancedStatus(2, 0, 0), "ok")
      let outcomes = lease.recipientIndexes.map { RecipientOutcome(index: $0, result: .delivered, reply: reply) }
      queue.record(outcomes, of: lease, now: now, jitter: 0)
    }
    return (found, isTold)
  }
}
