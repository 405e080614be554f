// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import NIOCore
import SMTP

/// A client that says what it likes to a real `ServerSession`: words in any order, pipelined and cut anywhere, responses
/// for commands and commands for responses, content that lies about its size, lines without end. `ServerModel` judges
/// each reply, and what is stored. The same dice give the same dialogue.
package struct ServerDialogue: ~Copyable {
  package private(set) var commands = 0
  package private(set) var replies = 0
  /// The first thing that may not be; nil: none.
  package private(set) var complaint: String?

  private var dice: DialogueDice
  private var session: ServerSession
  private var model: ServerModel
  private var input = ByteBuffer()
  private var output = ByteBuffer()
  private var unsent: [UInt8] = []
  private var stored: [UInt8] = []
  private var isClosed = false

  package init(_ dice: DialogueDice) {
    var dice = dice
    let isTLS = dice.oneIn(2)
    let policy = ServerPolicy(
      hostname: "gate.test", offersTLS: !isTLS && !dice.oneIn(4), messageOctetsMax: dice.oneIn(4) ? 300 : 100_000,
      recipientsMax: 3)
    let rights = ClientRights(
      mayOmitLogin: dice.oneIn(2), mayOmitTLS: dice.oneIn(2), mayEndLinesInLF: dice.oneIn(3),
      recipients: dice.oneIn(6) ? [MailboxPattern("@b.example")!] : [])
    session = ServerSession(policy: policy, rights: rights, isTLS: isTLS)
    model = ServerModel(policy: policy, rights: rights, isTLS: isTLS)
    self.dice = dice
  }

  /// To the end of the session, or so many commands.
  package mutating func play(commandsMax: Int) {
    session.opened(into: &output)
    output.clear()
    while !isClosed, complaint == nil, commands < commandsMax {
      unsent += nextOctets()
      // What stays behind goes along with the next command.
      while !unsent.isEmpty, !isClosed, complaint == nil, !dice.oneIn(3) { feed() }
      if dice.oneIn(2_000) { end() }
    }
    while !unsent.isEmpty, !isClosed, complaint == nil { feed() }
    if !isClosed, complaint == nil, let (unit, _) = model.due() { complaint = "no reply to \(unit)" }
  }

  // MARK: what the client says

  private mutating func nextOctets() -> [UInt8] {
    switch model.mode {
    case .content: return content()
    case .login(let said) where !dice.oneIn(8):
      let right = DialogueWords.rightLogins.first { $0.starts(with: said) && $0.count > said.count }
      if let right, dice.oneIn(2) { return line(right[said.count]) }
      return line(DialogueWords.responses[dice.below(DialogueWords.responses.count)])
    case .chunk(let octets, _), .void(let octets, _):
      return dice.oneIn(3) ? octetsOfContent(dice.below(20)) : octetsOfContent(Int(min(octets, 200_000)))
    default: break
    }
    if dice.oneIn(3) { return line(usual()) }
    switch dice.below(24) {
    case 0: return content()
    case 1: return line(DialogueWords.responses[dice.below(DialogueWords.responses.count)])
    case 2, 3: return chunk(dice.below(400), dice.below(400))
    case 4 where dice.oneIn(20): return chunk(dice.oneIn(2) ? 100_001 : 70_000, dice.oneIn(2) ? 70_000 : 20)
    case 5 where dice.oneIn(8): return line("NOOP " + String(repeating: "x", count: 2_040 + dice.below(12)))
    case 6 where dice.oneIn(16): return line("NOOP " + String(repeating: "x", count: 60_000 + dice.below(20_000)))
    case 7 where dice.oneIn(16): return line("BDAT " + String(repeating: "0", count: 2_100))
    case 8: return Array("DATA\r\n".utf8) + content()
    default: return word(DialogueWords.lines[dice.below(DialogueWords.lines.count)])
    }
  }

  /// What a good client would say now.
  private mutating func usual() -> String {
    if !model.isGreeted { return "EHLO client.example" }
    if !model.isTLS, !model.rights.mayOmitTLS { return "STARTTLS" }
    if !model.isLoggedIn, !model.rights.mayOmitLogin {
      let login = DialogueWords.rightLogins[dice.below(3)]
      return "AUTH \(login[0]) \(login[1])"
    }
    guard let message = model.message else { return "MAIL FROM:<a@b.example>" }
    return message.recipients.isEmpty ? "RCPT TO:<r@b.example>" : "DATA"
  }

  private mutating func word(_ text: String) -> [UInt8] {
    var octets = line(text)
    if dice.oneIn(4) {
      for index in octets.indices.prefix(while: { octets[$0] != 0x20 }) where (0x41...0x5A).contains(octets[index]) {
        octets[index] |= 0x20
      }
    }
    return octets
  }

  private mutating func line(_ text: String) -> [UInt8] {
    commands += 1
    return Array(text.utf8) + [0x0D, 0x0A]
  }

  private mutating func chunk(_ announced: Int, _ octets: Int) -> [UInt8] {
    let isTrue = !dice.oneIn(4)
    let command = line("BDAT \(announced)\(dice.oneIn(2) ? " LAST" : "")")
    return command + octetsOfContent(isTrue ? announced : octets)
  }

  private mutating func content() -> [UInt8] {
    let size = dice.oneIn(200) ? 60_000 + dice.below(60_000) : dice.below(40)
    return octetsOfContent(size) + Array((dice.oneIn(6) ? "\n.\n" : "\r\n.\r\n").utf8)
  }

  private mutating func octetsOfContent(_ count: Int) -> [UInt8] {
    let pieces = ["Subject: t\r\n", "\r\n", ".\r\n", "..x\r\n", "a", ".", "\r\n.", "text text text\r\n"]
    let bad = ["\n", "\r", "\0", "\n.\n", "\r\n.\n", "\r.\r"]
    let isBad = dice.oneIn(5)
    var octets: [UInt8] = []
    let filler = count > 1_000 ? [UInt8](repeating: 0x61, count: 500) + [0x0D, 0x0A] : []
    while octets.count < count {
      octets += (isBad && dice.oneIn(6) ? bad[dice.below(bad.count)] : pieces[dice.below(pieces.count)]).utf8
      octets += filler
    }
    return Array(octets.prefix(count))
  }

  // MARK: what the handler does

  private mutating func feed() {
    let count = dice.oneIn(3) ? unsent.count : 1 + dice.below(max(1, min(unsent.count, dice.oneIn(2) ? 8 : 4_096)))
    let piece = Array(unsent.prefix(count))
    unsent.removeFirst(piece.count)
    if !model.hasMore, model.mode == .command {
      model.intake = dice.oneIn(12) ? Intake(refusal: .diskFull) : dice.oneIn(12) ? Intake(octetsMax: 500) : .everything
      session.intake = model.intake
    }
    model.sent(piece)
    input.writeBytes(piece)
    pump()
    guard complaint == nil, !isClosed else { return }
    if let (unit, _) = model.due() { complaint = "no reply to \(unit)" }
    if model.failures >= Limits.loginFailuresMax { complaint = "the session goes on behind so many wrong logins" }
    if output.readableBytes > 0 { complaint = "half a reply" }
  }

  private mutating func pump() {
    while complaint == nil {
      let action = session.received(&input, into: &output)
      _ = session.takeRefusals()
      hear()
      guard complaint == nil else { return }
      switch action {
      case .wait: return
      case .send: break
      case .startTLS:
        model.tlsStarted()
        session.tlsStarted()
      case .lookUp(let name, _):
        if name != "alice" { complaint = "looks up \(name)" }
        lookedUp()
      case .verify(let attempt): verified(attempt)
      case .store(let octets): store(octets)
      case .commit(let envelope, let octets): commit(envelope, octets)
      case .abandon: stored = []
      case .close: close()
      }
      hear()
      if isClosed { return }
    }
  }

  private mutating func lookedUp() {
    if dice.oneIn(8) {
      let verdict: ServerSession.LoginVerdict = dice.oneIn(2) ? .throttled : .unavailable
      model.verdict = verdict
      if session.loginChecked(verdict, into: &output) == .close { close() }
      return
    }
    let action = session.found(
      DialogueWords.verifier, nonce: DialogueWords.nonce, bindings: ChannelBindings(), into: &output)
    if action == .close { close() }
  }

  private mutating func verified(_ attempt: LoginAttempt) {
    let isRight =
      switch attempt.evidence {
      case .password(let password): password == Secret("s3cret")
      case .proof(let isRight): isRight
      // Nobody was asked for one.
      case .certificate: false
      }
    var verdict: ServerSession.LoginVerdict = isRight && attempt.name == "alice" ? .accepted : .rejected
    if verdict == .accepted, dice.oneIn(8) { verdict = .crowded }
    if dice.oneIn(8) { verdict = dice.oneIn(2) ? .throttled : .unavailable }
    model.verdict = verdict
    if session.loginChecked(verdict, into: &output) == .close { close() }
  }

  private mutating func store(_ octets: ByteBuffer) {
    if octets.readableBytes > Limits.chunkOctetsMax { complaint = "a piece of \(octets.readableBytes) octets" }
    if dice.oneIn(4) {
      model.storageFailed(451)
      stored = []
      session.storageFailed(.diskRefused, into: &output)
    } else {
      stored += octets.readableBytesView
      session.stored()
    }
  }

  private mutating func commit(_ envelope: Envelope, _ octets: ByteBuffer) {
    stored += octets.readableBytesView
    guard let (message, content) = model.committed() else {
      complaint = "commits what may not be"
      return
    }
    if envelope.sender?.text != message.sender || envelope.recipients.map(\.text) != message.recipients {
      complaint = "commits for others: \(envelope), and \(message) was said"
    }
    if envelope.isUTF8 != message.isUTF8 { complaint = "commits \(message) with another form" }
    if stored != content { complaint = "commits \(stored.count) octets of content, and \(content.count) were sent" }
    stored = []
    switch dice.below(8) {
    case 0:
      model.outcome = 451
      session.storageFailed(.diskRefused, into: &output)
    case 1:
      model.outcome = 554
      session.commitRefused(.loop, into: &output)
    default:
      model.outcome = 250
      session.committed("7KQ2M9XF4", into: &output)
    }
  }

  /// A clock, or the admin.
  private mutating func end() {
    model.isEnding = true
    if session.end(.timeout, into: &output) != .close { complaint = "does not close at its end" }
    hear()
    close()
  }

  private mutating func close() {
    hear()
    isClosed = true
    complaint = complaint ?? model.closed()
  }

  /// Whole replies, one after the other.
  private mutating func hear() {
    while complaint == nil, let end = output.readableBytesView.firstIndex(of: 0x0A) {
      let line = output.readBytes(length: end + 1 - output.readerIndex)!
      guard line.count >= 6, line[line.count - 2] == 0x0D, line.count <= 532,
        line.dropLast(2).allSatisfy({ (0x20...0x7E).contains($0) }),
        let code = Int(String(decoding: line.prefix(3), as: UTF8.self))
      else {
        complaint = "says \(String(decoding: line, as: UTF8.self))"
        return
      }
      if line[3] == UInt8(ascii: "-") {
        if code != 250 { complaint = "\(code) in many lines" }
        let isLogin = line.starts(with: "250-AUTH ".utf8)
        let isTLS = line.starts(with: "250-STARTTLS".utf8)
        if isLogin && !model.isTLS || isTLS && model.isTLS { complaint = "offers what cannot be had now" }
        continue
      }
      replies += 1
      complaint = model.take(code)
    }
  }
}
