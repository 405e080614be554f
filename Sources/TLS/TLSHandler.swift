// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import NIOCore

/// Puts a `TLSConnection` into a channel's pipeline: ciphertext on the side of the socket, plaintext on the other,
/// buffers of octets both ways. It starts with the channel, or at once when it is added to an active one (STARTTLS),
/// and keeps no time: who adds it limits how long a handshake may take.
///
/// Inbound it fires `TLSEvent.handshakeCompleted` before any plaintext. A failure fires a `TLSError` and then closes
/// the channel; an end without close_notify fires `TLSError.truncated`.
package final class TLSHandler: ChannelDuplexHandler, RemovableChannelHandler {
  package typealias InboundIn = ByteBuffer
  package typealias InboundOut = ByteBuffer
  package typealias OutboundIn = ByteBuffer
  package typealias OutboundOut = ByteBuffer
  package typealias Side = TLSConnection.Side

  private enum State {
    case waiting
    case handshaking(TLSConnection)
    case open(TLSConnection)
    /// The peer has said close_notify, and the channel allows us to go on writing.
    case inputClosed(TLSConnection)
    case closed
  }

  private let tls: TLSContext
  private let side: Side
  private var state = State.waiting
  private var pending = MarkedCircularBuffer<(buffer: ByteBuffer, promise: EventLoopPromise<Void>?)>(initialCapacity: 4)
  /// Set while plaintext is being delivered: what is received meanwhile is left to the call that is under way.
  private var isAdvancing = false
  /// Set while ciphertext is handed to the channel, which may at once ask for more: that has to wait for its turn.
  private var isEncrypting = false
  /// The reader asked for octets and has got none yet, only records without plaintext.
  private var owesRead = false

  package init(context: TLSContext, side: Side) {
    tls = context
    self.side = side
  }
}

// MARK: - What is asked behind the handshake

extension TLSHandler {
  /// See `TLSConnection`; nil while there is none.
  package var exporterBinding: [UInt8]? { openConnection?.exporterBinding }
  package var serverEndPointBinding: [UInt8]? { openConnection?.serverEndPointBinding }
  package var peerCertificate: CertificateFacts? { openConnection?.peerCertificate }
  package var isCertificateAsked: Bool { openConnection?.isCertificateAsked ?? false }
  package var shownCertificate: ShownCertificate? { openConnection?.shownCertificate }

  private var openConnection: TLSConnection? {
    switch state {
    case .open(let connection), .inputClosed(let connection): connection
    case .waiting, .handshaking, .closed: nil
    }
  }
}

// MARK: - Life

extension TLSHandler {
  package func handlerAdded(context: ChannelHandlerContext) {
    if context.channel.isActive { start(context) }
  }

  package func channelActive(context: ChannelHandlerContext) {
    start(context)
    context.fireChannelActive()
  }

  package func channelInactive(context: ChannelHandlerContext) {
    let error = errorAtEnd
    state = .closed
    failPending()
    if let error { context.fireErrorCaught(error) }
    context.fireChannelInactive()
  }

  /// A client that resets the connection in the handshake is gone like any other. A server's reset is the network's fault
  /// as likely as its own, so who asked for the connection hears of it as it is.
  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if case .handshaking(let connection) = state, side == .server {
      fail(connection.leftInHandshake(), context)
    } else {
      context.fireErrorCaught(error)
    }
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    state = .closed
    failPending()
  }

  private func start(_ context: ChannelHandlerContext) {
    guard case .waiting = state else { return }
    do throws(TLSError) {
      state = .handshaking(try TLSConnection(context: tls, side: side))
    } catch {
      fail(error, context)
      return
    }
    advance(context)
    if case .handshaking = state { context.read() }
  }

  /// What the end of the peer's octets means now; nil when it was announced, or is our own doing.
  private var errorAtEnd: TLSError? {
    switch state {
    case .handshaking(let connection): connection.leftInHandshake()
    case .open: .truncated
    case .waiting, .inputClosed, .closed: nil
    }
  }
}

// MARK: - Inbound

