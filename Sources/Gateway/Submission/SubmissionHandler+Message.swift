// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Mail
import NIOCore
import Queue
import SMTP
import WAL

/// A message between the session, which has its octets, and the queue, which makes them durable and answers later.
extension SubmissionHandler {
  func store(_ content: ByteBuffer) {
    isSuspended = true
    chunk = content
    submission.loop.awaitTurn(token)
  }

  /// It is this session's turn; false: it has nothing to store any more.
  func storeChunk() -> Bool {
    guard let content = chunk.take() else { return false }
    message.store(content, in: submission.queue, notify: waiter)
    return true
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
    switch completion {
    case .stored(let extent):
      message.stored(extent)
      session.stored()
    case .accepted(let id):
      noteAcceptance(id)
      session.committed(id.description, into: &output)
      message.forget()
    case .failed(.undecided):
      // Whether the message is durable cannot be known, so no reply may say it.
      witness.storageRefused(nil)
      return closeNow()
    case .failed(let failure):
      if failure == .full { submission.admission.filled() }
      let reply: Reply = failure == .full ? .diskFull : .diskRefused
      witness.storageRefused(reply)
      session.storageFailed(reply, into: &output)
      message.abandon(submission.queue)
    }
    if isClosing || (farewell != nil && !session.isReadingContent) { return finishClosing(context) }
    resume(context)
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
