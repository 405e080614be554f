// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import WAL

/// Everything that changes what the queue has promised. The state is a pure fold over these, whether they happen now
/// or are read from the log.
enum QueueEvent: Sendable {
  /// Ends what its report names, too.
  case accepted(Acceptance, Extent)
  /// `Position.unknown` until the record is durable.
  case attempted(Attempt, Position)
  /// Deferred recipients of these messages are ready now.
  case flushed([MessageID], wall: Int64)
  /// Milliseconds for which lifetimes have stood still so far.
  case stoodStill(total: Int64)
  case held(HoldOrder)
  /// By an admin, or because the time of the hold has come.
  case released([MessageID], wall: Int64)
  /// `Position.unknown` until the record is durable.
  case bounced(Bounce, Position)
  /// A message was copied to the end of the log, with all that is known of it.
  case moved(MovedMessage, Extent)
  case kept(KeptFacts)
  /// Messages of another spool are ours now.
  case adopted(AdoptedSpool)
  case dropped(DropOrder)
  case undropped(UndropOrder)
  /// By an admin, or because the time of the drop is over.
  case erased([MessageID], wall: Int64)
}

/// A message that was accepted, without its content.
struct Acceptance: Sendable {
  var id: MessageID
  var wall: Int64
  /// The running total of standstill at acceptance; only later standstill lengthens this message's life.
  var standstill: Int64
  /// Chunks that were stored before, in order.
  var extents: [Extent]
  var prefixOctets: Int
  /// Content inside the record itself, behind the prefix; the end of the message.
  var lastOctets: Int
  var hints: ContentHints
  var envelope: Envelope
  var origin: Origin
  /// What this message tells the sender of another one.
  var report: NoticeReport?

  /// Prefix and content together.
  var octets: Int { extents.reduce(prefixOctets + lastOctets) { $0 + Int($1.octets) } }
}

/// One delivery attempt of one lease, as far as it had an outcome.
struct Attempt: Sendable {
  var id: MessageID
  var wall: Int64
  var outcomes: [Outcome]

  struct Outcome: Sendable {
    var index: Int
    var result: Result
    /// The upstream may have the message although it did not say so.
    var isUncertain: Bool
    /// This one included.
    var attempts: Int
    /// Wall time of the next attempt, if there is one.
    var next: Int64
    var reply: Reply
  }

  enum Result: UInt8, Sendable {
    case delivered = 1
    case deferred = 2
    case failed = 3
    /// Deferred, but the message had passed its lifetime.
    case expired = 4
    /// Delivered, and the sender is to be told so, if he wants to be.
    case relayed = 5
  }
}

/// These messages are not tried until they are released, or until a time.
struct HoldOrder: Sendable {
  var ids: [MessageID]
  var wall: Int64
  /// Wall time at which the hold ends by itself.
  var until: Int64?
  var by: PeerText
  var reason: PeerText?
}

/// These messages are out of the queue until somebody takes the batch back, and finished at a time.
struct DropOrder: Sendable {
  var ids: [MessageID]
  var wall: Int64
  /// Wall time from which they are erased.
  var until: Int64
  var batch: UInt64
  var by: PeerText
}

/// These messages of a batch are in the queue again.
struct UndropOrder: Sendable {
  var ids: [MessageID]
  var wall: Int64
  var batch: UInt64
}

/// An admin gave up recipients of a message.
struct Bounce: Sendable {
  var id: MessageID
  var wall: Int64
  /// Whether the sender is to be told.
  var isReported: Bool
  var reply: Reply
  var indexes: [Int]
}

/// What one notification tells of one message.
struct NoticeReport: Sendable, Equatable {
  var id: MessageID
  var kind: Notice.Kind
  /// Of the recipients it is about.
  var indexes: [Int]
}
