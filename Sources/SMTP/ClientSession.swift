// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import struct NIOCore.ByteBuffer

/// The client's side of a dialogue with an upstream: events in, commands and one action out.
///
/// `UpstreamHandler` calls it and executes. It never goes on in clear where TLS is asked for, never sends a password
/// outside TLS, and never takes one reply for another: replies are matched to commands by their order alone, and an
/// octet that nobody asked for ends the connection.
package struct ClientSession: Sendable {
  package enum Action: Equatable, Sendable {
    case wait
    /// Send the output, then begin the handshake; answer with `tlsStarted()`.
    case startTLS
    /// The dialogue stands; `deliver` may be called.
    case ready
    /// 354: write the content with `DotStuffing`, then call `contentSent()`.
    case sendContent
    /// One result for each recipient of the transaction, in order. `ready` follows by itself: `deliver` may be called.
    case finished([RecipientResult])
    /// Close. If a transaction was under way, its recipients' results come along.
    case failed(UpstreamTrouble, [RecipientResult])
    case close
  }

  /// What a reply answers.
  private enum Expected: Equatable {
    case greeting, ehlo, startTLS, auth(SASLClient), rset, mail, recipient(Int), data, emptyContent, endOfContent, quit

    /// Behind these an upstream may say 421 at once, or its octets are looked at elsewhere.
    var mayBeFollowed: Bool {
      switch self {
      case .startTLS, .endOfContent, .emptyContent, .quit: true
      default: false
      }
    }

    var stage: String {
      switch self {
      case .greeting: "greeting"
      case .ehlo: "ehlo"
      case .startTLS: "starttls"
      case .auth: "auth"
      case .rset, .mail: "mail"
      case .recipient: "rcpt"
      case .data, .emptyContent: "data"
      case .endOfContent, .quit: "content"
      }
    }
  }

  private struct Transaction: Equatable {
    var message: ClientTransaction
    var mailReply: Reply?
    var recipientReplies: [Reply?]
    /// The last octet of content is written: from here until the reply the outcome is unknown.
    var isContentSent = false

    var hasAcceptedRecipient: Bool { recipientReplies.contains { $0?.isPositive == true } }
  }

  private let policy: ClientPolicy
  private var isTLS: Bool
  package private(set) var extensions = Extensions()
  /// Replies that are due, in order; each is handled against its own entry.
  private var expected: [Expected] = [.greeting]
  /// Commands of this transaction that wait until the ones before are answered (no PIPELINING).
  private var unsent: [Expected] = []
  private var transaction: Transaction?
  /// A transaction is open at the upstream that we do not go on with.
  private var needsReset = false
  /// Grows with each whole reply: the handler's clock starts anew at a reply, not at an octet.
  package private(set) var repliesTaken: UInt64 = 0
  /// The upstream's answer to the login that it accepted.
  package private(set) var loginReply: Reply?
  private var reader: ReplyReader

  package init(policy: ClientPolicy) {
    self.policy = policy
    isTLS = policy.security == .implicit
    reader = ReplyReader(Redaction(policy.login))
  }

  // MARK: events

  package mutating func received(_ input: inout ByteBuffer, into output: inout ByteBuffer) -> Action {
    while true {
      let reply: ReceivedReply
      do throws(ReplyFault) {
        guard let next = try reader.next(&input) else { return .wait }
        reply = next
      } catch {
        return fail(.broken, error.text)
      }
      repliesTaken += 1
      guard !expected.isEmpty else { return unsolicited(reply.reply) }
      let command = expected.removeFirst()
      // What comes ahead of our next command would be taken for its reply.
      if expected.isEmpty, input.readableBytes > 0, !command.mayBeFollowed {
        return fail(.broken, at: command.stage, "octets behind the last reply")
      }
      let action = take(reply, for: command, behind: input.readableBytes, into: &output)
      if action != .wait { return action }
    }
  }

  /// The handshake that `startTLS` asked for is done, and the certificate is the upstream's.
  package mutating func tlsStarted(into output: inout ByteBuffer) {
    isTLS = true
    extensions = Extensions()
    greet(into: &output)
  }

  package var isIdle: Bool { expected.isEmpty && transaction == nil && !isHandshaking }

  private var isHandshaking: Bool { expected.isEmpty && !isTLS && policy.security == .startTLS }

  /// Begins a transaction on an idle dialogue.
  package mutating func deliver(_ message: ClientTransaction, into output: inout ByteBuffer) -> Action {
    precondition(isIdle, "a dialogue carries one transaction at a time")
    if let refusal = refusal(of: message) {
      return .finished(message.envelope.recipients.map { _ in .failed(refusal) })
    }
    transaction = Transaction(
      message: message, recipientReplies: Array(repeating: nil, count: message.envelope.recipients.count))
    unsent = needsReset ? [.rset, .mail] : [.mail]
    needsReset = false
    unsent += message.envelope.recipients.indices.map { .recipient($0) }
    unsent.append(.data)
    sendNext(into: &output)
    return .wait
  }

  /// All content and the dot line are written.
  package mutating func contentSent() {
    expected.append(.endOfContent)
    transaction?.isContentSent = true
  }

  /// The content cannot be read, or the log refuses: the message goes no further on this connection, which must close
  /// without the dot so that nothing of it is delivered.
  package mutating func contentUnavailable() -> Action {
    defer { transaction = nil }
    let results = transaction?.recipientReplies.map { _ in RecipientResult.untried } ?? []
    return .failed(UpstreamTrouble(.broken, at: "content", "the message could not be read from the queue"), results)
  }

  /// No reply within `patienceSeconds`.
  package mutating func timedOut() -> Action {
    fail(.unreachable, PeerText("no answer within \(patienceSeconds) s"))
  }

  /// The connection is gone, or TLS failed.
  package mutating func disconnected(_ kind: UpstreamTrouble.Kind, _ reason: String) -> Action {
    // An idle connection may be closed by either side.
    if isIdle { return .close }
    return fail(kind, PeerText(reason))
  }

  package mutating func quit(into output: inout ByteBuffer) {
    output.writeString("QUIT\r\n")
    expected.append(.quit)
  }

  /// How long to wait for the reply that is due (RFC 5321 section 4.5.3.2); while content is being written, for one block.
  package var patienceSeconds: Int {
    switch expected.first {
    case .greeting: Limits.greetingSeconds
    case .ehlo, .startTLS: Limits.heloSeconds
    case .auth: Limits.authSeconds
    case .rset, .mail: Limits.mailSeconds
    case .recipient: Limits.recipientSeconds
    case .data, .emptyContent: Limits.dataSeconds
    case .endOfContent: Limits.endOfDataSeconds
    case .quit: Limits.quitSeconds
    case nil: isHandshaking ? Limits.upstreamHandshakeSeconds : Limits.blockSeconds
    }
  }

  // MARK: replies

  private mutating func take(
    _ received: ReceivedReply, for command: Expected, behind unprocessed: Int, into output: inout ByteBuffer
  ) -> Action {
    let reply = received.reply
    switch command {
    case .greeting:
      guard reply.isPositive else { return fail(at: "greeting", reply) }
      greet(into: &output)
      return .wait
    case .ehlo:
      guard reply.isPositive else { return fail(at: "ehlo", reply) }
      extensions = Extensions(lines: received.lines.dropFirst())
      return afterEHLO(into: &output)
    case .startTLS:
      guard reply.isPositive else { return fail(.tls, at: "starttls", reply.text, reply) }
      // Octets behind this reply came in clear: somebody injects replies.
      guard unprocessed == 0 else { return fail(.broken, at: "starttls", "octets behind the reply to STARTTLS") }
      return .startTLS
    case .auth(let sasl):
      return takeLogin(reply, sasl, into: &output)
    case .rset:
      guard reply.isPositive else { return fail(at: "mail", reply) }
      sendNext(into: &output)
      return .wait
    case .mail, .recipient, .data:
      return takeEnvelope(reply, for: command, into: &output)
    case .emptyContent:
      return finishWithoutContent()
    case .endOfContent:
      if isAccounts(reply) { return fail(at: "content", reply) }
      return finish { _ in Self.result(of: reply) }
    case .quit:
      return .close
    }
  }

  private mutating func greet(into output: inout ByteBuffer) {
    output.writeString("EHLO \(policy.hostname)\r\n")
    expected.append(.ehlo)
  }

  private mutating func afterEHLO(into output: inout ByteBuffer) -> Action {
    if policy.security == .startTLS && !isTLS {
      guard extensions.startTLS else {
        return fail(.tls, at: "starttls", "the upstream does not offer STARTTLS; nothing is sent in clear")
      }
      output.writeString("STARTTLS\r\n")
      expected.append(.startTLS)
      return .wait
    }
    guard let login = policy.login else { return .ready }
    guard isTLS else { return fail(.login, at: "auth", "no login without TLS") }
    guard let mechanism = login.choose(from: extensions.authMechanisms) else {
      let offered = extensions.authMechanisms.sorted().joined(separator: " ")
      return fail(
        .login, at: "auth", "no usable login mechanism; it offers \(offered.isEmpty ? "none" : offered)")
    }
    let sasl = SASLClient(login, mechanism: mechanism)
    output.writeString("\(sasl.command)\r\n")
    expected.append(.auth(sasl))
    return .wait
  }

  private mutating func takeLogin(_ reply: Reply, _ sasl: SASLClient, into output: inout ByteBuffer) -> Action {
    switch reply.code {
    case 235:
      loginReply = reply
      return .ready
    case 334:
      var sasl = sasl
      guard let response = sasl.respond() else { return fail(.login, at: "auth", "it asks for more than a password") }
      output.writeString("\(response)\r\n")
      expected.append(.auth(sasl))
      return .wait
    case 400...499: return fail(at: "auth", reply)
    default: return fail(.login, at: "auth", reply.text, reply)
    }
  }

  private mutating func takeEnvelope(_ reply: Reply, for command: Expected, into output: inout ByteBuffer) -> Action {
    guard var current = transaction.take() else { return fail(.broken, PeerText("a reply to no command")) }
    // Replies behind a refused MAIL count for nothing, whatever they say (RFC 2920 section 3.1).
    let isDecided = current.mailReply?.isPositive == false
    if !isDecided, isAccounts(reply) {
      transaction = current
      return fail(at: command == .mail ? "mail" : command == .data ? "data" : "rcpt", reply)
    }
    switch command {
    case .mail: current.mailReply = reply
    case .recipient(let index): current.recipientReplies[index] = reply
    default: break
    }
    transaction = current
    if case .data = command { return takeData(reply, into: &output) }
    if command == .mail, !reply.isPositive { unsent = [] }
    if expected.isEmpty, unsent == [.data], !current.hasAcceptedRecipient { unsent = [] }
    sendNext(into: &output)
    return expected.isEmpty ? finishWithoutContent() : .wait
  }

  private mutating func takeData(_ reply: Reply, into output: inout ByteBuffer) -> Action {
    let isWanted = transaction?.mailReply?.isPositive == true && transaction?.hasAcceptedRecipient == true
    if reply.code == 354 {
      if isWanted { return .sendContent }
      // Nobody is left to send to, but it waits for content (RFC 2920 section 3.1): an empty one, whose reply is void.
      output.writeString(".\r\n")
      expected.append(.emptyContent)
      return .wait
    }
    guard isWanted else { return finishWithoutContent() }
    guard !reply.isPositive, reply.code >= 400 else { return fail(.broken, at: "data", reply.text, reply) }
    needsReset = true
    return finish { _ in Self.result(of: reply) }
  }

  /// The envelope left nobody to send content to.
  private mutating func finishWithoutContent() -> Action {
    if transaction?.mailReply?.isPositive == true { needsReset = true }
    return finish { _ in .untried }
  }

  /// Ends the transaction; `accepted` says what becomes of the recipients that the upstream had taken.
  private mutating func finish(_ accepted: (Reply) -> RecipientResult) -> Action {
    guard let current = transaction.take() else { return .close }
    return .finished(results(of: current, accepted))
  }

  private func results(
    of current: Transaction, unanswered: RecipientResult = .untried, _ accepted: (Reply) -> RecipientResult
  ) -> [RecipientResult] {
    if let reply = current.mailReply, !reply.isPositive {
      return current.recipientReplies.map { _ in Self.result(of: reply) }
    }
    let hasAccepted = current.hasAcceptedRecipient
    return current.recipientReplies.map { reply in
      guard let reply else { return unanswered }
      if reply.isPositive { return accepted(reply) }
      // Too many recipients for one transaction (RFC 5321 section 4.5.3.1.10): the rest goes in the next, at once.
      if hasAccepted, reply.code == 452 || reply.code == 552 { return .untried }
      return Self.result(of: reply)
    }
  }

  private static func result(of reply: Reply) -> RecipientResult {
    switch reply.code / 100 {
    case 2: .delivered(reply)
    case 5: .failed(reply)
    default: .deferred(reply)
    }
  }

  // MARK: commands

  private mutating func sendNext(into output: inout ByteBuffer) {
    while !unsent.isEmpty, expected.isEmpty || extensions.pipelining {
      let next = unsent.removeFirst()
      switch next {
      case .rset: output.writeString("RSET\r\n")
      case .mail: writeMail(into: &output)
      case .recipient(let index):
        output.writeString("RCPT TO:<\(transaction!.message.envelope.recipients[index])>\r\n")
      case .data: output.writeString("DATA\r\n")
      default: break
      }
      expected.append(next)
    }
  }

  private func writeMail(into output: inout ByteBuffer) {
    guard let message = transaction?.message else { return }
    output.writeString("MAIL FROM:<\(message.envelope.sender?.text ?? "")>")
    if extensions.size != nil { output.writeString(" SIZE=\(message.octets)") }
    if message.isEightBit && extensions.eightBitMIME { output.writeString(" BODY=8BITMIME") }
    output.writeString("\r\n")
  }

  /// What this upstream would refuse for certain is not sent to it.
  private func refusal(of message: ClientTransaction) -> Reply? {
    if let limit = extensions.size, limit > 0, message.octets > limit {
      return Reply(
        552, EnhancedStatus(5, 3, 4), "message has \(message.octets) octets, the upstream takes \(limit)")
    }
    if message.isEightBit, !extensions.eightBitMIME {
      return Reply(554, EnhancedStatus(5, 6, 3), "message is 8-bit and the upstream does not offer 8BITMIME")
    }
    return nil
  }

  // MARK: trouble

  /// Replies that speak of our account or of the connection, wherever they stand.
  private func isAccounts(_ reply: Reply) -> Bool {
    switch reply.code {
    case 421, 454, 530, 535, 538: true
    default: false
    }
  }

  private mutating func unsolicited(_ reply: Reply) -> Action {
    if reply.code == 421 { return transaction == nil ? .close : fail(at: "content", reply) }
    return fail(.broken, PeerText("a reply to no command: \(reply)"))
  }

  private var stage: String { expected.first?.stage ?? (isHandshaking ? "tls" : "content") }

  private mutating func fail(at stage: String, _ reply: Reply) -> Action {
    let kind: UpstreamTrouble.Kind =
      switch reply.code {
      case 530, 535, 538: .login
      case 400...499: .busy
      default: .broken
      }
    return fail(kind, at: stage, reply.text, reply)
  }

  private mutating func fail(_ kind: UpstreamTrouble.Kind, _ text: PeerText) -> Action {
    fail(kind, at: stage, text, nil)
  }

  private mutating func fail(_ kind: UpstreamTrouble.Kind, at stage: String, _ text: String) -> Action {
    fail(kind, at: stage, PeerText(text), nil)
  }

  private mutating func fail(
    _ kind: UpstreamTrouble.Kind, at stage: String, _ text: PeerText, _ reply: Reply?
  ) -> Action {
    let trouble = UpstreamTrouble(kind, at: stage, reply.map { PeerText($0.description) } ?? text, reply)
    guard let current = transaction.take() else { return .failed(trouble, []) }
    // A message at which an upstream hangs up or says 421 must not lead the queue again at once; any other reply about
    // the account is not its fault.
    let isMessages = current.mailReply?.isPositive == true && (reply == nil || reply?.code == 421)
    let lost = reply ?? Reply(451, EnhancedStatus(4, 4, 2), "connection lost at \(stage): \(text)")
    let unfinished: RecipientResult =
      current.isContentSent && reply == nil ? .unknown(lost) : isMessages ? .deferred(lost) : .untried
    return .failed(trouble, results(of: current, unanswered: unfinished) { _ in unfinished })
  }
}
