// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import NIOCore
import SMTP
import TLS

/// Carries out what a `ServerSession` decides: octets, TLS, logins, the queue, and the time that a client may take.
///
/// The channel reads only when the session wants input, so a client that waits for the disk is held by TCP, not by memory.
package final class SubmissionHandler: ChannelInboundHandler {
  package typealias InboundIn = ByteBuffer
  package typealias OutboundOut = ByteBuffer

  let submission: SubmissionContext
  let client: Configuration.Client?
  var session: ServerSession
  var tls: TLSFacts?
  var witness: SessionWitness
  /// What the client was challenged for.
  var challenged: SCRAMVerifier?
  private(set) var input = ByteBuffer()
  var output = ByteBuffer()
  var message: IncomingMessage
  /// Of the message, and not yet given to the queue.
  var chunk: ByteBuffer?
  /// The end of a message, of which the queue has not answered for all chunks yet.
  var awaitingChunks: ServerSession.Action?
  var context: ChannelHandlerContext?
  var token: UInt64 = 0
  private var isOpen = false
  var isSuspended = false
  var isClosing = false
  /// The client reads none of what was said, so nothing more is done for it.
  private var isHeldBack = false
  /// Reads in the way for long messages.
  private var readsLong = false
  /// Counted among the messages that are arriving.
  private var isArriving = false
  /// As which it is counted among the sessions of a login.
  var countedLogin: String?
  /// What the client hears behind the reply to this message, which is the last.
  var farewell: Reply?
  var timer = SessionTimer()
  private var feasibility: FeasibilityWatch

  package init(_ submission: SubmissionContext) {
    self.submission = submission
    let configuration = submission.settings.configuration
    client = configuration.client(at: submission.address)
    feasibility = FeasibilityWatch(
      settings: submission.settings, client: client?.name, address: submission.address,
      announcements: submission.announcements)
    witness = SessionWitness(submission, client)
    session = ServerSession(
      policy: ServerPolicy(
        hostname: configuration.hostname, offersTLS: submission.listener.security == .starttls,
        messageOctetsMax: UInt64(configuration.message.maxSize), recipientsMax: configuration.message.maxRecipients,
        senders: configuration.sender.policy == .any ? nil : configuration.sender.allowed),
      rights: ClientRights(client, mayOmitLogin: submission.settings.needsNoLogin(submission.address)),
      isTLS: submission.listener.security == .implicit)
    message = IncomingMessage(hostname: configuration.hostname, keepsAuthors: session.holdsAuthors)
  }

  // MARK: events of the channel

  package func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive { opened(context) }
  }

  package func channelActive(context: ChannelHandlerContext) {
    opened(context)
    context.fireChannelActive()
  }

  private func opened(_ context: ChannelHandlerContext) {
    guard token == 0 else { return }
    token = submission.loop.add(self)
    witness.opened()
    if !session.rights.mayOmitLogin { timer.awaitLogin(Limits.loginSeconds, now: context.eventLoop.now) }
    if let refusal = submission.loop.refusal { return end(refusal) }
    if session.isTLS {
      setDeadline(Limits.handshakeSeconds, context)
    } else {
      greet(context)
    }
    context.read()
  }

  private func greet(_ context: ChannelHandlerContext, _ certificate: ClientCertificate = .notAsked) {
    isOpen = true
    session.opened(certificate, into: &output)
    send(context)
    setDeadline(Limits.commandSeconds, context)
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    input.arrived(unwrapInboundIn(data))
    if !isSuspended, !isHeldBack { process(context) }
  }

  package func channelReadComplete(context: ChannelHandlerContext) {
    readMore(context)
    context.fireChannelReadComplete()
  }

  /// A client that does not read its replies is not read from either.
  private func readMore(_ context: ChannelHandlerContext) {
    guard !isSuspended, !isClosing else { return }
    if message.isLong != readsLong { changeReads(context) }
    if context.channel.isWritable { context.read() } else { setDeadline(Limits.writeStallSeconds, context) }
  }

  private func changeReads(_ context: ChannelHandlerContext) {
    guard readsLong || submission.admission.hasRoomForLongReads else { return }
    readsLong.toggle()
    let reads: any RecvByteBufferAllocator = readsLong ? SessionReads.Long() : SessionReads.usual
    try? context.channel.syncOptions?.setOption(.recvAllocator, value: reads)
  }

  package func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable, !isSuspended, !isClosing {
      setDeadline(Limits.commandSeconds, context)
      if isHeldBack {
        isHeldBack = false
        process(context)
      }
      readMore(context)
    }
    context.fireChannelWritabilityChanged()
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case TLSEvent.handshakeCompleted(let facts) as TLSEvent:
      tls = facts
      let certificate = certificate(context)
      witness.shookHands(facts)
      if isOpen {
        session.tlsStarted(certificate)
        setDeadline(Limits.commandSeconds, context)
        resume(context)
      } else {
        greet(context, certificate)
      }
    default:
      context.fireUserInboundEventTriggered(event)
    }
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let error = error as? TLSError, error != .truncated {
      if tls == nil { witness.handshakeFailed(error, isBehindGreeting: isOpen) } else { witness.tlsFailed(error) }
    }
    context.close(promise: nil)
  }

  package func channelInactive(context: ChannelHandlerContext) {
    if session.isReadingContent, !isClosing { witness.left(inContentAfter: message.octets) }
    release()
    context.fireChannelInactive()
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    release()
  }

  private func release() {
    guard self.context != nil else { return }
    context = nil
    isClosing = true
    timer.cancel()
    if isArriving { submission.admission.messageHasArrived() }
    if let countedLogin { submission.logins.left(countedLogin) }
    if token != 0 { witness.closed(session.usedRights) }
    // A message that the disk is about to take is told of and counted, whether or not its client waits to hear of it.
    if !session.isCommitting { forget() }
    submission.left()
  }

  func forget() {
    message.abandon(submission.queue)
    if token != 0 { submission.loop.remove(token) }
  }

  // MARK: what the session decides

  private func process(_ context: ChannelHandlerContext, first: ServerSession.Action? = nil) {
    var first = first
    // Whoever was, and has news from the disk, is held back again by the next reply that it does not read.
    isHeldBack = false
    if !session.isReadingContent {
      session.intake = intake
      if let news = feasibility.news(login: session.login) {
        session.feasibility = news
        doubtUpstreams()
      }
    }
    while true {
      let action = first.take() ?? session.received(&input, into: &output)
      countArrival()
      switch action {
      case .wait:
        guard send(context) else { return }
        if timer.heard(session, isLast: farewell != nil, now: context.eventLoop.now) { schedule(context) }
        if let farewell, !session.isReadingContent { end(farewell) }
        return
      case .startTLS:
        guard send(context) else { return }
        return startTLS(context)
      case .lookUp(let name, let mechanism):
        guard send(context) else { return }
        return lookUp(name, mechanism, context)
      case .verify(let attempt):
        guard send(context) else { return }
        return verify(attempt, context)
      case .store(let content):
        guard store(content) else { return }
      case .commit(let envelope, let content):
        if mustAwaitChunks(action) || commit(envelope, content, context) { return }
      case .abandon:
        if mustAwaitChunks(action) { return }
        message.abandon(submission.queue)
      case .send:
        guard send(context) else { return }
        isHeldBack = !context.channel.isWritable
        if isHeldBack { return }
      case .close:
        return close(context)
      }
    }
  }

  /// Among the messages that hold content in memory.
  private func countArrival() {
    guard session.isKeepingContent != isArriving else { return }
    isArriving.toggle()
    if isArriving { submission.admission.messageArrives() } else { submission.admission.messageHasArrived() }
  }

  /// What this client may hand in now.
  private var intake: Intake {
    if let rate = client?.rate, let refusal = submission.rates.refusal(addressText, rate, submission.clock.now()) {
      return Intake(refusal: refusal)
    }
    return submission.admission.intake
  }

  private func startTLS(_ context: ChannelHandlerContext) {
    guard let tls = submission.settings.serverTLS(for: submission.address) else { return close(context) }
    isSuspended = true
    setDeadline(Limits.handshakeSeconds, context)
    do {
      try context.pipeline.syncOperations.addHandler(TLSHandler(context: tls, side: .server), position: .first)
      // The handshake needs input although the session takes none.
      context.read()
    } catch {
      close(context)
    }
  }

  /// `end`: of a message, which can be done now.
  func resume(_ context: ChannelHandlerContext, with end: ServerSession.Action? = nil) {
    isSuspended = false
    process(context, first: end)
    readMore(context)
  }

  // MARK: ends

  /// We are going away, or take no mail for a while. A message whose commit is under way gets its reply first, and one
  /// whose content is on its way comes in while it moves: a scanner does not send it twice.
  func drain(_ reply: Reply) {
    if session.isCommitting {
      isClosing = true
      farewell = reply
    } else if session.isReadingContent, let context {
      farewell = reply
      setDeadline(Limits.drainedContentSeconds, context)
    } else {
      end(reply)
    }
  }

  func closeNow() {
    context?.close(promise: nil)
  }

  private func end(_ reply: Reply) {
    guard let context, !isClosing else { return }
    if isOpen || !session.isTLS { _ = session.end(reply, into: &output) }
    close(context)
  }

  func finishClosing(_ context: ChannelHandlerContext) {
    _ = session.end(farewell ?? .restarting, into: &output)
    close(context)
  }

  /// Sends what is to be said, then closes; a peer that does not read cannot hold the connection.
  func close(_ context: ChannelHandlerContext) {
    isClosing = true
    setDeadline(Limits.writeStallSeconds, context)
    reportRefusals()
    guard output.readableBytes > 0 else { return context.close(promise: nil) }
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(takeOutput())).whenComplete { _ in bound.value.close(promise: nil) }
  }

  /// false: the connection ended meanwhile, and everything with it.
  @discardableResult
  func send(_ context: ChannelHandlerContext) -> Bool {
    reportRefusals()
    if output.readableBytes > 0 { context.writeAndFlush(wrapOutboundOut(takeOutput()), promise: nil) }
    return self.context != nil
  }

  /// What they announced may keep mail away, and no mail brings no news of them: who obeys SIZE does not even ask us.
  private func doubtUpstreams() {
    if session.isLimitedByUpstreams { submission.announcements.doubt(now: submission.clock.now()) }
  }

  private func reportRefusals() {
    let refusals = session.takeRefusals()
    if refusals.contains(where: \.reply.isInfeasible) { doubtUpstreams() }
    witness.refused(refusals)
  }

  private func takeOutput() -> ByteBuffer {
    let taken = output
    output = ByteBuffer()
    return taken
  }

  // MARK: time

  func setDeadline(_ seconds: Int, _ context: ChannelHandlerContext) {
    timer.set(seconds, now: context.eventLoop.now)
    schedule(context)
  }

  private func schedule(_ context: ChannelHandlerContext) {
    guard let deadline = timer.due else { return }
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    let task = context.eventLoop.scheduleTask(deadline: deadline) { bound.value.timerFired() }
    timer.replace(with: task, at: deadline)
  }

  private func timerFired() {
    guard let context else { return }
    guard timer.fired(now: context.eventLoop.now) else { return schedule(context) }
    // Until the disk has decided, the client waits for it.
    if session.isWaitingForDisk || message.chunksUnderWay > 0 {
      return setDeadline(farewell == nil ? Limits.commandSeconds : Limits.drainedContentSeconds, context)
    }
    if !isClosing, session.isStartingTLS || session.isTLS && !isOpen {
      // Says how far it came.
      context.triggerUserOutboundEvent(TLSOrder.endHandshake, promise: nil)
    }
    // Who reads nothing would not read a farewell either.
    if isClosing || !isOpen || session.isStartingTLS || !context.channel.isWritable { return closeNow() }
    end(.timeout)
  }

  // MARK: who the client is

  var addressText: String { witness.client.address }
  var tlsText: String? { tls.map { "\($0.version) \($0.cipher)" } }
}

extension ClientRights {
  fileprivate init(_ client: Configuration.Client?, mayOmitLogin: Bool) {
    let allow = client?.allow ?? []
    self.init(
      mayOmitLogin: mayOmitLogin, mayOmitTLS: allow.contains(.plaintext),
      mayEndLinesInLF: allow.contains(.bareLF), mayGiveAnyName: allow.contains(.anyHelo),
      sender: client?.from, recipients: client?.allowTo ?? [], clientName: client?.name)
  }
}
