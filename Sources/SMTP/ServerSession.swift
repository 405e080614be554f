// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import struct NIOCore.ByteBuffer

/// The server's side of one submission dialogue (RFC 5321, RFC 6409): events in, replies and one action out.
///
/// `SubmissionHandler` calls it and executes. The session decides everything that the protocol decides; it opens no
/// socket, reads no clock and knows no queue. When it asks for something (`verify`, `store`, `commit`, `startTLS`) it
/// takes no further input until the answering event. There is one of each, never a copy: a session is large, and asking
/// it something must not cost that.
package struct ServerSession: ~Copyable, Sendable {
  /// What to do now. Replies are already in the output buffer, in order.
  package enum Action: Equatable, Sendable {
    /// Nothing: more input is needed.
    case wait
    /// Send the output, then begin the handshake; answer with `tlsStarted()`.
    case startTLS
    /// Answer with `found`, or with `loginChecked` if there shall be no login.
    case lookUp(String, SASLMechanism)
    /// Answer with `loginChecked`.
    case verify(LoginAttempt)
    /// Append this content to the message; answer with `stored()` or `storageFailed`.
    case store(ByteBuffer)
    /// The message is complete: append this last content and make all of it durable; answer with `committed`,
    /// `commitRefused` or `storageFailed`.
    case commit(Envelope, ByteBuffer)
    /// Forget the content that was stored, and go on.
    case abandon
    /// Send the output, and go on when the client has taken it: whoever asks for much and reads nothing gets no more.
    case send
    /// Send the output, then close.
    case close
  }

  package enum LoginVerdict: Equatable, Sendable {
    case accepted
    case rejected
    /// Too many failures from there lately; the password was not looked at.
    case throttled
    case unavailable
    /// It is right, and there are as many sessions with this name as there may be.
    case crowded
  }

  enum State: Equatable {
    case awaitingCommand
    /// Behind `334`.
    case awaitingResponse(SASLServer)
    case readingContent(ContentSource)
    /// Octets of a refused chunk, and what is said behind them if it was not said in front.
    case discarding(UInt64, Reply?, endsMessage: Bool)
    case startingTLS
    case lookingUp(SASLServer)
    case verifying(LoginAttempt, SASLServer)
    case storing(ContentSource)
    case committing
    case closed
  }

  package let policy: ServerPolicy
  package let rights: ClientRights
  /// The name of the last EHLO or HELO; nil before it, and again after STARTTLS (RFC 3207 section 4.2).
  package private(set) var heloName: PeerText?
  package private(set) var isExtended = false
  package private(set) var isTLS: Bool
  /// Of the handshake that this session speaks under.
  package private(set) var certificate = ClientCertificate.notAsked
  package internal(set) var login: String?
  /// As whom the login may send beside what the policy allows all.
  var ownAddresses: [MailboxPattern] = []

  var state = State.awaitingCommand
  /// Set by the handler before `received`.
  package var intake = Intake.everything
  /// The same.
  package var feasibility = Feasibility.everything
  var transaction: Envelope?
  /// What MAIL said where the admin wants another sender, "" for the null path; nil: it stands in the envelope.
  package internal(set) var replacedSender: String?
  /// Of each recipient of the transaction, so that the last of thousands is compared with no other.
  var places: [Address: Int] = [:]
  /// Of the message, by the SIZE of its MAIL.
  private(set) var declaredOctets: UInt64?
  /// For which there was an upstream when the message, or its last recipient, was begun.
  var feasibleOctetsMax = UInt64.max
  /// Between the chunks of a message.
  var chunks: ChunkReader?
  /// Answers the message at the true end of its content, or of a chunk.
  var refusal: Reply?
  var content = ByteBuffer()
  var hasStoredContent = false
  private var lines = LineReader()
  /// The handler was asked to send, and calls again when it has.
  private var isSending = false
  var loginFailures = 0
  var idleCommands = 0
  private var refusals: [Refusal] = []
  /// The login in clear that is being refused.
  var clearLogin: ClearLogin?
  /// Since the session began.
  package internal(set) var usedRights: UsedRights = []
  /// Grows with each whole line: a handler's clock starts anew then, and not at an octet.
  package private(set) var progress: UInt64 = 0
  /// Of all messages so far, kept or thrown away: content earns its time by its octets.
  package internal(set) var contentOctets: UInt64 = 0

  package init(policy: ServerPolicy, rights: ClientRights, isTLS: Bool) {
    self.policy = policy
    self.rights = rights
    self.isTLS = isTLS
  }

  // MARK: events

  /// The connection stands; under implicit TLS the handshake is done, and showed this certificate.
  package mutating func opened(_ certificate: ClientCertificate = .notAsked, into output: inout ByteBuffer) {
    self.certificate = certificate
    output.writeString("220 \(policy.hostname) ESMTP postern ready\r\n")
  }

  /// Reads as far as it can and returns at the first thing to do. Call again after executing the action, unless it is
  /// `wait`, `close`, or one that waits for an event.
  package mutating func received(_ input: inout ByteBuffer, into output: inout ByteBuffer) -> Action {
    while true {
      switch state {
      case .startingTLS, .lookingUp, .verifying, .storing, .committing, .closed:
        return .wait
      case .readingContent(let source):
        if let action = readContent(source, &input, into: &output) { return action }
      case .discarding(let octets, let reply, let endsMessage):
        if let action = discard(octets, reply, endsMessage: endsMessage, &input, into: &output) { return action }
      case .awaitingCommand:
        if progress == 0, let action = refuseTLS(input, into: &output) { return action }
        isSending = !isSending && output.readableBytes >= Limits.unsentReplyOctetsMax
        if isSending { return .send }
        guard let line = nextLine(&input, limit: Limits.commandLineOctetsMax, into: &output) else { return idle() }
        if let action = executeLine(line, behind: input, into: &output) { return action }
      case .awaitingResponse(let sasl):
        guard let line = nextLine(&input, limit: Limits.authLineOctetsMax, into: &output) else {
          // Behind an over-long response there is no login any more, and the next line is a command.
          if state == .awaitingCommand { continue }
          return idle()
        }
        if let action = continueLogin(sasl, line, into: &output) { return action }
      }
    }
  }

  /// The handshake that `startTLS` asked for is done. All that the client said before is forgotten (RFC 3207 section 4.2).
  package mutating func tlsStarted(_ certificate: ClientCertificate = .notAsked) {
    guard state == .startingTLS else { return }
    isTLS = true
    self.certificate = certificate
    heloName = nil
    isExtended = false
    transaction = nil
    state = .awaitingCommand
  }

  /// The content of the last `store` lies in the log, or will: more of it may come.
  package mutating func stored() {
    guard case .storing(let source) = state else { return }
    state = .readingContent(source)
  }

  /// The message is durable.
  package mutating func committed(_ id: String, into output: inout ByteBuffer) {
    guard state == .committing else { return }
    say(.queued(id), into: &output)
    messageEnded()
  }

  /// The message was refused for what it holds, before anything of it became durable.
  package mutating func commitRefused(_ reply: Reply, into output: inout ByteBuffer) {
    guard state == .committing else { return }
    say(reply, into: &output)
    messageEnded()
  }

  /// The disk did not take the content, of a `store` perhaps to which `stored` was said already. Whatever else the client
  /// sends of this message is read and dropped.
  package mutating func storageFailed(_ reply: Reply, into output: inout ByteBuffer) {
    switch state {
    case .storing(let source):
      refusal = reply
      state = .readingContent(source)
    case .committing:
      say(reply, into: &output)
      messageEnded()
    default:
      guard isReadingContent, refusal == nil else { return }
      refusal = reply
      content.clear()
    }
  }

  /// The client took too long, or we are going away: the session ends with this reply, if one may stand here.
  /// A commit that is under way is not undone; its reply goes out first.
  package mutating func end(_ reply: Reply, into output: inout ByteBuffer) -> Action {
    switch state {
    case .startingTLS, .closed: break
    default: say(reply, into: &output)
    }
    state = .closed
    return .close
  }

  /// Refusals since the last call, for the log.
  package mutating func takeRefusals() -> [Refusal] {
    defer { refusals = [] }
    return refusals
  }

  /// The message that is arriving was committed and only the reply is missing.
  package var isCommitting: Bool { state == .committing }
  /// Waits for `stored`.
  package var isStoring: Bool { if case .storing = state { true } else { false } }
  /// The disk has to answer before the client can go on.
  package var isWaitingForDisk: Bool {
    switch state {
    case .storing, .committing: true
    default: false
    }
  }
  package var isStartingTLS: Bool { state == .startingTLS }
  package var isReadingContent: Bool {
    switch state {
    case .readingContent, .storing: true
    default: isReadingChunks
    }
  }
  /// Content that came is kept, in memory up to a chunk of it.
  package var isKeepingContent: Bool { isReadingContent && refusal == nil }
  /// Between the first chunk of a message and the end of the last one.
  package var isReadingChunks: Bool { chunks != nil }
  /// Octets are on their way that are no commands, kept or thrown away.
  package var isTakingContent: Bool {
    if case .discarding = state { true } else { isReadingContent }
  }

  // MARK: lines

  /// What to do when no whole line is there.
  private mutating func idle() -> Action {
    state == .closed ? .close : .wait
  }

  /// The next line, or nil if there is none or the session ended over it.
  private mutating func nextLine(
    _ input: inout ByteBuffer, limit: Int, into output: inout ByteBuffer
  ) -> ArraySlice<UInt8>? {
    while true {
      switch lines.next(&input, limit: limit) {
      case .line(let line):
        progress += 1
        return line
      case .needsInput:
        return nil
      case .tooLong(let begin):
        say(isAuthenticating ? .authLineTooLong : .lineTooLong, into: &output)
        if !isAuthenticating, Command.verb(of: begin) == "BDAT" {
          state = .closed
          return nil
        }
        let wasAuthenticating = isAuthenticating
        abortLogin()
        if !countIdleCommand(into: &output) || wasAuthenticating { return nil }
      case .endless:
        say(.lineFarTooLong, into: &output)
        state = .closed
        return nil
      }
    }
  }

  private var isAuthenticating: Bool {
    if case .awaitingResponse = state { true } else { false }
  }

  private mutating func abortLogin() {
    if isAuthenticating { state = .awaitingCommand }
  }

  /// false: the client got its last reply.
  mutating func countIdleCommand(into output: inout ByteBuffer) -> Bool {
    idleCommands += 1
    let limit =
      login == nil && !rights.mayOmitLogin ? Limits.idleCommandsBeforeLoginMax : Limits.idleCommandsAfterLoginMax
    guard idleCommands > limit else { return true }
    _ = endIdle(into: &output)
    return false
  }

  private mutating func endIdle(into output: inout ByteBuffer) -> Action {
    say(.tooManyIdleCommands, into: &output)
    state = .closed
    return .close
  }

  /// `command` is what the reply answers, where the state does not tell.
  mutating func say(_ reply: Reply, to command: String? = nil, into output: inout ByteBuffer) {
    output.write(reply)
    guard reply.code >= 400 else { return }
    refusals.append(Refusal(command: command ?? stage, reply: reply, clearLogin: clearLogin.take()))
  }

  // MARK: commands

  private mutating func executeLine(
    _ line: ArraySlice<UInt8>, behind input: ByteBuffer, into output: inout ByteBuffer
  ) -> Action? {
    do throws(Reply) {
      let command = try Command.parse(
        line, isUTF8: transaction?.isUTF8 == true, takesAnyName: rights.mayGiveAnyName)
      if rights.mayGiveAnyName, case .ehlo = command { noteName(line) }
      if rights.mayGiveAnyName, case .helo = command { noteName(line) }
      return try execute(command, unprocessed: input.readableBytes, into: &output)
    } catch {
      let verb = Command.verb(of: line)
      say(error, to: verb, into: &output)
      // Its octets cannot be told from commands.
      if verb == "BDAT" { state = .closed }
      guard state != .closed else { return .close }
      return countIdleCommand(into: &output) ? nil : .close
    }
  }

  private mutating func noteName(_ line: ArraySlice<UInt8>) {
    if (try? Command.parse(line)) == nil { usedRights.insert(.gaveAnyName) }
  }

  /// A client that begins with the first octets of TLS (RFC 8446 section 5.1) is set to the wrong port. It would wait for
  /// an answer that it can read until one of us has had enough.
  private mutating func refuseTLS(_ input: ByteBuffer, into output: inout ByteBuffer) -> Action? {
    guard !isTLS, input.readableBytesView.starts(with: [0x16, 0x03]) else { return nil }
    say(.tlsTooEarly(isOffered: policy.offersTLS), into: &output)
    state = .closed
    return .close
  }

  /// What a refusal in this state answers, for the log.
  private var stage: String {
    switch state {
    case .readingContent, .storing, .committing: "END-OF-MESSAGE"
    case .discarding: "BDAT"
    case .awaitingResponse, .lookingUp, .verifying: "AUTH"
    default: "COMMAND"
    }
  }

  private mutating func execute(
    _ command: Command, unprocessed: Int, into output: inout ByteBuffer
  ) throws(Reply) -> Action? {
    switch command {
    case .mail(let mail):
      try begin(mail)
      say(.senderOK, into: &output)
      return nil
    case .rcpt(let recipient):
      try add(recipient)
      say(.recipientOK, into: &output)
      return idleCommands > Limits.idleCommandsAfterLoginMax ? endIdle(into: &output) : nil
    case .data:
      return try beginContent(unprocessed: unprocessed, into: &output)
    case .bdat(let octets, let isLast):
      return beginChunk(octets, isLast: isLast, into: &output)
    case .startTLS:
      return try startTLS(unprocessed: unprocessed, into: &output)
    case .auth(let mechanism, let initialResponse):
      return try beginLogin(mechanism, initialResponse, into: &output)
    case .quit:
      say(.bye, into: &output)
      state = .closed
      return .close
    case .foreign(let name):
      say(.foreignProtocol(name), into: &output)
      state = .closed
      return .close
    case .ehlo(let name): greet(name, isExtended: true, into: &output)
    case .helo(let name): greet(name, isExtended: false, into: &output)
    case .rset: say(.ok, into: &output)
    case .noop: say(.ok, into: &output)
    case .vrfy: say(.notVerified, into: &output)
    case .expn: throw .notExpanded
    case .help: say(.help, into: &output)
    }
    // What is left here moves no mail.
    guard countIdleCommand(into: &output) else { return .close }
    return command.endsTransaction ? dropTransaction() : nil
  }

  private mutating func greet(_ name: PeerText, isExtended: Bool, into output: inout ByteBuffer) {
    heloName = name
    self.isExtended = isExtended
    guard isExtended else {
      output.writeString("250 \(policy.hostname)\r\n")
      return
    }
    output.writeString("250-\(policy.hostname)\r\n250-PIPELINING\r\n250-SIZE \(offeredOctetsMax)\r\n")
    if policy.offersTLS && !isTLS { output.writeString("250-STARTTLS\r\n") }
    if isTLS { output.writeString("250-AUTH \(SASLMechanism.offered(to: certificate))\r\n") }
    output.writeString("250-LIMITS RCPTMAX=\(policy.recipientsMax)\r\n250-ENHANCEDSTATUSCODES\r\n")
    output.writeString("250-CHUNKING\r\n250-8BITMIME\r\n")
    if feasibility.bounds.takesUTF8 { output.writeString("250-SMTPUTF8\r\n") }
    output.writeString("250 DSN\r\n")
  }

  private mutating func begin(_ mail: MailCommand) throws(Reply) {
    guard heloName != nil else { throw .heloFirst }
    guard isTLS || rights.mayOmitTLS else { throw policy.offersTLS ? .tlsFirst : .clearTextOnly }
    guard login != nil || rights.mayOmitLogin else { throw .loginNeeded(policy.hostname) }
    guard transaction == nil else { throw .transactionOpen }
    let sender = try sender(of: mail)
    try checkFeasible(mail, from: sender)
    if let refusal = intake.refusal(of: mail.size) { throw refusal }
    if login == nil { usedRights.insert(.omittedLogin) }
    if !isTLS { usedRights.insert(.omittedTLS) }
    declaredOctets = mail.size
    limitContent(from: sender, to: nil, isFirst: true)
    places = [:]
    let wish = NotificationWish(returned: mail.returned, envelopeID: mail.envelopeID)
    transaction = Envelope(
      sender: sender, recipients: [], body: mail.body, isUTF8: mail.isUTF8,
      notification: wish.isEmpty ? nil : wish)
  }

  private mutating func add(_ recipient: RecipientCommand) throws(Reply) {
    guard chunks == nil else { throw .contentBegun }
    guard var envelope = transaction.take() else { throw .mailFirst }
    defer { transaction = envelope }
    guard envelope.recipients.count < policy.recipientsMax else { throw .tooManyRecipients }
    guard rights.recipients.isEmpty || rights.recipients.contains(where: { $0.matches(recipient.address) }) else {
      throw .recipientNotAllowed(recipient.address, allowed: rights.recipients)
    }
    try checkFeasible(recipient.address, from: envelope.sender)
    limitContent(from: envelope.sender, to: recipient.address, isFirst: envelope.recipients.isEmpty)
    // The same recipient twice is one recipient; both commands succeed (RFC 5321 section 4.5.3.1.10 lets us).
    let known = places[recipient.address]
    envelope.add(recipient.address, recipient.wish, known: known)
    if known != nil { idleCommands += 1 } else { places[recipient.address] = places.count }
  }

  /// Octets behind STARTTLS came in clear from whoever sits in between: nothing of them is ever executed.
  private mutating func startTLS(unprocessed: Int, into output: inout ByteBuffer) throws(Reply) -> Action {
    guard !isTLS else { throw .tlsTwice }
    guard policy.offersTLS else { throw .tlsNotOffered }
    guard chunks == nil else { throw .contentBegun }
    guard transaction == nil else { throw .transactionOpen }
    guard unprocessed == 0 else {
      state = .closed
      return .close
    }
    say(.readyForTLS, into: &output)
    state = .startingTLS
    return .startTLS
  }
}
