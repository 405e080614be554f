// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Queue
import SMTP

/// The content of a message, from the queue to the connection. Each chunk's checksum is verified before any of it goes
/// out, and the end goes out only behind the last one.
extension UpstreamHandler {
  /// Reads what is wanted before the first word, and begins the transaction.
  func gather(_ context: ChannelHandlerContext) {
    while outgoing?.isGathered == false {
      guard read(context) else { return }
    }
    guard let content = outgoing, var envelope = lease?.envelope, let hints = lease?.hints else { return }
    let sender = envelope.sender
    envelope.sender = senders.sent(sender, of: lease?.source.client)
    // Without SMTPUTF8 in the submission a header that is not ASCII goes as it came: devices send such.
    let message = ClientTransaction(
      envelope: envelope, octets: UInt64(content.octets), isEightBit: hints.isEightBit,
      needsUTF8: envelope.isUTF8 && hints.isHeaderEightBit, notification: envelope.notification,
      isSenderReplaced: envelope.sender != sender)
    // Other connections may have learnt more.
    session.oneFlight.learn(delegate.oneFlight)
    let action = session.deliver(message, content: content.isWhole ? content.gathered : nil, into: &output)
    guard case .finished(let results) = action else { return execute(action, context) }
    // Decided without a word to the upstream.
    finish(results)
    becomeReadyLater(context)
  }

  /// As fast as the connection takes it, a piece at a time.
  func sendContent(_ context: ChannelHandlerContext) {
    // What is written may make the channel writable again before `send` returns, and TLS has not seen the piece off by
    // then. Whoever wrote it goes on behind it, or all of a message would be read into memory.
    guard !isWriting else { return }
    isWriting = true
    defer { isWriting = false }
    while isSending, !isReading, !isClosed, session.wantsContent, context.channel.isWritable {
      if outgoing?.gathered.isEmpty == true, outgoing?.isWhole == false {
        guard read(context) else { return }
        continue
      }
      guard let piece = outgoing?.handOver() else { return }
      delegate.connectionProgressed()
      session.content(piece.octets, isLast: piece.isLast, into: &output)
      if piece.isLast {
        isWriting = false
        return sendEnd(context)
      }
      send(context)
      setTimer(context)
    }
  }

  /// Sends what ends with the content. The reply to it is due when it is written, and not before.
  func sendEnd(_ context: ChannelHandlerContext) {
    outgoing = nil
    isSending = false
    let number = transactions
    let written = context.eventLoop.makePromise(of: Void.self)
    written.futureResult.assumeIsolated().whenSuccess {
      guard !self.isClosed, self.transactions == number else { return }
      self.session.contentSent()
      self.setTimer(context)
      self.process(context)
    }
    setTimer(context)
    send(context, promise: written)
  }

  /// Takes the next chunk; false: it will come later, or never.
  private func read(_ context: ChannelHandlerContext) -> Bool {
    guard !isReading, let index = outgoing?.nextChunk, let stored = outgoing?.stored else { return false }
    do throws(ContentError) {
      if let chunk = try queue.read(index, of: stored, mayBlock: false) {
        outgoing?.take(chunk)
        return true
      }
    } catch {
      unreadable(error, context)
      return false
    }
    isReading = true
    let number = transactions
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    // The page cache has nearly everything, and then no thread is needed.
    threads.run(on: context.eventLoop) { [queue] in
      try queue.read(index, of: stored, mayBlock: true) ?? []
    }.whenComplete { result in
      let (handler, context) = bound.value
      handler.isReading = false
      guard handler.outgoing != nil, !handler.isClosed else { return }
      switch result {
      // The upstream may have refused that message meanwhile, and then the next one waits.
      case _ where handler.transactions != number: break
      case .success(let chunk): handler.outgoing?.take(chunk)
      case .failure(let error): return handler.unreadable(error, context)
      }
      if handler.session.isIdle { handler.gather(context) } else { handler.sendContent(context) }
    }
    return false
  }

  /// Damage is the message's; anything else is ours, and passes. Once the transaction has begun the connection closes
  /// without the end of the content, so that nothing of it is delivered.
  private func unreadable(_ error: any Error, _ context: ChannelHandlerContext) {
    let hasBegun = !session.isIdle
    outgoing = nil
    isSending = false
    if hasBegun {
      output.clear()
      _ = session.contentUnavailable()
    }
    guard let lease = lease.take() else { return closed(nil, context) }
    if let error = error as? ContentError, error.isDamage {
      delegate.connectionUnreadable(self, lease, "\(error)")
      if hasBegun { closed(nil, context) } else { becomeReadyLater(context) }
    } else {
      delegate.connectionFinished(self, lease, [])
      closed(UpstreamTrouble(.unreachable, at: "queue", "\(error)"), context)
    }
  }

  /// The next message comes in another turn, or thousands would be a deep stack.
  private func becomeReadyLater(_ context: ChannelHandlerContext) {
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    context.eventLoop.execute { bound.value.becomeReady() }
  }
}
