// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Learns what submission must know about a message while its octets arrive: which fields are there, where the header
/// block ends, whether eight-bit octets occur. One pass, constant memory, chunks of any size. The caller feeds the
/// content as it is stored (CRLF line ends, dots removed); the scanner changes nothing and refuses nothing.
///
/// The header block ends with its empty line. A line in it that is no field does not end it, but content whose first
/// line is no field has no header block at all.
package struct HeaderScanner: Sendable {
  package private(set) var hasDate = false
  package private(set) var hasMessageID = false
  package private(set) var hasFrom = false
  /// `Received` fields, for the detection of loops.
  package private(set) var receivedCount = 0
  /// Those of them that we wrote.
  package var ownTraceCount: Int { ownTrace.count }
  /// Octets of the header block with its empty line; without an empty line, known after `finish`. 0: there is none.
  package private(set) var headerOctets = 0
  /// The header block is longer than `MailLimits.headerOctetsMax`; nothing behind that was looked at.
  package private(set) var isHeaderTooLong = false
  /// An octet above 127 occurred (in the header block alone when the body is skipped).
  package private(set) var isEightBit = false
  /// One occurred in the header block.
  package private(set) var isHeaderEightBit = false
  /// The first line is a mailbox file's `From `; the header goes on behind it.
  package private(set) var startsWithMailboxLine = false
  /// Content begins with something that is no header: what we add in front needs an empty line behind it.
  package private(set) var isBodyOnly = false

  private enum Place { case lineStart, value, body }

  private let skipsBody: Bool
  private var place = Place.lineStart
  private var line = HeaderLineReader()
  private var field = FieldName.other
  private var isFirstLine = true
  private var octetsOfHeader = 0
  /// The first message identifier without white space; nil once it is too long or has octets that no identifier may
  /// have.
  private var identifier: [UInt8]? = []
  private var ownTrace: OwnTrace
  private var authors: AuthorFields?

  /// `hostname` is our own, as it stands in our trace fields. `keepsAuthors`: somebody asks for `authorClaims`.
  package init(hostname: String = "", skipsBody: Bool = false, keepsAuthors: Bool = false) {
    self.skipsBody = skipsBody
    if keepsAuthors { authors = AuthorFields() }
    ownTrace = OwnTrace(hostname: hostname)
  }

  package mutating func consume(_ octets: RawSpan) {
    octets.withUnsafeBytes { octets in
      var headerCount = 0
      if place != .body {
        headerCount = consumeHeader(octets)
      }
      if headerCount > 0, !isHeaderEightBit {
        isHeaderEightBit = Self.containsEightBit(UnsafeRawBufferPointer(rebasing: octets[..<headerCount]))
        isEightBit = isEightBit || isHeaderEightBit
      }
      guard !isEightBit, !skipsBody else { return }
      isEightBit = Self.containsEightBit(UnsafeRawBufferPointer(rebasing: octets[headerCount...]))
    }
  }

  /// The content is complete.
  package mutating func finish() {
    if place == .lineStart && isFirstLine {
      isBodyOnly = octetsOfHeader > 0
    } else if place != .body {
      headerOctets = octetsOfHeader
    }
    place = .body
  }

  /// The first message identifier with its angle brackets, when it is plain enough to be shown.
  package var messageID: String? {
    guard hasMessageID, let identifier, identifier.count > 2,
      identifier.first == UInt8(ascii: "<"), identifier.last == UInt8(ascii: ">")
    else { return nil }
    return String(decoding: identifier, as: UTF8.self)
  }

  /// Whose the message says that it is.
  package var authorClaims: [AuthorFields.Claim] { authors?.claims ?? [] }

  /// Returns how many octets belonged to the header block.
  private mutating func consumeHeader(_ octets: UnsafeRawBufferPointer) -> Int {
    let limit = min(octets.count, MailLimits.headerOctetsMax - octetsOfHeader)
    var position = 0
    while position < limit && place != .body {
      if place == .lineStart {
        if let kind = line.read(octets[position]) { receivedLine(kind) }
        position += 1
        // A verdict may fall on the line's last octet.
        if place == .value && octets[position - 1] == UInt8(ascii: "\n") { startLine() }
      } else {
        let rest = UnsafeRawBufferPointer(rebasing: octets[position..<limit])
        let found = memchr(rest.baseAddress!, Int32(UInt8(ascii: "\n")), rest.count)
        let end = found.map { UnsafeRawPointer($0) - rest.baseAddress! + 1 } ?? rest.count
        switch field {
        case .messageID: keepIdentifier(rest[..<end])
        case .received: ownTrace.read(rest[..<end])
        case .from, .sender: authors?.read(rest[..<end])
        case .date, .replyTo, .bcc, .subject, .other: break
        }
        position += end
        if found != nil { startLine() }
      }
    }
    octetsOfHeader += position
    if place == .body {
      headerOctets = isBodyOnly ? 0 : octetsOfHeader
    } else if position < octets.count {
      isHeaderTooLong = true
      place = .body
    }
    return position
  }

  private mutating func startLine() {
    place = .lineStart
    line = HeaderLineReader()
    isFirstLine = false
  }

  private mutating func receivedLine(_ kind: HeaderLine) {
    place = .value
    switch kind {
    case .field(let name):
      receivedField(name)
    case .empty:
      place = .body
    case .continuation where !isFirstLine:
      break
    case .mailbox where isFirstLine:
      startsWithMailboxLine = true
      field = .other
    case .continuation, .mailbox, .other:
      field = .other
      guard isFirstLine else { return }
      isBodyOnly = true
      place = .body
    }
  }

  private mutating func receivedField(_ name: FieldName) {
    field = name
    switch name {
    case .date: hasDate = true
    case .from:
      hasFrom = true
      authors?.beginField("From")
    case .sender: authors?.beginField("Sender")
    case .received:
      receivedCount += 1
      ownTrace.beginField()
    case .messageID where hasMessageID: field = .other
    case .messageID: hasMessageID = true
    case .replyTo, .bcc, .subject, .other: break
    }
  }

  private mutating func keepIdentifier(_ octets: Slice<UnsafeRawBufferPointer>) {
    guard var kept = identifier else { return }
    identifier = nil
    for octet in octets {
      switch octet {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"): continue
      case 0x21...0x7E where kept.count < MailLimits.messageIDOctetsMax: kept.append(octet)
      default: return
      }
    }
    identifier = kept
  }

  private static func containsEightBit(_ octets: UnsafeRawBufferPointer) -> Bool {
    let blockSize = 64
    var position = 0
    while position + blockSize <= octets.count {
      var seen: UInt64 = 0
      for offset in stride(from: 0, to: blockSize, by: 8) {
        seen |= octets.loadUnaligned(fromByteOffset: position + offset, as: UInt64.self)
      }
      if seen & 0x8080_8080_8080_8080 != 0 { return true }
      position += blockSize
    }
    return octets[position...].contains { $0 >= 0x80 }
  }
}
