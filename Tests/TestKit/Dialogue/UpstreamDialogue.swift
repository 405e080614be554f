// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import NIOCore
import SMTP

/// An upstream that answers what it likes to a real `ClientSession`, pipelined and cut anywhere: other codes, too many
/// lines, too few, nonsense, octets ahead of time, a hang-up. `UpstreamModel` keeps what was said in order, and judges
/// each octet that we send and each result that we tell. The same dice give the same dialogue.
package struct UpstreamDialogue {
  package private(set) var replies = 0
  package private(set) var messages = 0
  /// Recipients that an upstream has taken.
  package private(set) var delivered = 0
  /// The first thing that may not be; nil: none.
  package private(set) var complaint: String?

  private var dice: DialogueDice
  private var session: ClientSession
  private var model: UpstreamModel
  private var output = ByteBuffer()
  private var input = ByteBuffer()
  private var isClosed = false
  private var isReady = false
  /// One octet of a hundred is nonsense, or none is.
  private let isWild: Bool
  private var message: ClientTransaction?

  package init(_ dice: DialogueDice) {
    var dice = dice
    let security = [ClientPolicy.Security.none, .startTLS, .implicit][dice.below(3)]
    let login: ClientLogin? =
      security == .none || dice.oneIn(3)
      ? nil
      : ClientLogin(
        name: "alice", password: Secret("s3cret"), mechanism: [.plain, .login, .cramMD5, nil][dice.below(4)])
    session = ClientSession(
      policy: ClientPolicy(hostname: "gate.test", security: security, login: login), nonce: [1, 2, 3],
      oneFlight: [.untried, .allowed(lost: 0), .forbidden][dice.below(3)])
    model = UpstreamModel(needsTLS: security == .startTLS, isTLS: security == .implicit, hasLogin: login != nil)
    isWild = dice.oneIn(2)
    self.dice = dice
  }

  /// To the end of the connection, or so many messages.
  package mutating func play(messagesMax: Int) {
    say(220)
    while !isClosed, complaint == nil {
      if isReady, session.isIdle, input.readableBytes == 0 {
        if messages == messagesMax { return }
        if dice.oneIn(10) { return }
        deliver()
      } else if let command = model.due {
        answer(command)
      } else if dice.oneIn(2) {
        return lose()
      } else {
        say(250)
      }
    }
  }

  // MARK: what the upstream does

  private mutating func answer(_ command: UpstreamModel.Command) {
    if dice.oneIn(isWild ? 12 : 60) { return lose() }
    if isWild, dice.oneIn(10) {
      return say([220, 250, 251, 334, 354, 421, 450, 452, 535, 550, 552, 599][dice.below(12)])
    }
    if isWild, dice.oneIn(40) { return hear(Array("what?\r\n".utf8)) }
    switch command {
    case .greeting: say(220)
    case .ehlo: hello()
    case .startTLS: say(220)
    case .auth: say(dice.oneIn(3) ? 235 : 334)
    case .data: say(dice.oneIn(6) ? 554 : 354)
    case .refusedChunk: say(503)
    case .mail, .rset, .noop: say(dice.oneIn(10) ? 451 : 250)
    case .recipient: say(dice.oneIn(3) ? [550, 450, 452, 251][dice.below(4)] : 250)
    case .chunk, .endOfContent: say(dice.oneIn(4) ? [554, 451, 452, 552][dice.below(4)] : 250)
    case .quit: say(221)
    }
  }

  private mutating func hello() {
    var lines = ["upstream.test"]
    for offer in ["PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8", "DSN", "SIZE 100000"] where !dice.oneIn(3) {
      lines.append(offer)
    }
    if !model.isTLS, !dice.oneIn(8) { lines.append("STARTTLS") }
    if !dice.oneIn(8) { lines.append("AUTH PLAIN LOGIN CRAM-MD5") }
    model.offers = Set(lines.dropFirst().map { String($0.split(separator: " ")[0]) })
    let last = lines.count - 1
    let text = lines.enumerated().map { "250\($0 == last ? " " : "-")\($1)\r\n" }.joined()
    model.replied(250)
    replies += 1
    hear(Array(text.utf8))
  }

  private mutating func say(_ code: Int) {
    model.replied(code)
    replies += 1
    let status = dice.oneIn(2) && code >= 200 && code / 100 != 3 ? "\(code / 100).0.0 " : ""
    let more = dice.oneIn(8) ? "\(code)-\(status)more\r\n" : ""
    hear(Array("\(more)\(code) \(status)text\r\n".utf8))
  }

  private mutating func hear(_ octets: [UInt8]) {
    var rest = octets[...]
    while !rest.isEmpty, !isClosed, complaint == nil {
      let piece = rest.prefix(dice.oneIn(3) ? 1 + dice.below(6) : rest.count)
      rest = rest.dropFirst(piece.count)
      input.writeBytes(piece)
      // Two replies may come as one.
      if rest.isEmpty, isWild, dice.oneIn(20) { return }
      while !isClosed, complaint == nil {
        let action = session.received(&input, into: &output)
        take(action)
        if action == .wait { break }
      }
    }
  }

  private mutating func lose() {
    take(session.disconnected(.unreachable, "the connection was closed"))
    isClosed = true
  }

  // MARK: what the handler does

  private mutating func deliver() {
    messages += 1
    let content = Array("Subject: t\r\n\r\n.x\r\n".utf8)
    let recipients =
      (0...dice.below(3)).map { Address("r\($0)@example.net")! } + (dice.oneIn(6) ? [Address("ü@example.net")!] : [])
    let message = ClientTransaction(
      envelope: Envelope(sender: dice.oneIn(3) ? nil : Address("a@example.org"), recipients: recipients),
      octets: dice.oneIn(12) ? 200_000 : UInt64(content.count), isEightBit: dice.oneIn(8))
    self.message = message
    model.begin()
    take(session.deliver(message, content: dice.oneIn(2) ? content : nil, into: &output))
  }

  private mutating func take(_ action: ClientSession.Action) {
    model.actsOn(action)
    look()
    guard complaint == nil else { return }
    switch action {
    case .wait: break
    case .ready: isReady = true
    case .startTLS:
      model.isTLS = true
      session.tlsStarted(ChannelBindings(), into: &output)
    case .derive: complaint = "derives for an upstream that asked for nothing"
    case .sendContent:
      session.content(Array("Subject: t\r\n\r\n".utf8), isLast: false, into: &output)
      session.content(Array(".x\r\n".utf8), isLast: true, into: &output)
      look()
      session.contentSent()
    case .sendFlight: session.contentSent()
    case .finished(let results): told(results)
    case .failed(_, let results):
      if !results.isEmpty || message != nil { told(results) }
      isClosed = true
    case .close: isClosed = true
    }
    look()
  }

  private mutating func told(_ results: [RecipientResult]) {
    guard let message else { return complaint = "results of no message" }
    self.message = nil
    if results.count != message.envelope.recipients.count { return complaint = "\(results.count) results" }
    for (recipient, result) in zip(message.envelope.recipients, results) {
      switch result {
      case .delivered, .relayed: delivered += 1
      default: break
      }
      complaint = complaint ?? model.objection(to: result, of: recipient.text)
    }
    model.end()
  }

  private mutating func look() {
    complaint = complaint ?? model.sent(output.readBytes(length: output.readableBytes)!)
  }
}
