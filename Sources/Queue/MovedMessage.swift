// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import WAL

/// A message with everything that is known of it at one moment. When its record is durable, nothing that was written
/// about the message before is needed any more, neither content nor events.
struct MovedMessage: Sendable {
  /// As it was accepted, with the places where its content is now; it reports nothing, because that is done.
  var acceptance: Acceptance
  /// When this was written down.
  var wall: Int64
  /// Of each recipient, in the order of the envelope.
  var recipients: [Recipient]
  /// Queue time since the acceptance.
  var age: Int64
  /// The total of standstill from which the life of the message counts, and the total when this was written down.
  var standstill: Int64
  var standstillTotal: Int64
  var hold: Hold?
  var drop: Drop?
  /// Its sender was told of the delay.
  var isWarned = false
  /// It came from another spool, where it had this number; all up to it have come.
  var adopted: AdoptedSpool?

  struct Recipient: Sendable, Equatable {
    var state: RecipientState
    var isUncertain: Bool
    var attempts: UInt16
    /// Wall time of the next attempt; 0 if it waits for none.
    var due: Int64
    /// There was an answer, which may have been unreadable.
    var hasReply: Bool
    var reply: LastOutcome?
  }

  /// As `HoldTable.Entry`, with what does not depend on a clock that began anywhere.
  struct Hold: Sendable, Equatable {
    var by: PeerText
    var reason: PeerText?
    var since: Int64
    /// Queue time since the hold began, and the total of standstill when it did.
    var elapsed: Int64
    var standstill: Int64
    var ordered: Int64
    var until: Int64?
  }
}

extension MovedMessage {
  /// As `DropTable.Entry`, with what does not depend on a clock that began anywhere.
  struct Drop: Sendable, Equatable {
    var batch: UInt64
    var by: PeerText
    var ordered: Int64
    var until: Int64
    /// Queue time since its life stands still for this, and the total of standstill when that began.
    var elapsed: Int64
    var standstill: Int64
  }
}

/// What a recipient was last told, as a record says.
struct LastOutcome: Sendable, Equatable {
  var wall: Int64
  var reply: Reply
  var isExpired = false
  var isBounced = false
}

/// Facts that must outlive the segments in which they were written.
struct KeptFacts: Sendable, Equatable {
  /// The lowest segment that is needed: one that is missing from here on is damage.
  var floor: UInt32 = 0
  /// Milliseconds for which lifetimes have stood still.
  var standstill: Int64 = 0
  /// Number of the last batch of messages that somebody dropped.
  var lastBatch: UInt64 = 0
  /// Spools whose messages were taken over, each with the highest number that was.
  var adopted: [AdoptedSpool] = []
}

/// The messages of another spool, up to a number, are ours.
struct AdoptedSpool: Sendable, Equatable {
  var spool: UInt64
  var highest: UInt64
}
