// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Makes the author of a message one that the upstream accepts, while the message streams through: a `From` with another
/// address gets the account's address and keeps its display name; what stood there goes to `Reply-To`, unless the message
/// has one; a `Sender` that would be refused goes away or becomes the account. A message whose author is accepted passes
/// as it is, except that of several `From` fields the first one counts (RFC 5322 section 3.6).
///
/// The relay feeds the stored chunks in order and sends what comes back. `Resent-` fields and signatures stay as they
/// are. A message without an author gets the account as one. The body passes untouched and uncopied; at most one field is held back. The envelope is not its business.
package struct SenderRewriting: Sendable {
  private let account: [UInt8]
  private let accepts: @Sendable (String) -> Bool
  private let isExact: Bool

  private var walker = HeaderWalker()
  /// The beginning of a line that may still become one of our fields.
  private var held: [UInt8] = []
  /// The field that is held back, if one is; octets beyond `senderFieldOctetsMax` are counted out.
  private var field: (name: FieldName, octets: [UInt8], isCut: Bool)?

  private var hasField = false
  private var hasFrom = false
  private var hasReplyTo = false
  private var isRewritten = false
  private var lacksSender = false
  /// What goes to `Reply-To`: as it stood in `From`, without line end.
  private var author: [UInt8]?
  /// The last octet that went out; a header block that ends without line end needs one before our fields.
  private var last = UInt8(ascii: "\n")

  /// `account` is the address that is put in; `accepts` is asked for each address that stands in `From` or `Sender`.
  /// `isExact`: a field that two readers may read in two ways is not accepted.
  package init(account: String, isExact: Bool = false, accepts: @escaping @Sendable (String) -> Bool) {
    self.account = Array(account.utf8)
    self.isExact = isExact
    self.accepts = accepts
  }

  /// Octets that `filter` has taken and that it may still return.
  package var heldOctets: Int { held.count + (field?.octets.count ?? 0) }

  package mutating func filter(_ octets: [UInt8]) -> [UInt8] {
    if walker.isInBody { return octets }
    var kept: [UInt8] = []
    kept.reserveCapacity(held.count + octets.count)
    var position = 0
    while position < octets.count, !walker.isInBody {
      let start = position
      let step = octets.withUnsafeBytes { walker.step($0, &position) }
      switch step {
      case .undecided:
        held += octets[start..<position]
        continue
      case .begins(let line):
        kept += received(line)
        keep(held[...], &kept)
        held.removeAll(keepingCapacity: true)
      case .goesOn: break
      }
      keep(octets[start..<position], &kept)
    }
    kept += octets[position...]
    if let octet = kept.last { last = octet }
    return kept
  }

  /// The content is complete: returns what was still held back.
  package mutating func finish() -> [UInt8] {
    guard !walker.isInBody else { return [] }
    walker.finish()
    // A line that ends before it is known what it is belongs to nothing.
    var rest = endField() + held
    held = []
    let added = addedFields()
    if !added.isEmpty, rest.last ?? last != UInt8(ascii: "\n") { rest += Array("\r\n".utf8) }
    return rest + added
  }

  /// Octets of the field that is being read.
  private mutating func keep(_ octets: ArraySlice<UInt8>, _ kept: inout [UInt8]) {
    guard field != nil else {
      kept += octets
      return
    }
    let room = MailLimits.senderFieldOctetsMax - field!.octets.count
    field!.octets += octets.prefix(room)
    if octets.count > room { field!.isCut = true }
  }

  /// A line begins: returns what goes out before it.
  private mutating func received(_ line: HeaderWalker.Line) -> [UInt8] {
    switch line {
    case .continuation, .mailbox, .noHeader: return []
    case .field(let name):
      let before = endField()
      hasField = true
      switch name {
      case .from, .sender: field = (name, [], false)
      case .replyTo: hasReplyTo = true
      default: break
      }
      return before
    case .end: return endField() + addedFields()
    case .stray: return endField()
    }
  }

  // MARK: fields

  /// What goes out in the place of the field that was held back.
  private mutating func endField() -> [UInt8] {
    guard let (name, octets, isCut) = field else { return [] }
    field = nil
    let colon = octets.firstIndex(of: UInt8(ascii: ":"))
    // A name with so much white space behind it that nobody looked for the colon.
    guard colon != nil || isCut else { return octets }
    let value = colon.flatMap { isCut ? nil : octets[($0 + 1)...] } ?? []
    let mailboxes = MailboxList(value)
    let addresses = isExact ? ExactMailboxes.addresses(value) ?? [] : mailboxes.addresses
    let isAccepted = !addresses.isEmpty && addresses.allSatisfy(accepts)
    if name == .sender {
      if !isAccepted { lacksSender = true }
      return isAccepted ? octets : []
    }
    guard !hasFrom else { return [] }
    hasFrom = true
    guard !isAccepted else { return octets }
    isRewritten = true
    if !mailboxes.addresses.isEmpty { author = Array(MailboxList.trimmed(value)) }
    return from(mailboxes)
  }

  private func from(_ mailboxes: MailboxList) -> [UInt8] {
    if let name = (mailboxes.name ?? mailboxes.comment).flatMap(DisplayName.phrase) {
      var text = Array("From: ".utf8) + name
      let lineStart = text.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
      let isLong = text.count - lineStart + account.count + 3 > MailLimits.lineOctetsPreferred
      text += Array((isLong ? "\r\n <" : " <").utf8)
      return text + account + Array(">\r\n".utf8)
    }
    return Array("From: <".utf8) + account + Array(">\r\n".utf8)
  }

  /// Fields that go to the end of the header block, where it is known what the message has.
  private mutating func addedFields() -> [UInt8] {
    var fields: [UInt8] = []
    if hasField, !hasFrom {
      // Many devices leave it to the server, and providers refuse a message without it (RFC 5322 section 3.6).
      fields += Array("From: <".utf8) + account + Array(">\r\n".utf8)
      (hasFrom, isRewritten) = (true, true)
    }
    if isRewritten, !hasReplyTo, let author {
      // Our name of the field is longer than the one that the first line had.
      let isLong = author.prefix { $0 != UInt8(ascii: "\r") }.count > MailLimits.nameLineOctetsMax
      fields += Array((isLong ? "Reply-To:\r\n " : "Reply-To: ").utf8) + author + Array("\r\n".utf8)
    }
    // With the account in From, a Sender that says the same should not be there (RFC 5322 section 3.6.2).
    if lacksSender, !isRewritten { fields += Array("Sender: <".utf8) + account + Array(">\r\n".utf8) }
    lacksSender = false
    author = nil
    return fields
  }
}