extension TLSHandler {
  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch state {
    case .handshaking(let connection), .open(let connection):
      connection.receive(unwrapInboundIn(data))
      advance(context)
    case .waiting, .inputClosed, .closed:
      // Nothing may follow a close_notify (RFC 8446 section 6.1), and nobody is left to read it.
      break
    }
  }

  package func channelReadComplete(context: ChannelHandlerContext) {
    context.fireChannelReadComplete()
    switch state {
    case .handshaking:
      context.read()
    case .open where owesRead:
      context.read()
    case .waiting, .open, .inputClosed, .closed:
      break
    }
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard let event = event as? ChannelEvent, event == .inputClosed else {
      context.fireUserInboundEventTriggered(event)
      return
    }
    // The socket's half-close. The connection's own was reported when close_notify came.
    if let error = errorAtEnd { fail(error, context) }
  }

  private func advance(_ context: ChannelHandlerContext) {
    guard !isAdvancing else { return }
    isAdvancing = true
    defer { isAdvancing = false }
    do throws(TLSError) {
      try shakeHands(context)
      try deliver(context)
    } catch {
      fail(error, context)
      return
    }
    sendOutgoing(context)
  }

  private func shakeHands(_ context: ChannelHandlerContext) throws(TLSError) {
    guard case .handshaking(let connection) = state, let facts = try connection.handshake() else { return }
    state = .open(connection)
    context.fireUserInboundEventTriggered(TLSEvent.handshakeCompleted(facts))
    // Our last message of the handshake leaves together with what was written meanwhile.
    try encryptPending(context)
  }

  private func deliver(_ context: ChannelHandlerContext) throws(TLSError) {
    while case .open(let connection) = state, connection.plaintextOctetsExpected > 0 {
      let capacity = min(connection.plaintextOctetsExpected, TLSLimits.plaintextOctetsMax)
      var plaintext = context.channel.allocator.buffer(capacity: capacity)
      let outcome = connection.read(into: &plaintext)
      if plaintext.readableBytes > 0 {
        owesRead = false
        context.fireChannelRead(wrapInboundOut(plaintext))
      }
      // The reader may have closed the channel over what it read.
      guard case .open = state else { return }
      switch outcome {
      case .more, .drained: break
      case .closed: receivedCloseNotify(connection, context)
      case .failed(let error): throw error
      }
    }
  }

  private func receivedCloseNotify(_ connection: TLSConnection, _ context: ChannelHandlerContext) {
    let allowsHalfClosure = (try? context.channel.syncOptions?.getOption(.allowRemoteHalfClosure)) ?? false
    if allowsHalfClosure && !connection.isOutputClosed {
      state = .inputClosed(connection)
      context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    } else {
      closeAll(context, promise: nil)
    }
  }
}

// MARK: - Outbound

extension TLSHandler {
  package func read(context: ChannelHandlerContext) {
    owesRead = true
    context.read()
  }

