// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Mail
import Queue
import SMTP
import WAL

import struct NIOCore.ByteBuffer

/// The message that a session is taking in: what of its content lies in the log, what its header says, and how long it
/// is. Belongs to one `SubmissionHandler`, and is used for its messages one after the other.
struct IncomingMessage: ~Copyable {
  private var draft: Draft?
  /// Given to the queue, and not answered yet.
  private(set) var chunksUnderWay = 0
  /// What became of one of them.
  private(set) var failure: StorageFailure?
  private let newHeader: HeaderScanner
  private var header: HeaderScanner
  /// Of the content that came.
  private(set) var octets = 0
  /// What the queue was asked to accept.
  private(set) var accepting: (envelope: Envelope, origin: Origin)?

  /// `keepsAuthors`: somebody asks for `authorClaims`.
  init(hostname: String, keepsAuthors: Bool) {
    newHeader = HeaderScanner(hostname: hostname, keepsAuthors: keepsAuthors)
    header = newHeader
  }

  /// What the client wrote as `Message-ID`.
  var headerID: String? { header.messageID }

  /// Whose the message says that it is; whole behind `finish`.
  var authorClaims: [AuthorFields.Claim] { header.authorClaims }

  /// A piece of content goes to the log, when its writer is told.
  mutating func store(_ content: ByteBuffer, in queue: MessageQueue, notify waiter: Waiter) {
    consume(content)
    var current = draft.take() ?? queue.makeDraft()
    queue.store(content.readableBytesSpan, in: &current, notify: waiter, wakes: false)
    draft = consume current
    chunksUnderWay += 1
  }

  mutating func stored(_ extent: Extent) {
    chunksUnderWay -= 1
    draft?.stored(extent)
  }

  /// There will be no such message; what else is under way of it is waited for.
  mutating func notStored(_ failure: StorageFailure) {
    chunksUnderWay -= 1
    self.failure = self.failure ?? failure
  }

  /// Another chunk may go to the queue before those under way are answered.
  var mayStoreMore: Bool { failure == nil && chunksUnderWay < Limits.chunksOfSessionMax }
  /// Some of it is on its way to the log, or there.
  var isLong: Bool { draft != nil }

  /// The last piece is there; a reply if the message must not be taken.
  mutating func finish(_ content: ByteBuffer) -> Reply? {
    consume(content)
    header.finish()
    if header.receivedCount > Limits.receivedFieldsMax { return .loop }
    if header.ownTraceCount >= Limits.ownReceivedFieldsMax { return .ownLoop }
    if header.isHeaderTooLong { return .headerTooLarge }
    return nil
  }

  /// `last` is what `finish` has seen. The log's writer is not told.
  mutating func accept(
    _ id: MessageID, _ envelope: Envelope, from origin: Origin, trace: TraceField, last: ByteBuffer, now: Instant,
    in queue: MessageQueue, notify waiter: Waiter
  ) {
    let submission = Submission(
      id: id, envelope: envelope, origin: origin, prefix: Origination.prefix(trace: trace, header: header),
      hints: ContentHints(
        isEightBit: header.isEightBit, isHeaderEightBit: header.isHeaderEightBit, headerOctets: header.headerOctets))
    accepting = (envelope, origin)
    let current = draft.take() ?? queue.makeDraft()
    queue.accept(
      submission, last: last.readableBytesSpan, of: current, now: now, notify: waiter, wakes: false)
  }

  /// There will be no such message.
  mutating func abandon(_ queue: MessageQueue) {
    if let current = draft.take() { queue.abandon(current) }
    forget()
  }

  /// The next one begins.
  mutating func forget() {
    header = newHeader
    octets = 0
    accepting = nil
    failure = nil
  }

  private mutating func consume(_ content: ByteBuffer) {
    header.consume(content.readableBytesSpan)
    octets += content.readableBytes
  }
}
