// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// A delivery status notification: the message in which we tell a sender that his mail did not arrive, or not yet
/// (RFC 3464, in the multipart/report of RFC 6522). The gateway fills it from the queue and takes the octets; the
/// envelope, whose sender is the null path, is the gateway's.
///
/// Whatever peers and the sender wrote, the result has no line over 998 octets and the structure that it says it has.
/// It is 7-bit, unless everybody who is told has an address that takes SMTPUTF8 to reach (RFC 6533).
package struct DeliveryStatusReport: Sendable {
  package enum Kind: Sendable, Hashable {
    /// These recipients will not get the message.
    case failed
    /// They have not got it yet; we try until this time.
    case delayed(until: Int64)
    /// They have gone to a system that reports nothing, and the sender wanted to hear of it.
    case relayed
  }

  /// How much of the message the sender wants back.
  package enum Returned: Sendable, Hashable {
    case full
    case header
  }

  /// Whom the sender wrote to at first: the type of the address, and the address as a person writes it.
  package struct OriginalAddress: Sendable, Hashable {
    package var type: String
    package var address: String

    package init(type: String, address: String) {
      self.type = type
      self.address = address
    }
  }

  /// Times are seconds since 1970, here and everywhere in the report.
  package struct Recipient: Sendable, Hashable {
    package var address: String
    package var original: OriginalAddress?
    /// Of the reply that decided; 0 if there is none.
    package var code: Int
    /// Enhanced, such as `5.1.1`.
    package var status: String?
    package var text: String
    /// The other side said so; else it is we or our admin.
    package var isAnswer: Bool
    /// Given up because its time was over.
    package var isExpired: Bool
    package var lastAttempt: Int64?

    package init(
      address: String, original: OriginalAddress? = nil, code: Int, status: String?, text: String, isAnswer: Bool,
      isExpired: Bool = false, lastAttempt: Int64? = nil
    ) {
      self.address = address
      self.original = original
      self.code = code
      self.status = status
      self.text = text
      self.isAnswer = isAnswer
      self.isExpired = isExpired
      self.lastAttempt = lastAttempt
    }
  }

  /// What is there of the message that the report is about.
  package enum Original: Sendable, Hashable {
    case whole([UInt8])
    /// As much as the caller cared to read; `MailLimits.returnedHeaderOctetsMax` are enough.
    case beginning([UInt8])
    /// It cannot be read from the disk as it was written.
    case unreadable
  }

  package var kind: Kind
  /// Our own name.
  package var hostname: String
  /// The queue's name for this notification.
  package var id: String
  /// The queue's name for the message.
  package var messageID: String
  package var sender: String
  /// Who gets the notification.
  package var told: [String]
  /// When the message was accepted.
  package var arrival: Int64
  package var now: Int64
  /// Seconds east of UTC at a time.
  package var zoneOffset: @Sendable (Int64) -> Int
  /// Who answered: the relayhost's name or address.
  package var remote: String?
  package var recipients: [Recipient]
  package var original: Original
  /// nil: the sender has not said.
  package var returned: Returned?
  /// The sender's own name for the message, if he gave one.
  package var envelopeID: String?

  package init(
    kind: Kind, hostname: String, id: String, messageID: String, sender: String, told: [String], arrival: Int64,
    now: Int64, zoneOffset: @escaping @Sendable (Int64) -> Int, remote: String?, recipients: [Recipient],
    original: Original, returned: Returned? = nil, envelopeID: String? = nil
  ) {
    self.kind = kind
    self.hostname = hostname
    self.id = id
    self.messageID = messageID
    self.sender = sender
    self.told = told
    self.arrival = arrival
    self.now = now
    self.zoneOffset = zoneOffset
    self.remote = remote
    self.recipients = recipients
    self.original = original
    self.returned = returned
    self.envelopeID = envelopeID
  }

  /// Nobody who is told could get it without SMTPUTF8, so it may be written as RFC 6532 and RFC 6533 have it.
  package var isUnicode: Bool { !told.isEmpty && told.allSatisfy { !$0.isASCII } }

  /// As many octets of the message as may go back, for whoever reads it.
  package static func returnedOctetsMax(_ returned: Returned?) -> Int {
    switch returned {
    case .full: MailLimits.returnedFullMessageOctetsMax
    case nil: MailLimits.returnedMessageOctetsMax
    case .header: MailLimits.returnedHeaderOctetsMax
    }
  }

  /// The whole message with CRLF line ends.
  package func octets() -> [UInt8] {
    let returned = ReturnedContent(self)
    let parts =
      [DeliveryStatusText(self, returned).part, DeliveryStatusFields(self).part] + (returned.part.map { [$0] } ?? [])
    let boundary = MultipartBoundary.unused(in: parts, name: id)
    let isEightBit = parts.contains { $0.contains { $0 >= 0x80 } }
    var octets = Array(header(boundary: boundary, original: returned.header, isEightBit: isEightBit).utf8)
    for part in parts {
      octets += "\r\n--\(boundary)\r\n".utf8
      octets += part
    }
    octets += "\r\n--\(boundary)--\r\n".utf8
    return octets
  }

  private func header(boundary: String, original: HeaderBlock?, isEightBit: Bool) -> String {
    var text = FoldedField.line("Date", date(now))
    text += FoldedField.line("From", "Mail Delivery System", "<MAILER-DAEMON@\(safeHostname)>")
    var to = FoldedField(name: "To")
    // Who needs SMTPUTF8 is not named where others get it without.
    let named = told.filter { isUnicode || $0.isASCII }
    for (index, address) in named.enumerated() {
      to.appendWhole("<\(mailbox(address))>" + (index + 1 < named.count ? "," : ""))
    }
    text += to.text
    text += FoldedField.line("Subject", subject(of: original))
    text += FoldedField.line("Message-ID", "<\(TraceText.atom(id)).\(now)@\(safeHostname)>")
    if let reported = original?.value(of: .messageID).flatMap(Self.identifier) {
      text += FoldedField.line("In-Reply-To", reported)
      text += FoldedField.line("References", reported)
    }
    // RFC 3834 section 5: what is sent by a program in answer to a message.
    text += FoldedField.line("Auto-Submitted", "auto-replied")
    text += FoldedField.line("MIME-Version", "1.0")
    text += FoldedField.line(
      "Content-Type", "multipart/report;", "report-type=delivery-status;", "boundary=\"\(boundary)\"")
    // RFC 2045 section 6.4: a multipart says so if any part of it is.
    if isEightBit { text += FoldedField.line("Content-Transfer-Encoding", "8bit") }
    return text
  }

  /// The original subject as it stands in its field, encoded words and all, if it is plain ASCII.
  private func subject(of original: HeaderBlock?) -> String {
    let title =
      switch kind {
      case .failed: "Undelivered mail"
      case .delayed: "Mail is delayed"
      case .relayed: "Mail was passed on"
      }
    guard let value = original?.value(of: .subject), !value.isEmpty,
      value.allSatisfy({ (0x20...0x7E).contains($0) || $0 == UInt8(ascii: "\t") })
    else { return title }
    let plain = PlainText.ascii(PlainText.line(String(decoding: value, as: UTF8.self)), octetsMax: value.count)
    return PlainText.words(plain, octetsMax: MailLimits.subjectOctetsMax).map { "\(title): \($0)" } ?? title
  }

  /// A message identifier that other programs will take for one; anything else is not worth an answer to it.
  private static func identifier(_ value: [UInt8]) -> String? {
    let inner = value.dropFirst().dropLast()
    guard value.count <= MailLimits.messageIDOctetsMax, value.first == UInt8(ascii: "<"),
      value.last == UInt8(ascii: ">"), inner.contains(UInt8(ascii: "@")),
      inner.allSatisfy({ (0x21...0x7E).contains($0) && !"<>()\",;\\".utf8.contains($0) })
    else { return nil }
    return String(decoding: value, as: UTF8.self)
  }

  /// `Postmaster` needs no domain in an envelope (RFC 5321 section 4.1.1.3), but in a header.
  private func mailbox(_ address: String) -> String {
    let plain = isUnicode ? PlainText.address(address) : PlainText.ascii(address)
    return plain.contains("@") ? plain : "\(plain)@\(safeHostname)"
  }

  // MARK: small parts

  var safeHostname: String { TraceText.domain(hostname) ?? "localhost" }

  func date(_ unixSeconds: Int64) -> String {
    InternetDate.text(unixSeconds: unixSeconds, zoneOffsetSeconds: zoneOffset(unixSeconds))
  }

  /// Nobody but the sender hears of it.
  var isForSenderAlone: Bool { told == [sender] }

  var until: Int64? { if case .delayed(let until) = kind { until } else { nil } }
}

extension String {
  var isASCII: Bool { utf8.allSatisfy { $0 < 0x80 } }
}

extension FoldedField {
  /// A whole field of these clauses.
  static func line(_ name: String, _ clauses: String...) -> String {
    var field = FoldedField(name: name)
    for clause in clauses { field.append(clause) }
    return field.text
  }
}