  package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if isOutputClosed {
      promise?.fail(TLSError.closed)
    } else {
      pending.append((unwrapOutboundIn(data), promise))
    }
  }

  package func flush(context: ChannelHandlerContext) {
    pending.mark()
    switch state {
    case .open, .inputClosed:
      do throws(TLSError) {
        try encryptPending(context)
        sendOutgoing(context)
      } catch {
        fail(error, context)
      }
    case .waiting, .handshaking, .closed:
      break
    }
    context.flush()
  }

  package func triggerUserOutboundEvent(
    context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?
  ) {
    guard case TLSOrder.endHandshake as TLSOrder = event else {
      return context.triggerUserOutboundEvent(event, promise: promise)
    }
    if case .handshaking(let connection) = state { fail(connection.outOfTime(), context) }
    promise?.succeed()
  }

  package func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    switch (mode, state) {
    case (.all, _):
      closeAll(context, promise: promise)
    case (.output, .open(let connection)):
      connection.closeOutput()
      failPending()
      sendOutgoing(context)
      context.close(mode: .output, promise: promise)
    case (.output, .inputClosed(let connection)):
      // Both directions are done, but what was written is still on its way: the channel closes behind it.
      connection.closeOutput()
      failPending()
      let sent = context.eventLoop.makePromise(of: Void.self)
      sent.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: promise) }
      context.writeAndFlush(wrapOutboundOut(connection.takeOutgoing()), promise: sent)
    case (.output, _), (.input, _):
      promise?.fail(ChannelError.operationUnsupported)
    }
  }

  private func closeAll(_ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
    switch state {
    case .open(let connection), .inputClosed(let connection):
      connection.closeOutput()
      sendOutgoing(context)
    case .waiting, .handshaking, .closed:
      break
    }
    state = .closed
    failPending()
    context.close(promise: promise)
  }

  /// Encrypts what was flushed. Small writes share records; their promises are kept with the last octets.
  private func encryptPending(_ context: ChannelHandlerContext) throws(TLSError) {
    guard !isEncrypting, let connection = openConnection, pending.hasMark else { return }
    isEncrypting = true
    defer { isEncrypting = false }
    // Sending may make the channel writable, and its writer write again, before it returns: those writes are ours too.
    while pending.hasMark {
      var written: EventLoopPromise<Void>?
      do throws(TLSError) {
        while pending.hasMark {
          try encrypt(gatherPending(&written), connection, context)
        }
      } catch {
        written?.fail(error)
        throw error
      }
      if connection.outgoingOctets > 0 || written != nil {
        context.writeAndFlush(wrapOutboundOut(connection.takeOutgoing()), promise: written)
      }
    }
  }

  /// The next flushed write, with those behind it that fit into the same record.
  private func gatherPending(_ written: inout EventLoopPromise<Void>?) -> ByteBuffer {
    var gathered = ByteBuffer()
    repeat {
      var next = pending.removeFirst()
      written = join(written, next.promise)
      if gathered.readableBytes == 0 {
        gathered = next.buffer
      } else {
        gathered.writeBuffer(&next.buffer)
      }
    } while pending.hasMark
      && gathered.readableBytes + pending[pending.startIndex].buffer.readableBytes <= TLSLimits.recordOctetsMax
    return gathered
  }

  /// The last piece of ciphertext always stays in the connection, for the promise.
  private func encrypt(
    _ plaintext: ByteBuffer, _ connection: TLSConnection, _ context: ChannelHandlerContext
  ) throws(TLSError) {
    var plaintext = plaintext
    while plaintext.readableBytes > 0 {
      if connection.outgoingOctets >= TLSLimits.pieceOctets {
        context.write(wrapOutboundOut(connection.takeOutgoing()), promise: nil)
      }
      try connection.write(&plaintext)
    }
  }

  private func join(_ first: EventLoopPromise<Void>?, _ second: EventLoopPromise<Void>?) -> EventLoopPromise<Void>? {
    guard let first, let second else { return first ?? second }
    first.futureResult.cascade(to: second)
    return first
  }

  private var isOutputClosed: Bool {
    switch state {
    case .waiting, .handshaking: false
    case .open(let connection), .inputClosed(let connection): connection.isOutputClosed
    case .closed: true
    }
  }

  /// Sends what the connection has to say by itself: handshake, alerts, close_notify.
  private func sendOutgoing(_ context: ChannelHandlerContext) {
    switch state {
    case .handshaking(let connection), .open(let connection), .inputClosed(let connection):
      guard connection.outgoingOctets > 0 else { return }
      context.writeAndFlush(wrapOutboundOut(connection.takeOutgoing()), promise: nil)
    case .waiting, .closed:
      break
    }
  }

  /// The peer is told by the alert that OpenSSL prepared, the others by the error; then the channel closes.
  private func fail(_ error: TLSError, _ context: ChannelHandlerContext) {
    if case .closed = state { return }
    sendOutgoing(context)
    state = .closed
    failPending()
    context.fireErrorCaught(error)
    context.close(promise: nil)
  }

  private func failPending() {
    while let (_, promise) = pending.popFirst() { promise?.fail(TLSError.closed) }
  }
}
