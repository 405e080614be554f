// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Mail
import NIOCore
import Queue
import SMTP
import TLS

/// What a connection tells the pool that opened it. All on one event loop.
protocol UpstreamConnectionDelegate: AnyObject {
  /// The dialogue stands or a transaction ended: it can take a message.
  func connectionReady(_ connection: UpstreamHandler)
  /// Octets moved, in or out.
  func connectionProgressed()
  func connectionFinished(_ connection: UpstreamHandler, _ lease: consuming Lease, _ results: [RecipientResult])
  /// The content of the message cannot be read; nothing was delivered, and the connection closes.
  func connectionUnreadable(_ connection: UpstreamHandler, _ lease: consuming Lease, _ reason: String)
  /// The connection is no more. `trouble` is nil if nobody is to blame. Comes exactly once.
  func connectionClosed(_ connection: UpstreamHandler, _ trouble: UpstreamTrouble?)
}

/// Carries out what a `ClientSession` decides: octets, TLS, content from the queue, and the time that an upstream may take.
package final class UpstreamHandler: ChannelInboundHandler {
  package typealias InboundIn = ByteBuffer
  package typealias OutboundOut = ByteBuffer

  private let queue: MessageQueue
  private let threads: any WorkerThreads
  private let tls: TLSContext
  private let serverName: String
  private let delegate: any UpstreamConnectionDelegate
  private var session: ClientSession
  private let isImplicitTLS: Bool
  private var isTLSRunning = false

  private var input = ByteBuffer()
  private var output = ByteBuffer()
  private var context: ChannelHandlerContext?
  private var lease: Lease?
  private var sending: Sending?
  private var timer: Scheduled<Void>?
  private var times: ConnectionTimes?
  private var facts: TLSFacts?
  private var peer: SocketAddress?

  /// Transactions that this connection has carried.
  private(set) var transactions = 0

  /// The delegate has heard of the end, or will not.
  private(set) var isClosed = false

  /// A message whose content is on its way.
  private struct Sending {
    var nextChunk = 0
    var stuffing = DotStuffing()
    var bcc = BccRemoval()
    /// A read that blocks is under way on another thread.
    var isReading = false
  }

  init(
    policy: ClientPolicy, tls: TLSContext, serverName: String, queue: MessageQueue, threads: any WorkerThreads,
    delegate: any UpstreamConnectionDelegate
  ) {
    session = ClientSession(policy: policy)
    isImplicitTLS = policy.security == .implicit
    self.tls = tls
    self.serverName = serverName
    self.queue = queue
    self.threads = threads
    self.delegate = delegate
  }

  // MARK: what the pool asks

  /// The upstream's answer to our login, if it took one.
  var loginReply: Reply? { session.loginReply }

  /// Only after `connectionReady`.
  func deliver(_ lease: consuming Lease) {
    guard let context else { return delegate.connectionFinished(self, lease, []) }
    let message = ClientTransaction(
      envelope: lease.envelope, octets: UInt64(lease.content.octets),
      isEightBit: lease.hints.isEightBit)
    self.lease = consume lease
    transactions += 1
    times?.deliveryBegan(now: context.eventLoop.now)
    let action = session.deliver(message, into: &output)
    guard case .finished(let results) = action else { return execute(action, context) }
    // Decided without a word to the upstream. The next message comes in another turn, or thousands would be a deep stack.
    finish(results)
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    context.eventLoop.execute { bound.value.becomeReady() }
  }

  func quit() {
    guard let context else { return }
    session.quit(into: &output)
    send(context)
    // RFC 5321 section 4.1.1.10 wants us to wait for 221; peers that hold it back should not hold us.
    closed(nil, context)
  }

  func closeNow() {
    context?.close(promise: nil)
  }

  private func becomeReady() {
    guard !isClosed, let context else { return }
    times?.ready(now: context.eventLoop.now)
    if peer == nil { peer = context.channel.remoteAddress }
    delegate.connectionReady(self)
  }

  /// Of the message that this connection carries, or carried last.
  var course: DeliveryCourse? {
    guard let times, let context else { return nil }
    return DeliveryCourse(
      host: serverName, address: peer?.ipAddress, port: peer?.port ?? 0, tls: facts,
      connectMilliseconds: times.connectMillisecondsOfDelivery,
      sendMilliseconds: times.sendMilliseconds(now: context.eventLoop.now))
  }

  // MARK: events of the channel

  package func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    times = ConnectionTimes(now: context.eventLoop.now)
    if context.channel.isActive { setTimer(context) }
  }

  package func channelActive(context: ChannelHandlerContext) {
    setTimer(context)
    context.fireChannelActive()
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var octets = unwrapInboundIn(data)
    delegate.connectionProgressed()
    if input.readableBytes == 0 { input = octets } else { input.writeBuffer(&octets) }
    process(context)
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case TLSEvent.handshakeCompleted(let facts) = event else {
      return context.fireUserInboundEventTriggered(event)
    }
    isTLSRunning = true
    self.facts = facts
    if !isImplicitTLS { session.tlsStarted(into: &output) }
    send(context)
    setTimer(context)
  }

  package func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { sendContent(context) }
    context.fireChannelWritabilityChanged()
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    let isTLSTrouble = error is TLSError && !isTLSRunning
    execute(session.disconnected(isTLSTrouble ? .tls : .unreachable, "\(error)"), context)
  }

  package func channelInactive(context: ChannelHandlerContext) {
    if !isClosed { execute(session.disconnected(.unreachable, "the upstream closed the connection"), context) }
    self.context = nil
    context.fireChannelInactive()
  }

  // MARK: what the session decides

  private func process(_ context: ChannelHandlerContext) {
    while !isClosed {
      let replies = session.repliesTaken
      let action = session.received(&input, into: &output)
      // Octets of a reply that is not whole do not stop the clock.
      if action == .wait, session.repliesTaken == replies { return send(context) }
      execute(action, context)
      if action == .wait { return }
    }
  }

  private func execute(_ action: ClientSession.Action, _ context: ChannelHandlerContext) {
    guard !isClosed else { return }
    send(context)
    setTimer(context)
    switch action {
    case .wait: break
    case .startTLS: startTLS(context)
    case .ready: becomeReady()
    case .sendContent:
      sending = Sending()
      sendContent(context)
    case .finished(let results):
      finish(results)
      // What stands behind the reply is looked at before anything new is said.
      if input.readableBytes == 0 { becomeReady() } else { closeUnlessExplained(context) }
    case .failed(let trouble, let results):
      finish(results)
      closed(trouble, context)
    case .close:
      closed(nil, context)
    }
  }

  private func finish(_ results: [RecipientResult]) {
    sending = nil
    guard let lease = lease.take() else { return }
    delegate.connectionFinished(self, lease, results)
  }

  private func closed(_ trouble: UpstreamTrouble?, _ context: ChannelHandlerContext) {
    guard !isClosed else { return }
    isClosed = true
    timer?.cancel()
    context.close(promise: nil)
    delegate.connectionClosed(self, trouble)
  }

  /// The upstream said more than it was asked: 421 is a goodbye, everything else a broken peer.
  private func closeUnlessExplained(_ context: ChannelHandlerContext) {
    let action = session.received(&input, into: &output)
    if action == .wait { closed(nil, context) } else { execute(action, context) }
  }

  private func startTLS(_ context: ChannelHandlerContext) {
    do {
      let handler = TLSHandler(context: tls, side: .client(serverName: serverName))
      try context.pipeline.syncOperations.addHandler(handler, position: .first)
    } catch {
      execute(session.disconnected(.tls, "\(error)"), context)
    }
  }

  // MARK: content

  /// Writes content as fast as the connection takes it, one chunk at a time; each chunk's checksum is verified before
  /// any of it goes out, and the dot goes out only behind the last.
  private func sendContent(_ context: ChannelHandlerContext) {
    while let current = sending, !current.isReading, context.channel.isWritable, !isClosed {
      guard current.nextChunk < chunkCount else { return endContent(context) }
      guard let chunk = readChunk(current.nextChunk, context) else { return }
      write(chunk, context)
    }
  }

  private var chunkCount: Int { lease?.content.chunkCount ?? 0 }

  /// nil: it will come later, or never.
  private func readChunk(_ index: Int, _ context: ChannelHandlerContext) -> [UInt8]? {
    guard let content = lease?.content else { return nil }
    do throws(ContentError) {
      if let chunk = try queue.read(index, of: content, mayBlock: false) { return chunk }
    } catch {
      unreadable(error, context)
      return nil
    }
    sending?.isReading = true
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    // The page cache has nearly everything, and then no thread is needed.
    threads.run(on: context.eventLoop) { [queue] in
      try queue.read(index, of: content, mayBlock: true) ?? []
    }.whenComplete { result in
      let (handler, context) = bound.value
      handler.sending?.isReading = false
      guard handler.sending != nil, !handler.isClosed else { return }
      switch result {
      case .success(let chunk):
        handler.write(chunk, context)
        handler.sendContent(context)
      case .failure(let error): handler.unreadable(error, context)
      }
    }
    return nil
  }

  private func write(_ chunk: [UInt8], _ context: ChannelHandlerContext) {
    guard var current = sending else { return }
    delegate.connectionProgressed()
    current.nextChunk += 1
    output.reserveCapacity(chunk.count + 64)
    current.stuffing.write(current.bcc.filter(chunk), into: &output)
    let isLast = current.nextChunk == chunkCount
    sending = current
    if !isLast {
      send(context)
      setTimer(context)
    }
  }

  private func endContent(_ context: ChannelHandlerContext) {
    guard var current = sending.take() else { return }
    current.stuffing.write(current.bcc.finish(), into: &output)
    current.stuffing.end(into: &output)
    session.contentSent()
    send(context)
    setTimer(context)
    process(context)
  }

  /// Closes without the dot, so that nothing of the message is delivered. Damage is the message's; anything else is
  /// ours, and passes.
  private func unreadable(_ error: any Error, _ context: ChannelHandlerContext) {
    sending = nil
    output.clear()
    _ = session.contentUnavailable()
    guard let lease = lease.take() else { return closed(nil, context) }
    if let error = error as? ContentError, error.isDamage {
      delegate.connectionUnreadable(self, lease, "\(error)")
      closed(nil, context)
    } else {
      delegate.connectionFinished(self, lease, [])
      closed(UpstreamTrouble(.unreachable, at: "queue", "\(error)"), context)
    }
  }

  // MARK: octets and time

  private func send(_ context: ChannelHandlerContext) {
    guard output.readableBytes > 0 else { return }
    let taken = output
    output = ByteBuffer()
    context.writeAndFlush(wrapOutboundOut(taken), promise: nil)
  }

  /// A reply has a time in all, not from one octet to the next. An idle connection has none: the pool ends it.
  private func setTimer(_ context: ChannelHandlerContext) {
    timer?.cancel()
    timer = nil
    guard !session.isIdle else { return }
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: .seconds(Int64(session.patienceSeconds))) {
      let (handler, context) = bound.value
      handler.execute(handler.session.timedOut(), context)
    }
  }
}
