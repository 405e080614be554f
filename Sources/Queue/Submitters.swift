// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Who has mail that is ready, and whose turn it is: round robin over submitters, each one's mail by age.
///
/// Ready lists may name messages that are gone or not ready any more; the taker checks.
struct Submitters: Sendable {
  private var names: [String: UInt32] = [:]
  private var submitters: [Submitter] = []
  private var vacant: [UInt32] = []
  /// Whose turn comes next, from `turnsStart` on; each submitter with a ready list that is not empty, once.
  private var turns: [UInt32] = []
  private var turnsStart = 0

  private struct Submitter: Sendable {
    var name: String
    var messages = 0
    var ready = Heap<UInt64>()
    var hasTurn = false
  }

  func name(_ submitter: UInt32) -> String { submitters[Int(submitter)].name }

  /// Counts a message of this submitter.
  mutating func enter(_ name: String) -> UInt32 {
    if let number = names[name] {
      submitters[Int(number)].messages += 1
      return number
    }
    let submitter = Submitter(name: name, messages: 1)
    let number: UInt32
    if let place = vacant.popLast() {
      number = place
      submitters[Int(number)] = submitter
    } else {
      number = UInt32(submitters.count)
      submitters.append(submitter)
    }
    names[name] = number
    return number
  }

  /// A message of this submitter is gone.
  mutating func leave(_ number: UInt32) {
    submitters[Int(number)].messages -= 1
    if submitters[Int(number)].messages == 0, !submitters[Int(number)].hasTurn { vacate(number) }
  }

  mutating func makeReady(_ id: UInt64, of number: UInt32) {
    submitters[Int(number)].ready.insert(id)
    if !submitters[Int(number)].hasTurn {
      submitters[Int(number)].hasTurn = true
      turns.append(number)
    }
  }

  /// The oldest ready message of the submitter whose turn it is; nil if nobody has one.
  mutating func takeNext(where isReady: (UInt64) -> Bool) -> UInt64? {
    while turnsStart < turns.count {
      let number = turns[turnsStart]
      turnsStart += 1
      if turnsStart > 64, turnsStart * 2 > turns.count {
        turns.removeFirst(turnsStart)
        turnsStart = 0
      }
      var taken: UInt64?
      while taken == nil, let id = submitters[Int(number)].ready.popFirst() {
        if isReady(id) { taken = id }
      }
      if submitters[Int(number)].ready.isEmpty {
        submitters[Int(number)].hasTurn = false
        if submitters[Int(number)].messages == 0 { vacate(number) }
      } else {
        turns.append(number)
      }
      if let taken { return taken }
    }
    return nil
  }

  /// Empties every ready list.
  mutating func forgetReady() {
    turns = []
    turnsStart = 0
    for number in submitters.indices {
      submitters[number].ready = Heap()
      submitters[number].hasTurn = false
      if submitters[number].messages == 0, names[submitters[number].name] == UInt32(number) { vacate(UInt32(number)) }
    }
  }

  private mutating func vacate(_ number: UInt32) {
    names[submitters[Int(number)].name] = nil
    submitters[Int(number)] = Submitter(name: "")
    vacant.append(number)
  }
}
