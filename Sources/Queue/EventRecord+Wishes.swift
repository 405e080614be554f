// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import WAL

/// What a sender wants to be told, as a section of the records that hold his message.
extension EventRecord {
  /// Nothing where he has said nothing.
  static func wishes(_ envelope: Envelope) -> [UInt8] {
    var octets: [UInt8] = []
    guard let wish = envelope.notification?.of(Array(envelope.recipients.indices)) else { return octets }
    append(.wishes, to: &octets) { octets in
      octets.append(code(wish.returned))
      append(wish.envelopeID, to: &octets)
      for recipient in wish.recipients {
        octets.append(code(recipient.events))
        append(recipient.original, to: &octets)
      }
    }
    return octets
  }

  /// nil if it is none.
  static func wishes(_ section: UnsafeRawBufferPointer, recipients: Int) -> NotificationWish? {
    var reader = OctetReader(section)
    guard let code = reader.integer(UInt8.self), let returned = returned(code), let envelopeID = reader.text() else {
      return nil
    }
    var wish = NotificationWish(returned: returned, envelopeID: envelopeID)
    for _ in 0..<recipients {
      guard let code = reader.integer(UInt8.self), let events = events(code), let original = reader.text() else {
        return nil
      }
      wish.recipients.append(NotificationWish.OfRecipient(events: events, original: original))
    }
    return reader.rest == 0 ? wish : nil
  }

  private static func code(_ returned: NotificationWish.Returned?) -> UInt8 {
    switch returned {
    case nil: 0
    case .full: 1
    case .header: 2
    }
  }

  private static func returned(_ code: UInt8) -> NotificationWish.Returned?? {
    switch code {
    case 0: .some(nil)
    case 1: .full
    case 2: .header
    default: nil
    }
  }

  /// 0 without NOTIFY, else 8 and its events: 8 alone is NEVER.
  static func code(_ events: NotificationWish.Events?) -> UInt8 {
    events.map { 8 | $0.rawValue } ?? 0
  }

  static func events(_ code: UInt8) -> NotificationWish.Events?? {
    switch code {
    case 0: .some(nil)
    case 8...15: NotificationWish.Events(rawValue: code & 7)
    default: nil
    }
  }
}
