// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Whose turn it is in one lane: round robin over submitters, each one's mail by age.
///
/// Ready lists may name messages that are gone or not ready any more, and submitters whose number is another's by now;
/// the taker checks.
struct LaneTurns: Sendable {
  /// Messages that may be leased in this lane. Counted by whoever makes them ready.
  var readyCount = 0
  /// By number of the submitter; no list is empty.
  private var ready: [UInt32: Heap<UInt64>] = [:]
  /// Whose turn comes next, from `turnsStart` on; each submitter with a ready list, once.
  private var turns: [UInt32] = []
  private var turnsStart = 0

  mutating func list(_ id: UInt64, of submitter: UInt32) {
    if ready[submitter] == nil { turns.append(submitter) }
    ready[submitter, default: Heap()].insert(id)
  }

  /// The oldest ready message of the submitter whose turn it is; nil if nobody has one.
  mutating func takeNext(where isReady: (UInt64) -> Bool) -> UInt64? {
    while turnsStart < turns.count {
      let submitter = turns[turnsStart]
      turnsStart += 1
      if turnsStart > 64, turnsStart * 2 > turns.count {
        turns.removeFirst(turnsStart)
        turnsStart = 0
      }
      var taken: UInt64?
      while taken == nil, let id = ready[submitter]?.popFirst() {
        if isReady(id) { taken = id }
      }
      if ready[submitter]?.isEmpty == false {
        turns.append(submitter)
      } else {
        ready[submitter] = nil
      }
      if let taken { return taken }
    }
    return nil
  }
}
