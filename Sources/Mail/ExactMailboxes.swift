// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The addresses of a `From` or `Sender` field (RFC 5322 section 3.4, RFC 6854), for a decision on who wrote a message.
///
/// `MailboxList` finds what a forgiving reader might find. This one answers only where no two readers can differ: what
/// is not a list of mailboxes to the letter has no addresses at all. Two things that devices write pass beyond the
/// letter, because neither hides an address: dots in a name without quotes, and an address without quotes in the place
/// of a name, which then counts as an address too. One pass; nothing is kept but the addresses.
enum ExactMailboxes {
  private enum Token {
    /// An atom, with dots, or a quoted string.
    case word(ArraySlice<UInt8>)
    case literal(ArraySlice<UInt8>)
    case at, open, close, comma, colon, semicolon, end
  }

  /// Where we are in one mailbox, or in the name of a group.
  private enum Place {
    case words(Int)
    /// An address without brackets; one in brackets may follow.
    case behindAddress
    case behindMailbox

    var isInName: Bool { if case .words(let count) = self { count > 0 } else { false } }
  }

  /// Of what stands behind the colon of the field; nil if it cannot be said, or there is none.
  static func addresses(_ value: ArraySlice<UInt8>) -> [String]? {
    var reader = Reader(value)
    var found: [String] = []
    var place = Place.words(0)
    var word = value.prefix(0)
    var isInGroup = false
    while let token = reader.next() {
      switch (token, place) {
      case (.word(let next), .words(let count)):
        word = next
        place = .words(count + 1)
      case (.at, .words(1)):
        guard let domain = reader.domain() else { return nil }
        found.append(text(word, domain))
        place = .behindAddress
      case (.open, .words), (.open, .behindAddress):
        guard case .word(let local)? = reader.next(), case .at? = reader.next(), let domain = reader.domain(),
          case .close? = reader.next()
        else { return nil }
        found.append(text(local, domain))
        place = .behindMailbox
      case (.comma, _) where !place.isInName:
        place = .words(0)
      case (.colon, .words) where place.isInName && !isInGroup:
        isInGroup = true
        place = .words(0)
      case (.semicolon, _) where isInGroup && !place.isInName:
        isInGroup = false
        place = .behindMailbox
      case (.end, _) where !isInGroup && !place.isInName:
        return found.isEmpty ? nil : found
      default:
        return nil
      }
    }
    return nil
  }

  private static func text(_ local: ArraySlice<UInt8>, _ domain: ArraySlice<UInt8>) -> String {
    String(decoding: local + [UInt8(ascii: "@")] + domain, as: UTF8.self)
  }

  /// Tokens of RFC 5322 section 3.2, without white space and comments.
  private struct Reader {
    private let octets: ArraySlice<UInt8>
    private var position: Int

    init(_ octets: ArraySlice<UInt8>) {
      self.octets = octets
      position = octets.startIndex
    }

    /// nil: what stands here is no token.
    mutating func next() -> Token? {
      guard skip() else { return nil }
      guard position < octets.endIndex else { return .end }
      let start = position
      switch octets[position] {
      case UInt8(ascii: "\""):
        return endQuoted() ? .word(octets[start..<position]) : nil
      case UInt8(ascii: "["):
        guard let end = octets[start...].firstIndex(of: UInt8(ascii: "]")) else { return nil }
        position = end + 1
        return .literal(octets[start..<position])
      case UInt8(ascii: "@"): return special(.at)
      case UInt8(ascii: "<"): return special(.open)
      case UInt8(ascii: ">"): return special(.close)
      case UInt8(ascii: ","): return special(.comma)
      case UInt8(ascii: ":"): return special(.colon)
      case UInt8(ascii: ";"): return special(.semicolon)
      default:
        while position < octets.endIndex, Self.isAtomOrDot(octets[position]) { position += 1 }
        return position > start ? .word(octets[start..<position]) : nil
      }
    }

    /// Behind "@".
    mutating func domain() -> ArraySlice<UInt8>? {
      switch next() {
      case .word(let word)? where word.first != UInt8(ascii: "\""): word
      case .literal(let literal)?: literal
      default: nil
      }
    }

    private mutating func special(_ token: Token) -> Token {
      position += 1
      return token
    }

    /// White space and comments. False: a comment has no end.
    private mutating func skip() -> Bool {
      while position < octets.endIndex {
        switch octets[position] {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"):
          position += 1
        case UInt8(ascii: "("):
          guard let end = MailboxList.endOfComment(octets, from: position) else { return false }
          position = end
        default:
          return true
        }
      }
      return true
    }

    private mutating func endQuoted() -> Bool {
      position += 1
      while position < octets.endIndex {
        switch octets[position] {
        case UInt8(ascii: "\""):
          position += 1
          return true
        case UInt8(ascii: "\\"): position += 2
        default: position += 1
        }
      }
      return false
    }

    private static func isAtomOrDot(_ octet: UInt8) -> Bool {
      octet > 0x20 && octet != 0x7F && !specials.contains(octet)
    }

    private static let specials: [UInt8] = Array("()<>[]:;@\\,\"".utf8)
  }
}
