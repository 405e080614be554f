// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// A display name on its way into another mailbox: as it stands where it is a phrase (RFC 5322 section 3.2.5), so that
/// encoded words and folding stay what they are; else quoted.
enum DisplayName {
  /// The name as it may stand before an angle address; nil if nothing of it can be kept.
  static func phrase(_ name: ArraySlice<UInt8>) -> [UInt8]? {
    let isShort = name.split(separator: UInt8(ascii: "\n")).allSatisfy { $0.count <= MailLimits.nameLineOctetsMax }
    if isShort, isPhrase(name) { return Array(name) }
    return quoted(name)
  }

  /// Words, dots (which RFC 5322 section 4.1 lets stand), comments, and octets above 127.
  private static func isPhrase(_ name: ArraySlice<UInt8>) -> Bool {
    var position = name.startIndex
    var hasWord = false
    while position < name.endIndex {
      let octet = name[position]
      switch octet {
      case UInt8(ascii: "\""):
        guard let end = endOfQuoted(name, from: position) else { return false }
        hasWord = true
        position = end
      case UInt8(ascii: "("):
        guard let end = MailboxList.endOfComment(name, from: position), isClean(name[position..<end]) else {
          return false
        }
        position = end
      case UInt8(ascii: "\r"):
        guard isFold(name, at: position) else { return false }
        position += 2
      case UInt8(ascii: " "), UInt8(ascii: "\t"):
        position += 1
      case 0x80...0xFF, UInt8(ascii: "."):
        hasWord = true
        position += 1
      case 0x21...0x7E where !specials.contains(octet):
        hasWord = true
        position += 1
      default:
        return false
      }
    }
    return hasWord
  }

  /// nil where it does not end, or holds what a quoted string may not.
  private static func endOfQuoted(_ name: ArraySlice<UInt8>, from start: Int) -> Int? {
    var position = start + 1
    while position < name.endIndex {
      switch name[position] {
      case UInt8(ascii: "\""): return position + 1
      case UInt8(ascii: "\\"):
        guard position + 1 < name.endIndex, (0x20...0x7E).contains(name[position + 1]) else { return nil }
        position += 2
      case UInt8(ascii: "\r"):
        guard isFold(name, at: position) else { return nil }
        position += 2
      case 0x20...0x7E, 0x80...0xFF, UInt8(ascii: "\t"): position += 1
      default: return nil
      }
    }
    return nil
  }

  private static func isClean(_ octets: ArraySlice<UInt8>) -> Bool {
    octets.indices.allSatisfy { index in
      switch octets[index] {
      case UInt8(ascii: "\r"): isFold(octets, at: index)
      case UInt8(ascii: "\n"): index > octets.startIndex && octets[index - 1] == UInt8(ascii: "\r")
      case UInt8(ascii: "\t"), 0x20...0x7E, 0x80...0xFF: true
      default: false
      }
    }
  }

  /// CRLF with white space behind it.
  private static func isFold(_ octets: ArraySlice<UInt8>, at position: Int) -> Bool {
    position + 2 < octets.endIndex && octets[position + 1] == UInt8(ascii: "\n")
      && (octets[position + 2] == UInt8(ascii: " ") || octets[position + 2] == UInt8(ascii: "\t"))
  }

  /// The text in quotes, without what quotes cannot hold; nil if that is nothing, or too long for a line.
  private static func quoted(_ name: ArraySlice<UInt8>) -> [UInt8]? {
    var result = [UInt8(ascii: "\"")]
    var isEmpty = true
    for octet in name {
      switch octet {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): continue
      case 0x20...0x7E, 0x80...0xFF:
        result.append(octet)
        isEmpty = isEmpty && octet == UInt8(ascii: " ")
      case UInt8(ascii: "\t"): result.append(UInt8(ascii: " "))
      default: continue
      }
    }
    result.append(UInt8(ascii: "\""))
    return isEmpty || result.count > MailLimits.nameLineOctetsMax ? nil : result
  }

  private static let specials: [UInt8] = Array("()<>[]:;@\\,\"".utf8)
}
