// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Who brought the messages of the queue, each kept once however much mail is his. Sources that are one submitter share
/// a number for turns: a login has one turn, from wherever it comes.
struct Submitters: Sendable {
  private var sources = Interned<MailSource>()
  private var names = Interned<String>()
  /// Number of the submitter, by source.
  private var submitters: [UInt32] = []

  func source(_ number: UInt32) -> MailSource { sources[number] }

  func name(_ number: UInt32) -> String { names[submitters[Int(number)]] }

  /// Among whom turns are given.
  func submitter(_ number: UInt32) -> UInt32 { submitters[Int(number)] }

  /// Counts a message of this source.
  mutating func enter(_ source: MailSource) -> UInt32 {
    let (number, isNew) = sources.enter(source)
    if isNew {
      let submitter = names.enter(source.submitter).number
      if Int(number) < submitters.count { submitters[Int(number)] = submitter } else { submitters.append(submitter) }
    }
    return number
  }

  /// A message of this source is gone.
  mutating func leave(_ number: UInt32) {
    if sources.leave(number) { _ = names.leave(submitters[Int(number)]) }
  }
}

/// Values that are used by many, as small numbers. The number of a value that nobody uses any more is given to another.
private struct Interned<Value: Hashable & Sendable>: Sendable {
  private var numbers: [Value: UInt32] = [:]
  private var entries: [(value: Value, uses: Int)] = []
  private var vacant: [UInt32] = []

  subscript(number: UInt32) -> Value { entries[Int(number)].value }

  mutating func enter(_ value: Value) -> (number: UInt32, isNew: Bool) {
    if let number = numbers[value] {
      entries[Int(number)].uses += 1
      return (number, false)
    }
    let number: UInt32
    if let place = vacant.popLast() {
      number = place
      entries[Int(number)] = (value, 1)
    } else {
      number = UInt32(entries.count)
      entries.append((value, 1))
    }
    numbers[value] = number
    return (number, true)
  }

  /// Whether that was its last use.
  mutating func leave(_ number: UInt32) -> Bool {
    entries[Int(number)].uses -= 1
    guard entries[Int(number)].uses == 0 else { return false }
    numbers[entries[Int(number)].value] = nil
    vacant.append(number)
    return true
  }
}
