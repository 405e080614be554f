// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Mail
import NIOCore
import Queue
import SMTP
import WAL

/// A message between the session, which has its octets, and the queue, which makes them durable and answers later.
extension SubmissionHandler {
  /// false: the session has to wait, for its turn or for the disk.
  func store(_ content: ByteBuffer) -> Bool {
    // Of a message that the disk does not want nothing more goes there.
    if message.failure == nil {
      chunk = content
      submission.loop.awaitTurn(token)
    }
    isSuspended = chunk != nil || !message.mayStoreMore
    if !isSuspended { session.stored() }
    return !isSuspended
  }

  /// It is this session's turn; false: it has nothing to store any more.
  func storeChunk() -> Bool {
    guard let content = chunk.take() else { return false }
    message.store(content, in: submission.queue, notify: waiter)
    submission.loop.wakeWriter(of: submission.queue)
    return true
  }

  /// What ends a message waits until the queue has answered for all of it. false: it may be done now.
  func mustAwaitChunks(_ end: ServerSession.Action) -> Bool {
    guard message.chunksUnderWay > 0 else { return false }
    awaitingChunks = end
    isSuspended = true
    return true
  }

  private func chunkCompleted(_ completion: Completion, _ context: ChannelHandlerContext) {
    switch completion {
    case .stored(let extent): message.stored(extent)
    case .failed(.undecided): return storageIsUndecided()
    case .failed(let failure): message.notStored(failure)
    case .accepted: preconditionFailure("a message was accepted before its content was stored")
    }
    if let failure = message.failure {
      // Its answers would be taken for those of the next message.
      guard message.chunksUnderWay == 0 else { return }
      chunk = nil
      awaitingChunks = nil
      return refused(failure, context)
    }
    if let end = awaitingChunks {
      guard message.chunksUnderWay == 0 else { return }
      awaitingChunks = nil
      guard isClosing else { return resume(context, with: end) }
      // We are going away: only a message that is whole is brought to its end.
      guard case .commit(let envelope, let content) = end else { return }
      if !commit(envelope, content, context) { finishClosing(context) }
    } else if chunk == nil, session.isStoring {
      session.stored()
      resume(context)
    }
  }

  private func refused(_ failure: StorageFailure, _ context: ChannelHandlerContext) {
    if failure == .full { submission.admission.filled() }
    let reply: Reply = failure == .full ? .diskFull : .diskRefused
    witness.storageRefused(reply)
    session.storageFailed(reply, into: &output)
    message.abandon(submission.queue)
    proceed(context)
  }

  /// Whether the message is durable cannot be known, so no reply may say it.
  private func storageIsUndecided() {
    witness.storageRefused(nil)
    closeNow()
    // No other answer will come, and what is stored of the message stands in the way of what lies behind it.
    forget()
  }

  private func proceed(_ context: ChannelHandlerContext) {
    if isClosing || (farewell != nil && !session.isReadingContent) { return finishClosing(context) }
    resume(context)
  }

  /// false: the message was refused, and the session goes on.
  func commit(_ envelope: Envelope, _ content: ByteBuffer, _ context: ChannelHandlerContext) -> Bool {
    if let refusal = message.finish(content) ?? authorRefusal {
      session.commitRefused(refusal, into: &output)
      message.abandon(submission.queue)
      return false
    }
    isSuspended = true
    guard send(context) else {
      // No disk will answer to what was not given to it.
      forget()
      return true
    }
    let now = submission.clock.now()
    let id = submission.queue.makeID()
    let origin = Origin(
      login: session.login, address: addressText, helo: session.heloName?.text ?? "", client: client?.name,
      listener: submission.listener.name, tls: tlsText)
    message.accept(
      id, envelope, from: origin, trace: trace(for: envelope, id, now), last: content, now: now, in: submission.queue,
      notify: waiter)
    submission.loop.wakeWriter(of: submission.queue)
    return true
  }

  private var authorRefusal: Reply? {
    for claim in message.authorClaims {
      if let refusal = session.refusal(of: claim.addresses, in: claim.field) { return refusal }
    }
    return nil
  }

  private var waiter: Waiter { Waiter(receiver: submission.loop, token: token) }

  private func trace(for envelope: Envelope, _ id: MessageID, _ now: Instant) -> TraceField {
    let seconds = now.wall / 1000
    let header = submission.settings.configuration.sender.receivedHeader
    return TraceField(
      helo: session.heloName?.text ?? "", address: addressText, hostname: session.policy.hostname,
      hidesClient: header == .private, isExtended: session.isExtended, isUTF8: envelope.isUTF8,
      isAuthenticated: session.login != nil, tls: tlsText,
      id: id.description, recipients: envelope.recipients.map(\.text), unixSeconds: seconds,
      zoneOffsetSeconds: submission.clock.zoneOffset(seconds))
  }

  func completed(_ completion: Completion) {
    guard let context else {
      if case .accepted(let id) = completion { noteAcceptance(id) }
      return forget()
    }
    if message.chunksUnderWay > 0 { return chunkCompleted(completion, context) }
    switch completion {
    case .stored: break
    case .accepted(let id):
      noteAcceptance(id)
      session.committed(id.description, into: &output)
      message.forget()
      proceed(context)
    case .failed(.undecided): storageIsUndecided()
    case .failed(let failure): refused(failure, context)
    }
  }

  private func noteAcceptance(_ id: MessageID) {
    submission.admission.accepted()
    if let rate = client?.rate { submission.rates.accepted(addressText, rate, submission.clock.now()) }
    guard let (envelope, origin) = message.accepting else { return }
    witness.accepted(
      AcceptedMessage(
        id: id, envelope: envelope, origin: origin, octets: message.octets, mechanism: witness.mechanism,
        replacedSender: session.replacedSender, headerMessageID: message.headerID.map { PeerText($0) }),
      session.usedRights)
  }
}
