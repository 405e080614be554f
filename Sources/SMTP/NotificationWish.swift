// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What the sender wants to be told of a message (RFC 3461), to be passed on to an upstream that offers DSN. The texts are
/// xtext, as they came; one that is none is not passed on.
package struct NotificationWish: Sendable, Equatable {
  /// How much goes back with a report (RFC 3461 section 4.3).
  package enum Returned: String, Sendable {
    case full = "FULL"
    case header = "HDRS"
  }

  /// RFC 3461 section 4.1; none of them is NEVER.
  package struct Events: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
      self.rawValue = rawValue
    }

    package static let success = Events(rawValue: 1)
    package static let failure = Events(rawValue: 2)
    package static let delay = Events(rawValue: 4)

    fileprivate var text: String {
      let names = [(Events.success, "SUCCESS"), (.failure, "FAILURE"), (.delay, "DELAY")]
      return isEmpty ? "NEVER" : names.filter { contains($0.0) }.map(\.1).joined(separator: ",")
    }
  }

  package struct OfRecipient: Sendable, Equatable {
    /// nil: as the upstream likes.
    package var events: Events?
    /// `rfc822;` and xtext.
    package var original: String?

    package init(events: Events? = nil, original: String? = nil) {
      self.events = events
      self.original = original
    }
  }

  package var returned: Returned?
  package var envelopeID: String?
  /// For each recipient of the transaction, in order.
  package var recipients: [OfRecipient]

  package init(returned: Returned? = nil, envelopeID: String? = nil, recipients: [OfRecipient] = []) {
    self.returned = returned
    self.envelopeID = envelopeID
    self.recipients = recipients
  }

  /// Behind the path of MAIL, each with a space in front.
  var mailParameters: String {
    let envelopeID = Self.passable(envelopeID, octetsMax: Limits.envelopeIDOctetsMax)
    return (returned.map { " RET=\($0.rawValue)" } ?? "") + (envelopeID.map { " ENVID=\($0)" } ?? "")
  }

  /// Behind the path of RCPT.
  func recipientParameters(_ index: Int) -> String {
    guard recipients.indices.contains(index) else { return "" }
    let wish = recipients[index]
    let original = Self.passable(wish.original, octetsMax: Limits.originalRecipientOctetsMax)
    return (wish.events.map { " NOTIFY=\($0.text)" } ?? "") + (original.map { " ORCPT=\($0)" } ?? "")
  }

  private static func passable(_ text: String?, octetsMax: Int) -> String? {
    guard let text, !text.isEmpty, text.utf8.count <= octetsMax else { return nil }
    return text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "=") } ? text : nil
  }
}
