// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The mailboxes of an address field (RFC 5322 section 3.4; RFC 6854 allows groups in From too), read as forgivingly as
/// devices write them. It finds every address that a reader of the field might find, and changes nothing.
struct MailboxList {
  /// As they stand, without white space and comments.
  private(set) var addresses: [String] = []
  /// The display name of the first mailbox that has one, or of its group, as it stands: atoms, quoted strings, encoded
  /// words, folded as they are. nil: there is none.
  private(set) var name: ArraySlice<UInt8>?
  /// What stands in the first comment: the place of a name before RFC 822.
  private(set) var comment: ArraySlice<UInt8>?

  private let octets: ArraySlice<UInt8>

  /// `octets` is what stands behind the colon of the field.
  init(_ octets: ArraySlice<UInt8>) {
    self.octets = octets
    var start = octets.startIndex
    var position = start
    var hasAngle = false
    while position < octets.endIndex {
      let octet = octets[position]
      switch octet {
      case UInt8(ascii: "\""), UInt8(ascii: "["):
        position = Self.end(of: octet == UInt8(ascii: "[") ? UInt8(ascii: "]") : octet, octets, from: position + 1)
      case UInt8(ascii: "("):
        let end = Self.endOfComment(octets, from: position)
        if comment == nil, let end { comment = octets[(position + 1)..<(end - 1)] }
        position = end ?? octets.endIndex
      case UInt8(ascii: "<"):
        if !hasAngle { take(name: octets[start..<position]) }
        hasAngle = true
        let end = Self.end(of: UInt8(ascii: ">"), octets, from: position + 1)
        take(address: octets[(position + 1)..<end])
        position = end
        start = end
      case UInt8(ascii: ","), UInt8(ascii: ";"):
        finish(octets[start..<position], behindAngle: hasAngle)
        position += 1
        (start, hasAngle) = (position, false)
      case UInt8(ascii: ":"):
        finish(octets[start..<position], behindAngle: hasAngle)
        position += 1
        (start, hasAngle) = (position, false)
      default:
        position += 1
      }
    }
    finish(octets[start...], behindAngle: hasAngle)
  }

  /// An element without angle brackets is an address, or a name alone; what stands behind brackets is an address if it
  /// could be one.
  private mutating func finish(_ element: ArraySlice<UInt8>, behindAngle: Bool) {
    if Self.plain(element).contains(UInt8(ascii: "@")) {
      take(address: element)
    } else if !behindAngle {
      take(name: element)
    }
  }

  private mutating func take(name element: ArraySlice<UInt8>) {
    guard name == nil else { return }
    let trimmed = Self.trimmed(element)
    if !Self.plain(trimmed).isEmpty { name = trimmed }
  }

  /// An obsolete source route stands before the last colon of an angle address.
  private mutating func take(address element: ArraySlice<UInt8>) {
    var text = Self.plain(element.last == UInt8(ascii: ">") ? element.dropLast() : element)
    if text.first == UInt8(ascii: "@"), let colon = text.firstIndex(of: UInt8(ascii: ":")) {
      text.removeSubrange(...colon)
    }
    if !text.isEmpty { addresses.append(String(decoding: text, as: UTF8.self)) }
  }

  // MARK: octets

  /// Without comments, and outside quotes without white space.
  private static func plain(_ octets: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var position = octets.startIndex
    while position < octets.endIndex {
      switch octets[position] {
      case UInt8(ascii: "\""):
        let end = end(of: UInt8(ascii: "\""), octets, from: position + 1)
        result += octets[position..<end]
        position = end
      case UInt8(ascii: "("):
        position = endOfComment(octets, from: position) ?? octets.endIndex
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"):
        position += 1
      default:
        result.append(octets[position])
        position += 1
      }
    }
    return result
  }

  /// The index behind the closing octet; the end where it does not come.
  private static func end(of closing: UInt8, _ octets: ArraySlice<UInt8>, from start: Int) -> Int {
    var position = start
    while position < octets.endIndex {
      switch octets[position] {
      case closing: return position + 1
      case UInt8(ascii: "\\"): position += 2
      // A quoted local part may hold the octet that closes the brackets around it.
      case UInt8(ascii: "\"") where closing == UInt8(ascii: ">"):
        position = end(of: UInt8(ascii: "\""), octets, from: position + 1)
      default: position += 1
      }
    }
    return octets.endIndex
  }

  /// Comments nest (RFC 5322 section 3.2.2). nil: the end does not come.
  static func endOfComment(_ octets: ArraySlice<UInt8>, from start: Int) -> Int? {
    var depth = 0
    var position = start
    while position < octets.endIndex {
      switch octets[position] {
      case UInt8(ascii: "("): depth += 1
      case UInt8(ascii: ")"):
        depth -= 1
        if depth == 0 { return position + 1 }
      case UInt8(ascii: "\\"): position += 1
      default: break
      }
      position += 1
    }
    return nil
  }

  static func trimmed(_ octets: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    func isSpace(_ octet: UInt8) -> Bool { octet == 0x20 || octet == 0x09 || octet == 0x0D || octet == 0x0A }
    guard let first = octets.firstIndex(where: { !isSpace($0) }),
      let last = octets.lastIndex(where: { !isSpace($0) })
    else { return [] }
    return octets[first...last]
  }
}
