// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
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
  /// The content of the message cannot be read; nothing was delivered.
  func connectionUnreadable(_ connection: UpstreamHandler, _ lease: consuming Lease, _ reason: String)
  /// The connection is no more. `trouble` is nil if nobody is to blame. Comes exactly once.
  func connectionClosed(_ connection: UpstreamHandler, _ trouble: UpstreamTrouble?)
  /// What its connections know of the upstream.
  var oneFlight: OneFlight { get set }
}

/// Carries out what a `ClientSession` decides: octets, TLS, content from the queue, and the time that an upstream may take.
package final class UpstreamHandler: ChannelInboundHandler {
  package typealias InboundIn = ByteBuffer
  package typealias OutboundOut = ByteBuffer

  /// Of a login (RFC 5802 section 5.1 leaves the length to us).
  private static let nonceOctets = 18

  let queue: MessageQueue
  let threads: any WorkerThreads
  private let tls: TLSContext
  private let serverName: String
  let delegate: any UpstreamConnectionDelegate
  /// Under which sender messages go out.
  let senders: SenderRule
  var session: ClientSession
  private var isTLSRunning = false

  private var input = ByteBuffer()
  var output = ByteBuffer()
  private var context: ChannelHandlerContext?
  var lease: Lease?
  /// Of the lease, until its end is sent.
  var outgoing: OutgoingContent?
  /// The session has asked for content.
  var isSending = false
  /// A piece of it is being written.
  var isWriting = false
  /// A read that blocks is under way on another thread.
  var isReading = false
  /// Of the reply that is due.
  private var patience = MovingDeadline()
  private var times: ConnectionTimes?
  /// nil: in clear, or the handshake is not done.
  private(set) var security: ConnectionSecurity?
  private var peer: (address: String?, port: Int)?

  /// What it logs in with.
  let login: ClientLogin?

  /// Transactions that this connection has carried.
  private(set) var transactions = 0

  /// The delegate has heard of the end, or will not.
  private(set) var isClosed = false

  init(
    policy: ClientPolicy, tls: TLSContext, serverName: String, queue: MessageQueue, threads: any WorkerThreads,
    delegate: any UpstreamConnectionDelegate, senders: SenderRule
  ) {
    self.senders = senders
    session = ClientSession(policy: policy, nonce: SecureRandom.octets(Self.nonceOctets), oneFlight: delegate.oneFlight)
    login = policy.login
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
    outgoing = OutgoingContent(
      lease.content, rewriting: senders.rewriting(of: lease.envelope.sender, of: lease.source.client))
    self.lease = consume lease
    transactions += 1
    times?.deliveryBegan(now: context.eventLoop.now)
    gather(context)
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

  func becomeReady() {
    guard !isClosed, let context else { return }
    times?.ready(now: context.eventLoop.now)
    if peer == nil, let remote = context.channel.remoteAddress { peer = (remote.ipAddress, remote.port ?? 0) }
    delegate.connectionReady(self)
  }

  /// Of the message that this connection carries, or carried last.
  var course: DeliveryCourse? {
    guard let times, let context else { return nil }
    return DeliveryCourse(
      host: serverName, address: peer?.address, port: peer?.port ?? 0, tls: security?.facts,
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
    delegate.connectionProgressed()
    input.arrived(unwrapInboundIn(data))
    process(context)
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case TLSEvent.handshakeCompleted(let facts) = event else {
      return context.fireUserInboundEventTriggered(event)
    }
    isTLSRunning = true
    let handler = try? context.pipeline.syncOperations.handler(type: TLSHandler.self)
    security = ConnectionSecurity(
      facts: facts, certificate: handler?.peerCertificate, isCertificateAsked: handler?.isCertificateAsked ?? false)
    let bindings = ChannelBindings(
      exporter: handler?.exporterBinding, serverEndPoint: handler?.serverEndPointBinding)
    session.tlsStarted(bindings, into: &output)
    send(context)
    setTimer(context)
  }

  package func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { sendContent(context) }
    context.fireChannelWritabilityChanged()
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    execute(session.disconnected(isTLSTrouble(error) ? .tls : .unreachable, "\(error)"), context)
  }

  /// Behind the handshake, only what the upstream says there about our certificate is.
  private func isTLSTrouble(_ error: any Error) -> Bool {
    guard let error = error as? TLSError else { return false }
    if case .identityRefused = error { return true }
    return !isTLSRunning
  }

  package func channelInactive(context: ChannelHandlerContext) {
    if !isClosed { execute(session.disconnected(.unreachable, "the upstream closed the connection"), context) }
    self.context = nil
    context.fireChannelInactive()
  }

  // MARK: what the session decides

  func process(_ context: ChannelHandlerContext) {
    while !isClosed {
      let replies = session.repliesTaken
      let action = session.received(&input, into: &output)
      // Octets of a reply that is not whole do not stop the clock.
      if action == .wait, session.repliesTaken == replies { return send(context) }
      execute(action, context)
      if action == .wait { return }
    }
  }

  func execute(_ action: ClientSession.Action, _ context: ChannelHandlerContext) {
    guard !isClosed else { return }
    delegate.oneFlight.learn(session.oneFlight)
    if action == .sendFlight { return sendEnd(context) }
    send(context)
    setTimer(context)
    switch action {
    case .wait, .sendFlight: break
    case .startTLS: startTLS(context)
    case .derive(let derivation): derive(derivation, context)
    case .ready: becomeReady()
    case .sendContent:
      isSending = true
      sendContent(context)
    case .finished(let results):
      finish(results)
      // What stands behind the reply is looked at before anything new is said.
      if input.readableBytes == 0 { becomeReady() } else { closeUnlessExplained(context) }
    case .failed(let trouble, let results):
      finish(results)
      closed(trouble, context)
    case .close:
      // A message that was to begin on it has not.
      finish([])
      closed(nil, context)
    }
  }

  func finish(_ results: [RecipientResult]) {
    outgoing = nil
    isSending = false
    guard let lease = lease.take() else { return }
    delegate.connectionFinished(self, lease, results)
  }

  func closed(_ trouble: UpstreamTrouble?, _ context: ChannelHandlerContext) {
    guard !isClosed else { return }
    isClosed = true
    patience.cancel()
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

  private func derive(_ derivation: SCRAMDerivation, _ context: ChannelHandlerContext) {
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    threads.compute(on: context.eventLoop) { derivation.run() }.whenComplete { result in
      let (handler, context) = bound.value
      guard !handler.isClosed else { return }
      switch result {
      case .success(let salted): handler.execute(handler.session.derived(salted, into: &handler.output), context)
      case .failure(let error): handler.execute(handler.session.disconnected(.unreachable, "\(error)"), context)
      }
    }
  }

  // MARK: octets and time

  func send(_ context: ChannelHandlerContext, promise: EventLoopPromise<Void>? = nil) {
    guard output.readableBytes > 0 || promise != nil else { return }
    let taken = output
    output = ByteBuffer()
    context.writeAndFlush(wrapOutboundOut(taken), promise: promise)
  }

  /// A reply has a time in all, not from one octet to the next. An idle connection has none: the pool ends it.
  func setTimer(_ context: ChannelHandlerContext) {
    guard !isClosed else { return }
    guard !session.isIdle else { return patience.clear() }
    patience.set(context.eventLoop.now + .seconds(Int64(session.patienceSeconds)))
    awaitDeadline(context)
  }

  private func awaitDeadline(_ context: ChannelHandlerContext) {
    guard let due = patience.due() else { return }
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    let scheduled = context.eventLoop.scheduleTask(deadline: due) {
      let (handler, context) = bound.value
      guard handler.patience.fired(now: context.eventLoop.now) else { return handler.awaitDeadline(context) }
      handler.execute(handler.session.timedOut(), context)
    }
    patience.replace(with: scheduled, at: due)
  }
}
