// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto

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
    /// Derive, away from the event loop; answer with `derived(_:into:)`.
    case derive(SCRAMDerivation)
    /// The dialogue stands; `deliver` may be called.
    case ready
    /// Give the content to `content(_:isLast:into:)`, piece by piece, while it `wantsContent`. When the last one is
    /// written to the connection, call `contentSent()`.
    case sendContent
    /// Send the output, which ends with the content; when it is written, call `contentSent()`.
    case sendFlight
    /// One result for each recipient of the transaction, in order. `ready` follows by itself: `deliver` may be called.
    case finished([RecipientResult])
    /// Close. If a transaction was under way, its recipients' results come along.
    case failed(UpstreamTrouble, [RecipientResult])
    case close
  }

  /// What a reply answers.
  enum Expected: Equatable {
    case greeting, ehlo, startTLS, auth(SASLClient), probe, probeEnd
    case rset, mail, recipient(Int), data, emptyContent, chunk, endOfContent, quit

    /// What stands behind these is looked at elsewhere.
    var mayBeFollowed: Bool {
      switch self {
      case .startTLS, .endOfContent, .emptyContent, .quit: true
      default: false
      }
    }

    var stage: String {
      switch self {
      case .greeting: "greeting"
      case .ehlo, .probe, .probeEnd: "ehlo"
      case .startTLS: "starttls"
      case .auth: "auth"
      case .rset, .mail: "mail"
      case .recipient: "rcpt"
      case .data, .emptyContent: "data"
      case .chunk, .endOfContent, .quit: "content"
      }
    }
  }

  private static let farewell = Array("421".utf8)

  let policy: ClientPolicy
  let redaction: Redaction
  /// Of a login: printable ASCII without a comma that nobody can foretell.
  let nonce: String
  var bindings = ChannelBindings()
  var isTLS: Bool
  /// TLS comes first, and nobody can say anything before it stands.
  private var awaitsTLS: Bool
  package private(set) var extensions = Extensions()
  /// Replies that are due, in order; each is handled against its own entry.
  var expected: [Expected] = [.greeting]
  /// Commands of this transaction that wait until the ones before are answered (no PIPELINING).
  var unsent: [Expected] = []
  var transaction: MailTransaction?
  /// A transaction is open at the upstream that we do not go on with.
  var needsReset = false
  /// The question of `OneFlight` is asked and not answered.
  var isProbing = false
  /// Grows with each whole reply: the handler's clock starts anew at a reply, not at an octet.
  package private(set) var repliesTaken: UInt64 = 0
  /// The upstream's answer to the login that it accepted.
  package internal(set) var loginReply: Reply?
  /// What is known of this upstream; the pool hands it on from one connection to the next.
  package var oneFlight: OneFlight
  /// The last transaction was one flight: an upstream that says more than it should has not discarded.
  var isBehindFlight = false
  private var reader: ReplyReader
  /// A login whose keys are being derived. Nothing is due from the upstream meanwhile.
  var deriving: SASLClient?

  /// `nonce` is random, of this connection alone.
  package init(policy: ClientPolicy, nonce: [UInt8], oneFlight: OneFlight = .forbidden) {
    self.policy = policy
    self.oneFlight = oneFlight
    self.nonce = Base64.encode(nonce)
    isTLS = policy.security == .implicit
    awaitsTLS = isTLS
    redaction = Redaction(policy.login)
    reader = ReplyReader(redaction)
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
      // What comes ahead of our next command would be taken for its reply. A farewell may be: it ends that one too.
      if expected.isEmpty, input.readableBytes > 0, !command.mayBeFollowed, !isFarewell(input, behind: reply.reply) {
        return fail(.broken, at: command.stage, "octets behind the last reply")
      }
      let action = take(reply, for: command, behind: input, into: &output)
      if action != .wait { return action }
    }
  }

  /// The handshake is done, and the certificate is the upstream's. `bindings` are the connection's.
  package mutating func tlsStarted(_ bindings: ChannelBindings, into output: inout ByteBuffer) {
    self.bindings = bindings
    awaitsTLS = false
    guard policy.security == .startTLS else { return }
    isTLS = true
    extensions = Extensions()
    greet(into: &output)
  }

  /// The keys that `derive` asked for.
  package mutating func derived(_ salted: Secret, into output: inout ByteBuffer) -> Action {
    guard var sasl = deriving.take() else { return .wait }
    return take(sasl.derived(salted), sasl, into: &output)
  }

  package var isIdle: Bool { expected.isEmpty && transaction == nil && deriving == nil && !isHandshaking }

  private var isHandshaking: Bool { expected.isEmpty && !isTLS && policy.security == .startTLS }

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
    case .greeting: awaitsTLS ? Limits.upstreamHandshakeSeconds : Limits.greetingSeconds
    case .ehlo, .startTLS: Limits.heloSeconds
    case .auth: Limits.authSeconds
    case .rset, .mail: Limits.mailSeconds
    case .recipient: Limits.recipientSeconds
    case .probe, .probeEnd: Limits.probeSeconds
    case .data, .emptyContent: Limits.dataSeconds
    case .chunk: Limits.blockSeconds
    case .endOfContent: Limits.endOfDataSeconds
    case .quit: Limits.quitSeconds
    case nil:
      isHandshaking ? Limits.upstreamHandshakeSeconds : deriving != nil ? Limits.authSeconds : Limits.blockSeconds
    }
  }

  // MARK: replies

  private mutating func take(
    _ received: ReceivedReply, for command: Expected, behind input: ByteBuffer, into output: inout ByteBuffer
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
      guard input.readableBytes == 0 else {
        return fail(.broken, at: "starttls", "octets behind the reply to STARTTLS")
      }
      return .startTLS
    case .auth(let sasl):
      return takeLogin(received, sasl, into: &output)
    case .rset:
      guard reply.isPositive else { return fail(at: "mail", reply, isRefused: isAccounts(reply)) }
      sendNext(into: &output)
      return .wait
    case .mail, .recipient, .data:
      return takeEnvelope(reply, for: command, into: &output)
    case .probe, .probeEnd:
      return takeProbe(reply, isEnd: command == .probeEnd)
    case .emptyContent:
      return finishWithoutContent()
    case .chunk:
      return takeChunk(reply)
    case .endOfContent:
      return takeEndOfContent(reply, isFollowed: input.readableBytes > 0 && !isFarewell(input, behind: reply))
    case .quit:
      return .close
    }
  }

  /// An upstream may refuse and hang up at once, and both arrive together; behind 3yz it has nothing to end yet.
  private func isFarewell(_ input: ByteBuffer, behind reply: Reply) -> Bool {
    reply.code / 100 != 3 && input.readableBytesView.starts(with: Self.farewell)
  }

  private mutating func greet(into output: inout ByteBuffer) {
    output.writeString("EHLO \(policy.hostname)\r\n")
    expected.append(.ehlo)
  }

  // MARK: trouble

  /// Replies that speak of our account or of the connection, wherever they stand.
  func isAccounts(_ reply: Reply) -> Bool {
    switch reply.code {
    case 421, 454, 530, 535, 538: true
    default: false
    }
  }

  private mutating func unsolicited(_ reply: Reply) -> Action {
    if reply.code == 421 { return isIdle ? .close : fail(at: stage, reply) }
    if isBehindFlight { oneFlight = .forbidden }
    return fail(.broken, PeerText("a reply to no command: \(reply)"))
  }

  private var stage: String {
    expected.first?.stage ?? (isHandshaking ? "tls" : deriving != nil ? "auth" : "content")
  }

  mutating func fail(at stage: String, _ reply: Reply, isRefused: Bool = false) -> Action {
    let kind: UpstreamTrouble.Kind =
      switch reply.code {
      case 530, 535, 538: .login
      case 400...499: .busy
      default: .broken
      }
    return fail(kind, at: stage, reply.text, reply, isRefused: isRefused)
  }

  mutating func fail(_ kind: UpstreamTrouble.Kind, _ text: PeerText) -> Action {
    fail(kind, at: stage, text, nil)
  }

  mutating func fail(_ kind: UpstreamTrouble.Kind, at stage: String, _ text: String) -> Action {
    fail(kind, at: stage, PeerText(text), nil)
  }

  /// `words` are for people, where the reply alone does not help. `isRefused`: the reply says that the upstream has not
  /// taken the message whose content is sent.
  mutating func fail(
    _ kind: UpstreamTrouble.Kind, at stage: String, _ text: PeerText, _ reply: Reply?, because words: PeerText? = nil,
    isRefused: Bool = false
  ) -> Action {
    if isProbing {
      // Nobody has come to harm, and the next connection goes without. So too with 421: some say it because of the
      // question, and would say it each time.
      oneFlight = .forbidden
      return .close
    }
    let trouble = UpstreamTrouble(kind, at: stage, words ?? reply.map { PeerText($0.description) } ?? text, reply)
    guard let current = transaction.take() else { return .failed(trouble, []) }
    if current.form != .data {
      if kind == .broken { oneFlight = .forbidden } else if reply == nil { oneFlight.lost() }
    }
    return .failed(trouble, current.lost(at: stage, text, reply, isRefused: isRefused))
  }
}
