// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The messages of the queue by their numbers. A dictionary of the messages themselves would pay for its empty places
/// with a hundred octets each, and copy every message when it grows; this one knows of each only the place, in pages
/// that never move. A page that becomes empty is given back.
struct MessageTable: Sendable {
  private var slots: [UInt64: UInt32] = [:]
  /// Where the message is that was changed last: it is asked for again several times before another one is.
  private var last: (number: UInt64, slot: UInt32)?
  private var pages: [Page] = []
  /// Places without a message, the one freed last first.
  private var vacant: [UInt32] = []

  private struct Page: Sendable {
    var messages: [QueueState.Message?] = []
    var used = 0
  }

  private static let pageMessages = 256

  var count: Int { slots.count }
  var isEmpty: Bool { slots.isEmpty }

  /// As of a dictionary: nil takes the message away.
  subscript(number: UInt64) -> QueueState.Message? {
    get {
      guard let slot = slot(of: number) else { return nil }
      return pages[slot / Self.pageMessages].messages[slot % Self.pageMessages]
    }
    _modify {
      guard let slot = slot(of: number) else {
        var message: QueueState.Message?
        yield &message
        if let message { insert(message, number) }
        return
      }
      last = (number, UInt32(slot))
      let (page, place) = (slot / Self.pageMessages, slot % Self.pageMessages)
      yield &pages[page].messages[place]
      if pages[page].messages[place] == nil { vacate(slot, number) }
    }
  }

  mutating func remove(_ number: UInt64) -> QueueState.Message? {
    let message = self[number]
    self[number] = nil
    return message
  }

  func contains(_ number: UInt64) -> Bool { slot(of: number) != nil }

  private func slot(of number: UInt64) -> Int? {
    if let last, last.number == number { return Int(last.slot) }
    return slots[number].map(Int.init)
  }

  private mutating func insert(_ message: QueueState.Message, _ number: UInt64) {
    if vacant.isEmpty {
      let start = UInt32(pages.count * Self.pageMessages)
      vacant = (start..<(start + UInt32(Self.pageMessages))).reversed()
      pages.append(Page())
    }
    let slot = Int(vacant.removeLast())
    let page = slot / Self.pageMessages
    if pages[page].used == 0 { pages[page].messages = [QueueState.Message?](repeating: nil, count: Self.pageMessages) }
    pages[page].messages[slot % Self.pageMessages] = message
    pages[page].used += 1
    slots[number] = UInt32(slot)
    last = (number, UInt32(slot))
  }

  private mutating func vacate(_ slot: Int, _ number: UInt64) {
    let page = slot / Self.pageMessages
    slots[number] = nil
    last = nil
    vacant.append(UInt32(slot))
    pages[page].used -= 1
    if pages[page].used == 0 { pages[page].messages = [] }
  }
}
