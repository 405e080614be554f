// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Crypto
import Mail
import NIOCore
import Queue
import SMTP
import TLS
import WAL

/// Carries out what a `ServerSession` decides: octets, TLS, logins, the queue, and the time that a client may take.
///
/// The channel reads only when the session wants input, so a client that waits for the disk is held by TCP, not by memory.
package final class SubmissionHandler: ChannelInboundHandler {
  package typealias InboundIn = ByteBuffer
  package typealias OutboundOut = ByteBuffer

  private let submission: SubmissionContext
  private let client: Configuration.Client?
  private var session: ServerSession
  private var tls: TLSFacts?
  private var witness: SessionWitness
  /// What the client was challenged for.
  private var challenged: SCRAMVerifier?
  private(set) var input = ByteBuffer()
  private var output = ByteBuffer()
  private var message: IncomingMessage
  /// Of the message, and not yet given to the queue.
  private var chunk: ByteBuffer?
  private var context: ChannelHandlerContext?
  private var token: UInt64 = 0
  private var isOpen = false
  private var isSuspended = false
  private var isClosing = false
  /// The client reads none of what was said, so nothing more is done for it.
  private var isHeldBack = false
  /// Counted among the messages that are arriving.
  private var isArriving = false
  /// As which it is counted among the sessions of a login.
  private var countedLogin: String?
  /// What the client hears behind the reply to this message, which is the last.
  private var farewell: Reply?
  private var timer = SessionTimer()
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
    if context.channel.isWritable { context.read() } else { setDeadline(Limits.writeStallSeconds, context) }
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

  /// Who the client is by what it showed in the handshake.
  private func certificate(_ context: ChannelHandlerContext) -> ClientCertificate {
    let handler = try? context.pipeline.syncOperations.handler(type: TLSHandler.self)
    let login = CertificateLogin(handler?.shownCertificate, users: submission.settings.users)
    if let fault = login.fault {
      witness.certificateRefused(fault)
      // The file may have the user by now; the next connection will see him.
      submission.logins.lookAtUsers(on: context.eventLoop)
    }
    return login.certificate
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

  private func forget() {
    message.abandon(submission.queue)
    if token != 0 { submission.loop.remove(token) }
  }

  // MARK: what the session decides

  private func process(_ context: ChannelHandlerContext) {
    if !session.isReadingContent {
      session.intake = intake
      if let news = feasibility.news(login: session.login) {
        session.feasibility = news
        doubtUpstreams()
      }
    }
    while true {
      let action = session.received(&input, into: &output)
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
        return store(content)
      case .commit(let envelope, let content):
        if commit(envelope, content, context) { return }
      case .abandon:
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

  private func lookUp(_ name: String, _ mechanism: SASLMechanism, _ context: ChannelHandlerContext) {
    isSuspended = true
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    submission.logins.lookUp(name, from: addressText, on: context.eventLoop).whenSuccess { found in
      bound.value.lookedUp(found, name, mechanism)
    }
  }

  private func lookedUp(_ found: LoginChecker.LookedUp, _ name: String, _ mechanism: SASLMechanism) {
    guard let context, !isClosing else { return }
    let action: ServerSession.Action?
    switch found {
    case .verifier(let verifier):
      challenged = verifier
      let handler = try? context.pipeline.syncOperations.handler(type: TLSHandler.self)
      let bindings = ChannelBindings(
        exporter: handler?.exporterBinding, serverEndPoint: handler?.serverEndPointBinding)
      action = session.found(verifier, nonce: SecureRandom.octets(18), bindings: bindings, into: &output)
    case .throttled:
      if let refusal = session.refusal(.throttled) { witness.loginThrottled(name, mechanism, refusal) }
      action = session.loginChecked(.throttled, into: &output)
    }
    if action == .close { return close(context) }
    resume(context)
  }

  private func verify(_ attempt: LoginAttempt, _ context: ChannelHandlerContext) {
    isSuspended = true
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    submission.logins.check(attempt, known: challenged, from: addressText, on: context.eventLoop)
      .whenSuccess { bound.value.loginChecked($0, attempt) }
  }

  private func loginChecked(_ checked: ServerSession.LoginVerdict, _ attempt: LoginAttempt) {
    guard let context, !isClosing else { return }
    var verdict = checked
    if verdict == .accepted {
      // Of an exchange that the client gave up behind the verdict.
      if let countedLogin { submission.logins.left(countedLogin) }
      countedLogin = nil
      let limit = submission.listener.maxSessionsPerClient
      if submission.logins.entered(attempt.name, limit: limit) {
        countedLogin = attempt.name
      } else {
        verdict = .crowded
      }
    }
    switch (verdict, session.refusal(verdict)) {
    case (.accepted, _):
      timer.loginIsDone()
      witness.loggedIn(attempt)
    case (.rejected, let refusal?): witness.loginFailed(attempt.name, attempt.mechanism, refusal)
    case (.throttled, let refusal?): witness.loginThrottled(attempt.name, attempt.mechanism, refusal)
    case (.crowded, let refusal?): witness.crowded(refusal)
    default: break
    }
    let own =
      submission.settings.configuration.sender.policy == .own ? submission.logins.addresses(of: attempt.name) : []
    if session.loginChecked(verdict, mayBe: own, into: &output) == .close { return close(context) }
    resume(context)
  }

  private func store(_ content: ByteBuffer) {
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
  private func commit(_ envelope: Envelope, _ content: ByteBuffer, _ context: ChannelHandlerContext) -> Bool {
    if let refusal = message.finish(content) ?? authorRefusal {
      session.commitRefused(refusal, into: &output)
      message.abandon(submission.queue)
      return false
    }
    isSuspended = true
    guard send(context) else { return true }
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

  // MARK: what the queue answers

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

  private func resume(_ context: ChannelHandlerContext) {
    isSuspended = false
    process(context)
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

  private func finishClosing(_ context: ChannelHandlerContext) {
    _ = session.end(farewell ?? .restarting, into: &output)
    close(context)
  }

  /// Sends what is to be said, then closes; a peer that does not read cannot hold the connection.
  private func close(_ context: ChannelHandlerContext) {
    isClosing = true
    setDeadline(Limits.writeStallSeconds, context)
    reportRefusals()
    guard output.readableBytes > 0 else { return context.close(promise: nil) }
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(takeOutput())).whenComplete { _ in bound.value.close(promise: nil) }
  }

  /// false: the connection ended meanwhile, and everything with it.
  @discardableResult
  private func send(_ context: ChannelHandlerContext) -> Bool {
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

  private func setDeadline(_ seconds: Int, _ context: ChannelHandlerContext) {
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
    if session.isWaitingForDisk {
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

  private var addressText: String { witness.client.address }
  private var tlsText: String? { tls.map { "\($0.version) \($0.cipher)" } }
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
