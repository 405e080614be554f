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
  /// Of the login that was accepted.
  private var mechanism: SASLMechanism?
  private var input = ByteBuffer()
  private var output = ByteBuffer()
  private var message: IncomingMessage
  private var context: ChannelHandlerContext?
  private var token: UInt64 = 0
  private var isOpen = false
  private var isSuspended = false
  private var isClosing = false
  /// What the client hears behind the reply to this message, which is the last.
  private var farewell: Reply?
  private var timer = SessionTimer()
  private var feasibility: FeasibilityWatch
  /// The session's, when the deadline was set last.
  private var progress: UInt64 = 0

  package init(_ submission: SubmissionContext) {
    self.submission = submission
    let configuration = submission.settings.configuration
    client = configuration.client(at: submission.address)
    message = IncomingMessage(hostname: configuration.hostname)
    feasibility = FeasibilityWatch(
      settings: submission.settings, client: client?.name, address: submission.address,
      announcements: submission.announcements)
    session = ServerSession(
      policy: ServerPolicy(
        hostname: configuration.hostname, offersTLS: submission.listener.security == .starttls,
        messageOctetsMax: UInt64(configuration.message.maxSize), recipientsMax: configuration.message.maxRecipients,
        senders: configuration.sender.policy == .any ? nil : configuration.sender.allowed),
      rights: ClientRights(client, mayOmitLogin: submission.settings.needsNoLogin(submission.address)),
      isTLS: submission.listener.security == .implicit)
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
    if !session.rights.mayOmitLogin { timer.awaitLogin(Limits.loginSeconds, now: context.eventLoop.now) }
    if let refusal = submission.loop.refusal { return end(refusal) }
    if session.isTLS {
      setDeadline(Limits.handshakeSeconds, context)
    } else {
      greet(context)
    }
    context.read()
  }

  private func greet(_ context: ChannelHandlerContext) {
    isOpen = true
    session.opened(into: &output)
    send(context)
    setDeadline(Limits.commandSeconds, context)
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var octets = unwrapInboundIn(data)
    if input.readableBytes == 0 { input = octets } else { input.writeBuffer(&octets) }
    if !isSuspended { process(context) }
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
      readMore(context)
    }
    context.fireChannelWritabilityChanged()
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case TLSEvent.handshakeCompleted(let facts) as TLSEvent:
      tls = facts
      if isOpen {
        session.tlsStarted()
        setDeadline(Limits.commandSeconds, context)
        resume(context)
      } else {
        greet(context)
      }
    default:
      context.fireUserInboundEventTriggered(event)
    }
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let error = error as? TLSError, error != .truncated {
      submission.log.report(.clientTLSFailed(logged, reason: "\(error)"))
    }
    context.close(promise: nil)
  }

  package func channelInactive(context: ChannelHandlerContext) {
    if session.isReadingContent, !isClosing { submission.log.report(.clientLeft(logged, octets: message.octets)) }
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
    message.abandon(submission.queue)
    if token != 0 { submission.loop.remove(token) }
    submission.left()
  }

  // MARK: what the session decides

  private func process(_ context: ChannelHandlerContext) {
    if !session.isReadingContent {
      session.intake = intake
      if let news = feasibility.news(login: session.login) { session.feasibility = news }
    }
    while true {
      switch session.received(&input, into: &output) {
      case .wait:
        send(context)
        if session.progress != progress {
          progress = session.progress
          setDeadline(session.isReadingContent ? contentSeconds : Limits.commandSeconds, context)
        }
        if let farewell, !session.isReadingContent { end(farewell) }
        return
      case .startTLS:
        guard send(context) else { return }
        return startTLS(context)
      case .lookUp(let name, let mechanism):
        if lookUp(name, mechanism, context) == .close { return close(context) }
      case .verify(let attempt):
        guard send(context) else { return }
        return verify(attempt, context)
      case .store(let content):
        return store(content)
      case .commit(let envelope, let content):
        if commit(envelope, content, context) { return }
      case .abandon:
        message.abandon(submission.queue)
      case .close:
        return close(context)
      }
    }
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

  private func lookUp(
    _ name: String, _ mechanism: SASLMechanism, _ context: ChannelHandlerContext
  ) -> ServerSession.Action? {
    switch submission.logins.lookUp(name, from: addressText) {
    case .verifier(let verifier):
      let handler = try? context.pipeline.syncOperations.handler(type: TLSHandler.self)
      let bindings = ChannelBindings(
        exporter: handler?.exporterBinding, serverEndPoint: handler?.serverEndPointBinding)
      return session.found(verifier, nonce: SecureRandom.octets(18), bindings: bindings, into: &output)
    case .throttled:
      submission.log.report(.loginThrottled(logged, user: knownUser(name), mechanism: mechanism))
      return session.loginChecked(.throttled, into: &output)
    }
  }

  private func verify(_ attempt: LoginAttempt, _ context: ChannelHandlerContext) {
    isSuspended = true
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    submission.logins.check(attempt, from: addressText, on: context.eventLoop).whenSuccess { verdict in
      bound.value.loginChecked(verdict, attempt)
    }
  }

  private func loginChecked(_ verdict: ServerSession.LoginVerdict, _ attempt: LoginAttempt) {
    guard let context, !isClosing else { return }
    switch verdict {
    case .accepted:
      timer.loginIsDone()
      mechanism = attempt.mechanism
    case .rejected:
      submission.log.report(.loginFailed(logged, user: knownUser(attempt.name), mechanism: attempt.mechanism))
    case .throttled:
      submission.log.report(.loginThrottled(logged, user: knownUser(attempt.name), mechanism: attempt.mechanism))
    case .unavailable: break
    }
    let own =
      submission.settings.configuration.sender.policy == .own ? submission.logins.addresses(of: attempt.name) : []
    if session.loginChecked(verdict, mayBe: own, into: &output) == .close { return close(context) }
    resume(context)
  }

  /// A name that nobody has may be a password in the wrong field: it is not told.
  private func knownUser(_ name: String) -> String? {
    submission.logins.isKnown(name) ? name : nil
  }

  private func store(_ content: ByteBuffer) {
    isSuspended = true
    message.store(content, in: submission.queue, notify: waiter)
  }

  /// false: the message was refused, and the session goes on.
  private func commit(_ envelope: Envelope, _ content: ByteBuffer, _ context: ChannelHandlerContext) -> Bool {
    if let refusal = message.finish(content) {
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

  private var waiter: Waiter { Waiter(receiver: submission.loop, token: token) }

  private func trace(for envelope: Envelope, _ id: MessageID, _ now: Instant) -> TraceField {
    let seconds = now.wall / 1000
    return TraceField(
      helo: session.heloName?.text ?? "", address: addressText, hostname: session.policy.hostname,
      isExtended: session.isExtended, isUTF8: envelope.isUTF8, isAuthenticated: session.login != nil, tls: tlsText,
      id: id.description, recipients: envelope.recipients.map(\.text), unixSeconds: seconds,
      zoneOffsetSeconds: submission.clock.zoneOffset(seconds))
  }

  // MARK: what the queue answers

  func completed(_ completion: Completion) {
    guard let context else { return }
    switch completion {
    case .stored(let extent):
      message.stored(extent)
      session.stored()
    case .accepted(let id):
      submission.admission.accepted()
      if let rate = client?.rate { submission.rates.accepted(addressText, rate, submission.clock.now()) }
      reportAcceptance(id)
      session.committed(id.description, into: &output)
      message.forget()
    case .failed(.undecided):
      // Whether the message is durable cannot be known, so no reply may say it.
      submission.log.report(.storageRefused(logged, nil))
      return closeNow()
    case .failed(let failure):
      if failure == .full { submission.admission.filled() }
      let reply: Reply = failure == .full ? .diskFull : .diskRefused
      submission.log.report(.storageRefused(logged, reply))
      session.storageFailed(reply, into: &output)
      message.abandon(submission.queue)
    }
    if isClosing || (farewell != nil && !session.isReadingContent) { return finishClosing(context) }
    resume(context)
  }

  private func reportAcceptance(_ id: MessageID) {
    guard let (envelope, origin) = message.accepting else { return }
    submission.log.report(
      .accepted(
        AcceptedMessage(
          id: id, envelope: envelope, origin: origin, octets: message.octets, mechanism: mechanism,
          headerMessageID: message.headerID.map { PeerText($0) })),
      at: .info)
    submission.log.report(
      .queued(id, sender: envelope.sender, octets: message.octets, recipients: envelope.recipients.count), at: .info)
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
      setDeadline(contentSeconds, context)
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

  private func reportRefusals() {
    for refusal in session.takeRefusals() {
      if refusal.reply.isInfeasible { submission.announcements.doubt(now: submission.clock.now()) }
      submission.log.report(.rejected(logged, refusal), at: .info)
    }
  }

  private func takeOutput() -> ByteBuffer {
    let taken = output
    output = ByteBuffer()
    return taken
  }

  // MARK: time

  /// How long content may stand still.
  private var contentSeconds: Int { farewell != nil ? Limits.drainedContentSeconds : Limits.contentSeconds }

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
    // Until the disk has decided, the client waits for it.
    if session.isCommitting { timer.set(Limits.commandSeconds, now: context.eventLoop.now) }
    guard timer.fired(now: context.eventLoop.now), !session.isCommitting else { return schedule(context) }
    if isClosing || !isOpen { closeNow() } else { end(.timeout) }
  }

  // MARK: who the client is

  private var addressText: String { submission.address.description }
  private var logged: EventClient {
    EventClient(name: client?.name, address: addressText, listener: submission.listener.name)
  }
  private var tlsText: String? { tls.map { "\($0.version) \($0.cipher)" } }
}

extension ClientRights {
  fileprivate init(_ client: Configuration.Client?, mayOmitLogin: Bool) {
    let allow = client?.allow ?? []
    self.init(
      mayOmitLogin: mayOmitLogin, mayOmitTLS: allow.contains(.plaintext),
      mayEndLinesInLF: allow.contains(.bareLF), mayGiveAnyName: allow.contains(.anyHelo),
      recipients: client?.allowTo ?? [])
  }
}
