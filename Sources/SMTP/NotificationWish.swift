// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What the sender wants to be told of a message (RFC 3461). The queue keeps it and tells by it; an upstream that
/// offers DSN gets it and has the duty then. The texts are as they came; one that has not its form is not passed on.
package struct NotificationWish: Sendable, Hashable {
  /// How much goes back with a report (RFC 3461 section 4.3).
  package enum Returned: String, Sendable, Hashable {
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
    package static let all: Events = [.success, .failure, .delay]
    /// Of a recipient without NOTIFY.
    package static let usual: Events = [.failure, .delay]

    private static let names = [(Events.success, "SUCCESS"), (.failure, "FAILURE"), (.delay, "DELAY")]

    /// As in NOTIFY.
    package var text: String {
      isEmpty ? "NEVER" : Self.names.filter { contains($0.0) }.map(\.1).joined(separator: ",")
    }

    /// nil if it is no value of NOTIFY.
    init?(_ text: String) {
      self = []
      if text.uppercased() == "NEVER" { return }
      for word in text.uppercased().split(separator: ",", omittingEmptySubsequences: false) {
        guard let event = Self.names.first(where: { $0.1 == word })?.0 else { return nil }
        insert(event)
      }
    }
  }

  package struct OfRecipient: Sendable, Hashable {
    /// nil: there was no NOTIFY.
    package var events: Events?
    /// ORCPT: a type, `;` and the address in the form that its type wants.
    package var original: String?

    package var isEmpty: Bool { events == nil && original == nil }

    /// Of the same recipient, named a second time.
    mutating func merge(_ other: OfRecipient) {
      if events != other.events { events = (events ?? .usual).union(other.events ?? .usual) }
      original = original ?? other.original
    }

    package init(events: Events? = nil, original: String? = nil) {
      self.events = events
      self.original = original
    }
  }

  package var returned: Returned?
  /// xtext.
  package var envelopeID: String?
  /// For each recipient of the transaction, in order.
  package var recipients: [OfRecipient]

  package init(returned: Returned? = nil, envelopeID: String? = nil, recipients: [OfRecipient] = []) {
    self.returned = returned
    self.envelopeID = envelopeID
    self.recipients = recipients
  }

  /// He has said nothing.
  package var isEmpty: Bool { returned == nil && envelopeID == nil && recipients.allSatisfy(\.isEmpty) }

  /// Decoded; nil if there is none.
  package var readableEnvelopeID: String? { envelopeID.flatMap(Xtext.decoded) }

  /// For these recipients alone, in this order.
  package func of(_ indexes: [Int]) -> NotificationWish {
    NotificationWish(
      returned: returned, envelopeID: envelopeID,
      recipients: indexes.map { recipients.indices.contains($0) ? recipients[$0] : OfRecipient() })
  }

  /// Behind the path of MAIL, each with a space in front.
  var mailParameters: String {
    let envelopeID = envelopeID.flatMap(Self.passableEnvelopeID)
    return (returned.map { " RET=\($0.rawValue)" } ?? "") + (envelopeID.map { " ENVID=\($0)" } ?? "")
  }

  /// Behind the path of RCPT. `isUTF8`: the transaction may hold more than ASCII.
  func recipientParameters(_ index: Int, isUTF8: Bool) -> String {
    guard recipients.indices.contains(index) else { return "" }
    let wish = recipients[index]
    let original = wish.original.map { isUTF8 ? $0 : Xtext.embedded($0) }.flatMap(Self.passableOriginal)
    return (wish.events.map { " NOTIFY=\($0.text)" } ?? "") + (original.map { " ORCPT=\($0)" } ?? "")
  }

  /// What may stand behind `ENVID=`; nil otherwise.
  static func passableEnvelopeID(_ text: String) -> String? {
    guard !text.isEmpty, text.utf8.count <= Limits.envelopeIDOctetsMax else { return nil }
    return Xtext.decoded(text) == nil ? nil : text
  }

  /// What may stand behind `ORCPT=`; nil otherwise.
  static func passableOriginal(_ text: String) -> String? {
    guard text.utf8.count <= Limits.originalRecipientOctetsMax else { return nil }
    return OriginalRecipient(text) == nil ? nil : text
  }
}
