// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

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

  private let skipsBody: Bool
  private var walker = HeaderWalker()
  private var field = FieldName.other
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
      if !walker.isInBody {
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
    if walker.isAtBeginning {
      isBodyOnly = octetsOfHeader > 0
    } else if !walker.isInBody {
      headerOctets = octetsOfHeader
    }
    walker.finish()
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
    let header = UnsafeRawBufferPointer(rebasing: octets[..<limit])
    var position = 0
    while position < limit && !walker.isInBody {
      let start = position
      switch walker.step(header, &position) {
      case .undecided: break
      case .begins(let line): received(line)
      case .goesOn:
        switch field {
        case .messageID: keepIdentifier(header[start..<position])
        case .received: ownTrace.read(header[start..<position])
        case .from, .sender: authors?.read(header[start..<position])
        case .date, .replyTo, .bcc, .subject, .other: break
        }
      }
    }
    octetsOfHeader += position
    if walker.isInBody {
      headerOctets = isBodyOnly ? 0 : octetsOfHeader
    } else if position < octets.count {
      isHeaderTooLong = true
      walker.finish()
    }
    return position
  }

  private mutating func received(_ line: HeaderWalker.Line) {
    switch line {
    case .field(let name): receivedField(name)
    case .continuation, .end: break
    case .stray: field = .other
    case .mailbox:
      startsWithMailboxLine = true
      field = .other
    case .noHeader: isBodyOnly = true
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
