// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The numbers of all messages in ascending order. Those that are gone stay until they are many; the reader checks.
struct OrderedIDs: Sendable {
  private var numbers: [UInt64] = []
  private var goneCount = 0
  /// Everything before this place is known to be gone.
  private var start = 0

  /// Nearly always at the end: numbers are given in the order of acceptance.
  mutating func insert(_ number: UInt64) {
    if let last = numbers.last, last > number {
      let place = place(behind: number)
      numbers.insert(number, at: place)
      start = min(start, place)
    } else {
      numbers.append(number)
    }
  }

  /// Tells that one more is gone; `exists` is asked only when it is time to clean up.
  mutating func noteGone(exists: (UInt64) -> Bool) {
    goneCount += 1
    guard goneCount > 64, goneCount * 2 > numbers.count else { return }
    numbers.removeAll { !exists($0) }
    goneCount = 0
    start = 0
  }

  /// The first that exists and is meant. What is found gone on the way is not looked at again.
  mutating func first(where exists: (UInt64) -> Bool, isMeant: (UInt64) -> Bool) -> UInt64? {
    while start < numbers.count, !exists(numbers[start]) { start += 1 }
    return numbers[start...].first { exists($0) && isMeant($0) }
  }

  /// At most `limit` numbers behind `after`, gone ones included; the last is where to go on.
  func page(after: UInt64, limit: Int) -> ArraySlice<UInt64> {
    numbers[place(behind: after)...].prefix(limit)
  }

  private func place(behind number: UInt64) -> Int {
    var low = 0
    var high = numbers.count
    while low < high {
      let middle = (low + high) / 2
      if numbers[middle] > number { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
