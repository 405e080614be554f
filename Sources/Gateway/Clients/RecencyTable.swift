// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// A table of bounded size from which goes first what was touched longest ago. Everything takes the same time however many
/// entries there are, so who makes many of them costs no more than who makes one. Belongs to `ClientTable`.
struct RecencyTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private struct Slot: Sendable {
    var key: Key
    var value: Value
    /// Places of the neighbours in the order of touching; none: -1.
    var older: Int
    var newer: Int
  }

  let capacity: Int
  private var places: [Key: Int] = [:]
  private var slots: [Slot] = []
  /// Places of slots that hold nothing.
  private var vacant: [Int] = []
  private var newest = -1
  private var oldest = -1

  init(capacity: Int) {
    precondition(capacity > 0)
    self.capacity = capacity
  }

  var count: Int { places.count }

  subscript(key: Key) -> Value? { places[key].map { slots[$0].value } }

  /// Those touched last come first.
  func values(where isWanted: (Value) -> Bool) -> [Value] {
    var values: [Value] = []
    var place = newest
    while place >= 0 {
      if isWanted(slots[place].value) { values.append(slots[place].value) }
      place = slots[place].older
    }
    return values
  }

  /// Touches an entry and changes it; nil: there is none.
  mutating func update<Result>(_ key: Key, _ body: (inout Value) -> Result) -> Result? {
    guard let place = places[key] else { return nil }
    if place != newest {
      unlink(place)
      link(place)
    }
    return body(&slots[place].value)
  }

  /// A new entry, in the place of the oldest if the table is full.
  mutating func insert(_ key: Key, _ value: Value) {
    if places.count == capacity { _ = remove(slots[oldest].key) }
    let slot = Slot(key: key, value: value, older: -1, newer: -1)
    let place = vacant.popLast() ?? slots.count
    if place == slots.count { slots.append(slot) } else { slots[place] = slot }
    places[key] = place
    link(place)
  }

  mutating func remove(_ key: Key) -> Value? {
    guard let place = places.removeValue(forKey: key) else { return nil }
    unlink(place)
    vacant.append(place)
    return slots[place].value
  }

  private mutating func link(_ place: Int) {
    slots[place].older = newest
    slots[place].newer = -1
    if newest >= 0 { slots[newest].newer = place } else { oldest = place }
    newest = place
  }

  private mutating func unlink(_ place: Int) {
    let (older, newer) = (slots[place].older, slots[place].newer)
    if newer >= 0 { slots[newer].older = older } else { newest = older }
    if older >= 0 { slots[older].newer = newer } else { oldest = newer }
  }
}
