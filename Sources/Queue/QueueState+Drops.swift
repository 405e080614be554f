// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// The part of the fold that takes messages out of the queue by order, puts them back, and ends them.
extension QueueState {
  /// A second order for the same message changes nothing.
  mutating func drop(_ number: UInt64, _ order: DropOrder, _ time: Int64) {
    guard messages[number] != nil, !messages[number]!.isDropped else { return }
    messages[number]!.isDropped = true
    drops.insert(order, number, time: time, standstill: standstill)
    schedule(number, time)
  }

  /// What this added to the life of the message becomes a part of the message; a hold goes on as if nothing had been.
  mutating func undrop(_ number: UInt64, _ time: Int64) {
    guard messages[number]?.isDropped == true else { return }
    if !messages[number]!.isHeld {
      messages[number]!.standstill -= drops.lengthening(number, at: time, standstill: standstill)
    }
    messages[number]!.isDropped = false
    drops.remove(number)
    schedule(number, time)
  }

  mutating func erase(_ number: UInt64) -> [Extent] {
    guard let message = messages[number] else { return [] }
    remove(number)
    return message.allExtents
  }
}
