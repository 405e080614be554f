// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Places of the log at which something is missing, until all of it has been read: what is damage, and what is the torn
/// end of a write that nobody was told of. Only `LogRecovery` uses it.
struct LogSuspects {
  private struct Suspect {
    var damage: LogDamage
    /// Whether it is damage whatever else is found.
    var isProven: Bool
    var sync: UInt64
  }

  private var suspects: [Suspect] = []

  var count: Int { suspects.count }

  /// Damage, whatever else is found.
  mutating func note(
    _ kind: LogDamage.Kind, _ segment: UInt32, offset: Int, octets: Int, records: UInt64 = 0,
    _ remains: RecordRemains? = nil
  ) {
    let damage = LogDamage(
      kind: kind, name: SegmentName.text(segment), segment: segment, offset: offset, octets: octets, records: records,
      type: remains?.type, payloadStart: remains?.payloadStart ?? [])
    suspects.append(Suspect(damage: damage, isProven: true, sync: 0))
  }

  /// Damage if it is proven or if this sync had succeeded.
  mutating func suspect(_ damage: LogDamage, isProven: Bool = false, sync: UInt64) {
    suspects.append(Suspect(damage: damage, isProven: isProven, sync: sync))
  }

  /// What the disk does not give today it may give tomorrow: its numbers are kept for it, and nothing is voided.
  mutating func prove(from first: Int, ifUnreadableBy scanner: SegmentScanner) {
    for place in first..<suspects.count {
      let damage = suspects[place].damage
      if scanner.firstUnreadable(from: damage.offset, to: damage.offset + damage.octets) != nil {
        suspects[place].isProven = true
      }
    }
  }

  /// When everything is read.
  func judge(provenSync: UInt64, into log: inout RecoveredLog) {
    for suspect in suspects {
      let damage = suspect.damage
      if suspect.isProven || suspect.sync <= provenSync {
        log.damages.append(damage)
        continue
      }
      log.tornRecords += Int(clamping: damage.records)
      log.torn.append(damage)
      if SeededFault.tornTailNotVoided { continue }
      log.voids.append(
        VoidRegion(
          segment: damage.segment, start: UInt32(damage.offset), end: UInt32(damage.offset + damage.octets),
          sync: suspect.sync))
    }
  }
}
