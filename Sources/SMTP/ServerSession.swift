// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import struct NIOCore.ByteBuffer

/// The server's side of one submission dialogue (RFC 5321, RFC 6409): events in, replies and one action out.
///
/// `SubmissionHandler` calls it and executes. The session decides everything that the protocol decides; it opens no
/// socket, reads no clock and knows no queue. When it asks for something (`verify`, `store`, `commit`, `startTLS`) it
/// takes no further input until the answering event.
package struct ServerSession: Sendable {
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
    /// Send the output, then close.
    case close
  }

  package enum LoginVerdict: Equatable, Sendable {
    case accepted
    case rejected
    /// Too many failures from there lately; the password was not looked at.
    case throttled
    case unavailable
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
  package internal(set) var login: String?
  /// As whom the login may send beside what the policy allows all.
  var ownAddresses: [MailboxPattern] = []

  var state = State.awaitingCommand
  /// Set by the handler before `received`.
  package var intake = Intake.everything
  var transaction: Envelope?
  /// Of each recipient of the transaction, so that the last of thousands is compared with no other.
  var places: [Address: Int] = [:]
  /// Of the message, by the SIZE of its MAIL.
  private(set) var declaredOctets: UInt64?
  /// Between the chunks of a message.
  var chunks: ChunkReader?
  /// Answers the message at the true end of its content, or of a chunk.
  var refusal: Reply?
  var content = ByteBuffer()
  var hasStoredContent = false
  private var lines = LineReader()
  var loginFailures = 0
  var idleCommands = 0
  private var refusals: [Refusal] = []
  /// Grows with each whole line and each few KiB of content: a handler's clock starts anew at progress, not at an octet.
  package internal(set) var progress: UInt64 = 0

  package init(policy: ServerPolicy, rights: ClientRights, isTLS: Bool) {
    self.policy = policy
    self.rights = rights
    self.isTLS = isTLS
  }

  // MARK: events

  /// The connection stands (under implicit TLS: the handshake is done).
  package func opened(into output: inout ByteBuffer) {
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
  package mutating func tlsStarted() {
    guard state == .startingTLS else { return }
    isTLS = true
    heloName = nil
    isExtended = false
    transaction = nil
    state = .awaitingCommand
  }

  /// The content of the last `store` lies in the log.
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

  /// The disk did not take the content. Whatever else the client sends of this message is read and dropped.
  package mutating func storageFailed(_ reply: Reply, into output: inout ByteBuffer) {
    switch state {
    case .storing(let source):
      refusal = reply
      state = .readingContent(source)
    case .committing:
      say(reply, into: &output)
      messageEnded()
    default:
      break
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
  package var isReadingContent: Bool {
    switch state {
    case .readingContent, .storing: true
    default: chunks != nil
    }
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
    if reply.code >= 400 { refusals.append(Refusal(command: command ?? stage, reply: reply)) }
  }

  // MARK: commands

  private mutating func executeLine(
    _ line: ArraySlice<UInt8>, behind input: ByteBuffer, into output: inout ByteBuffer
  ) -> Action? {
    do throws(Reply) {
      let command = try Command.parse(
        line, isUTF8: transaction?.isUTF8 == true, takesAnyName: rights.mayGiveAnyName)
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
      try beginContent(into: &output)
      return nil
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
    case .foreign:
      say(.foreignProtocol, into: &output)
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
    output.writeString("250-\(policy.hostname)\r\n250-PIPELINING\r\n250-SIZE \(policy.messageOctetsMax)\r\n")
    if policy.offersTLS && !isTLS { output.writeString("250-STARTTLS\r\n") }
    if isTLS { output.writeString("250-AUTH \(SASLMechanism.offered)\r\n") }
    output.writeString("250-LIMITS RCPTMAX=\(policy.recipientsMax)\r\n250-ENHANCEDSTATUSCODES\r\n")
    output.writeString("250-CHUNKING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n")
  }

  private mutating func begin(_ mail: MailCommand) throws(Reply) {
    guard heloName != nil else { throw .heloFirst }
    guard isTLS || rights.mayOmitTLS else { throw policy.offersTLS ? .tlsFirst : .clearTextOnly }
    guard login != nil || rights.mayOmitLogin else { throw .loginNeeded(policy.hostname) }
    guard transaction == nil else { throw .transactionOpen }
    if let allowed = policy.senders, let sender = mail.sender {
      let allowed = ownAddresses + allowed
      guard allowed.contains(where: { $0.matches(sender) }) else { throw .senderNotAllowed(sender, allowed: allowed) }
    }
    if let size = mail.size, size > policy.messageOctetsMax { throw .tooBig(size, limit: policy.messageOctetsMax) }
    if let refusal = intake.refusal(of: mail.size) { throw refusal }
    declaredOctets = mail.size
    places = [:]
    let wish = NotificationWish(returned: mail.returned, envelopeID: mail.envelopeID)
    transaction = Envelope(
      sender: mail.sender, recipients: [], body: mail.body, isUTF8: mail.isUTF8,
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
    guard unprocessed == 0 else {
      state = .closed
      return .close
    }
    say(.readyForTLS, into: &output)
    transaction = nil
    state = .startingTLS
    return .startTLS
  }
}
