// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The part of a notification that programs read: message/delivery-status (RFC 3464 section 2), or
/// message/global-delivery-status (RFC 6533 section 4). It lists every recipient of the report.
struct DeliveryStatusFields {
  private let report: DeliveryStatusReport

  init(_ report: DeliveryStatusReport) {
    self.report = report
  }

  var part: [UInt8] {
    let type =
      report.isUnicode
      ? "message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit" : "message/delivery-status"
    var octets = Array("Content-Description: Delivery status\r\nContent-Type: \(type)\r\n\r\n".utf8)
    if let id = report.envelopeID, !id.isEmpty {
      var field = FoldedField(name: "Original-Envelope-Id")
      field.appendWhole(PlainText.ascii(id))
      octets += field.text.utf8
    }
    octets += FoldedField.line("Reporting-MTA", "dns; \(report.safeHostname)").utf8
    octets += FoldedField.line("X-Postern-Queue-ID", TraceText.atom(report.messageID)).utf8
    octets += FoldedField.line("Arrival-Date", report.date(report.arrival)).utf8
    for recipient in report.recipients {
      octets += "\r\n".utf8
      octets += fields(of: recipient, isFull: octets.count < MailLimits.statusOctetsPreferred).utf8
    }
    return octets
  }

  private func fields(of recipient: DeliveryStatusReport.Recipient, isFull: Bool) -> String {
    var text = ""
    if let original = recipient.original {
      text += field("Original-Recipient", type: TraceText.atom(original.type), original.address)
    }
    text += field("Final-Recipient", type: recipient.address.isASCII ? "rfc822" : Self.unicodeType, recipient.address)
    text += FoldedField.line("Action", action)
    text += FoldedField.line("Status", status(of: recipient))
    if isFull {
      if recipient.isAnswer, let remote = report.remote.flatMap(Self.name) {
        text += FoldedField.line("Remote-MTA", "dns; \(remote)")
      }
      if recipient.code > 0 {
        var diagnostic = FoldedField(name: "Diagnostic-Code")
        // RFC 3464 section 2.3.6: "smtp" is for what a server said.
        diagnostic.append(recipient.isAnswer ? "smtp;" : "X-Postern;")
        diagnostic.append(recipient.replyText)
        text += diagnostic.text
      }
      if let last = recipient.lastAttempt { text += FoldedField.line("Last-Attempt-Date", report.date(last)) }
    }
    if let until = report.until { text += FoldedField.line("Will-Retry-Until", report.date(until)) }
    return text
  }

  private static let unicodeType = "utf-8"

  private func field(_ name: String, type: String, _ address: String) -> String {
    var field = FoldedField(name: name)
    field.append("\(type);")
    if type != Self.unicodeType {
      field.appendWhole(PlainText.ascii(address))
    } else if report.isUnicode {
      field.appendWhole(PlainText.address(address))
    } else {
      field.appendWhole(PlainText.embedded(address))
    }
    return field.text
  }

  private var action: String {
    switch report.kind {
    case .failed: "failed"
    case .delayed: "delayed"
    case .relayed: "relayed"
    }
  }

  /// RFC 3464 section 2.3.4: 5 for a failure, 4 for a delay and for a message whose time was over, 2 for what has left.
  private func status(of recipient: DeliveryStatusReport.Recipient) -> String {
    if recipient.isExpired { return "4.4.7" }
    let wanted: Character =
      switch report.kind {
      case .failed: "5"
      case .delayed: "4"
      case .relayed: "2"
      }
    if let status = recipient.status, status.first == wanted, status.isEnhancedStatus { return status }
    return "\(wanted).0.0"
  }

  private static func name(_ host: String) -> String? {
    // Four numbers have the form of a domain as well.
    host.contains(":") || host.last?.isNumber == true
      ? TraceText.addressLiteral(host) ?? TraceText.domain(host) : TraceText.domain(host)
  }
}

extension DeliveryStatusReport.Recipient {
  /// One line of printable ASCII.
  var replyText: String {
    let status = status.map { $0.isEnhancedStatus ? "\($0) " : "" } ?? ""
    let words = PlainText.ascii(text)
    return (code > 0 ? "\(code) " : "") + status + words
  }
}

extension String {
  /// `class.subject.detail` of digits (RFC 3463 section 2).
  fileprivate var isEnhancedStatus: Bool {
    let parts = utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return parts.count == 3
      && parts.allSatisfy { part in
        (1...3).contains(part.count) && part.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      }
  }
}
