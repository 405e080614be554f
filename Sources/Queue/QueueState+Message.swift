// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import WAL

extension QueueState {
  /// About 90 octets, and one heap block with the envelope.
  struct Message: Sendable, Equatable {
    var accepted: Extent
    var extents: [Extent]
    var recipients: RecipientTable
    /// Acceptance in queue time.
    var born: Int64
    /// Acceptance in wall time.
    var received: Int64
    var standstill: Int64
    /// With the prefix.
    var octets: Int
    /// Its source, as a number of `Submitters`.
    var submitter: UInt32
    var headerOctets: UInt32
    var prefixOctets: UInt32
    var state: MessageState
    var isEightBit: Bool
    /// Its header needs SMTPUTF8, and the client asked for that.
    var needsUTF8: Bool
    /// The client asked for SMTPUTF8.
    var isUTF8: Bool
    var body: BodyKind
    var isQuarantined = false
    var isLeased = false
    /// `holds` says by whom.
    var isHeld = false
    /// `drops` says by whom.
    var isDropped = false
    /// Its sender was told of the delay.
    var isWarned = false
    /// Outcomes of this message that are not durable yet.
    var unsettled: UInt16 = 0

    var hints: ContentHints {
      ContentHints(isEightBit: isEightBit, isHeaderEightBit: needsUTF8, headerOctets: Int(headerOctets))
    }

    /// Extents with the octets of this message, its record included.
    var allExtents: [Extent] { extents + [accepted] }

    /// Whether this recipient belongs to the lease of the message.
    func isLeased(_ index: Int) -> Bool {
      index >= 0 && index < recipients.count && recipients[index].isLeased
    }

    /// When the first of its recipients is ready; the beginning of time if one is, nil if none is left to try.
    var earliestDue: Int64? {
      var earliest: Int64?
      for index in 0..<recipients.count {
        let entry = recipients[index]
        switch entry.state {
        case .queued, .sending: return .min
        case .deferred: earliest = min(earliest ?? .max, entry.due)
        case .delivered, .failed, .reported, .relayed: break
        }
      }
      return earliest
    }

    /// Where it stands when nobody is left to try.
    var toTell: MessageState {
      let states = (0..<recipients.count).map { recipients[$0].state }
      return states.contains(.relayed) && !states.contains(.failed) ? .relayed : .failed
    }

    var isFinished: Bool {
      (0..<recipients.count).allSatisfy { recipients[$0].state.isFinished }
    }
  }
}

extension RecipientState {
  /// It may be tried again.
  var isOpen: Bool {
    switch self {
    case .queued, .sending, .deferred: true
    case .delivered, .failed, .reported, .relayed: false
    }
  }

  var isFinished: Bool { self == .delivered || self == .reported }
}
