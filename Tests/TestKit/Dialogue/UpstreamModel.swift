// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// What an upstream sees and says, by a second and simpler reading: the commands that we sent, the replies to them in
/// order, and what both mean for each recipient. It complains of a command that may not stand there, of content that
/// nobody asked for, of a secret in clear, and of a result that the replies do not bear out.
struct UpstreamModel {
  enum Command: Equatable {
    case greeting, ehlo, startTLS, auth, mail, recipient(String), data, chunk, refusedChunk, endOfContent, rset, noop,
      quit
  }

  let needsTLS: Bool
  var isTLS: Bool
  let hasLogin: Bool
  var offers: Set<String> = []
  /// Sent, and not answered.
  private var open: [Command] = [.greeting]
  private var isGreeted = false
  private var isContent = false
  private var unread: [UInt8] = []
  /// Octets of a chunk that are still to come.
  private var chunk = 0

  // MARK: the message

  private var mail: Int?
  private var recipients: [String: Int] = [:]
  private var chunks: [Int] = []
  private var data: Int?
  private var final: Int?
  private var isEndSent = false
  private var isBegun = false

  init(needsTLS: Bool, isTLS: Bool, hasLogin: Bool) {
    self.needsTLS = needsTLS
    self.isTLS = isTLS
    self.hasLogin = hasLogin
  }

  /// What waits for a reply.
  var due: Command? { open.first }

  mutating func begin() {
    (mail, recipients, chunks, data, final, isEndSent, isBegun) = (nil, [:], [], nil, nil, false, true)
  }

  mutating func end() { isBegun = false }

  // MARK: replies

  mutating func replied(_ code: Int) {
    guard !open.isEmpty else { return }
    let command = open.removeFirst()
    switch command {
    case .mail: mail = code
    case .recipient(let address): recipients[address] = code
    case .chunk: chunks.append(code)
    case .endOfContent: final = code
    case .data:
      data = code
      isContent = code / 100 == 3
    case .auth where code == 334: open.insert(.auth, at: 0)
    default: break
    }
  }

  /// A login that goes on: our next line is its answer, not a command.
  private var isInLogin: Bool { open == [.auth] }

  mutating func actsOn(_ action: ClientSession.Action) {
    if action == .startTLS { (isTLS, isGreeted, offers) = (true, false, []) }
  }

  // MARK: commands

  mutating func sent(_ octets: [UInt8]) -> String? {
    unread += octets
    while !unread.isEmpty {
      if chunk > 0 {
        let count = min(chunk, unread.count)
        unread.removeFirst(count)
        chunk -= count
        continue
      }
      if isContent {
        guard let end = contentEnd else { return nil }
        unread.removeFirst(end)
        isContent = false
        isEndSent = true
        open.append(.endOfContent)
        continue
      }
      guard let end = unread.firstIndex(of: 0x0A) else { return "half a line: \(unread)" }
      let line = unread[...end]
      guard line.count <= Limits.authLineOctetsMax, line.dropLast().last == 0x0D,
        line.dropLast(2).allSatisfy({ (0x20...0x7E).contains($0) || $0 >= 0x80 })
      else { return "a line that is none: \(line)" }
      let text = String(decoding: line.dropLast(2), as: UTF8.self)
      unread.removeFirst(line.count)
      if let complaint = take(text) { return complaint }
    }
    return nil
  }

  /// An empty content is a dot alone.
  private var contentEnd: Int? {
    if unread.starts(with: ".\r\n".utf8) { return 3 }
    let mark = Array("\r\n.\r\n".utf8)
    guard unread.count >= mark.count else { return nil }
    return (0...(unread.count - mark.count)).first { unread[$0...].starts(with: mark) }.map { $0 + mark.count }
  }

  private mutating func take(_ text: String) -> String? {
    if isInLogin {
      return isTLS ? nil : "a login in clear"
    }
    let words = text.split(separator: " ")
    guard !open.contains(.greeting) else { return "\(text) before the greeting" }
    let waits = open.isEmpty || offers.contains("PIPELINING")
    guard waits else { return "\(text) while \(open) is not answered, without PIPELINING" }
    guard open.allSatisfy({ $0 != .ehlo && $0 != .startTLS && $0 != .auth }) else { return "\(text) behind \(open)" }
    switch words.first.map(String.init) {
    case "EHLO":
      isGreeted = true
      open.append(.ehlo)
      return nil
    case "STARTTLS":
      open.append(.startTLS)
      return isTLS || !isGreeted ? "STARTTLS under TLS" : nil
    case "AUTH":
      open.append(.auth)
      return !isTLS || !hasLogin ? "a login in clear" : nil
    case "MAIL": return begins(text)
    case "RCPT": return adds(text)
    case "DATA":
      open.append(.data)
      return isBegun && !recipients.isEmpty ? nil : "DATA without a recipient"
    case "BDAT": return chunk(words)
    case "RSET": open.append(.rset)
    case "NOOP": open.append(.noop)
    case "QUIT": open.append(.quit)
    default: return "\(text) is no command"
    }
    return nil
  }

  private mutating func begins(_ text: String) -> String? {
    open.append(.mail)
    guard isGreeted, isBegun, mail == nil else { return "MAIL in the wrong place" }
    guard isTLS || !needsTLS else { return "mail in clear" }
    let needs = [
      ("SIZE=", "SIZE"), ("BODY=", "8BITMIME"), ("SMTPUTF8", "SMTPUTF8"), ("RET=", "DSN"), ("ENVID=", "DSN"),
    ]
    let extra = text.split(separator: ">", maxSplits: 1).dropFirst().first ?? ""
    for (word, offer) in needs where extra.contains(word) && !offers.contains(offer) {
      return "\(word) without \(offer)"
    }
    return nil
  }

  private mutating func adds(_ text: String) -> String? {
    guard let start = text.firstIndex(of: "<"), let end = text.firstIndex(of: ">") else { return "\(text) is no RCPT" }
    let address = String(text[text.index(after: start)..<end])
    open.append(.recipient(address))
    recipients[address] = 0
    return isBegun ? nil : "RCPT without MAIL"
  }

  private mutating func chunk(_ words: [Substring]) -> String? {
    guard words.count > 1, let octets = Int(words[1]), offers.contains("CHUNKING") else {
      return "a chunk nobody takes"
    }
    chunk = octets
    let isLast = words.count == 3
    if isBegun {
      if isLast { isEndSent = true }
      open.append(isLast ? .endOfContent : .chunk)
    } else {
      // The question whether it discards what it refuses.
      open.append(.refusedChunk)
    }
    return nil
  }

  // MARK: results

  /// nil: what was said bears it out.
  func objection(to result: RecipientResult, of recipient: String) -> String? {
    let said = recipients[recipient] ?? 0
    func isRefusal(_ code: Int, _ digit: Int) -> Bool { code / 100 == digit }
    let codes = [mail ?? 0, said, data ?? 0, final ?? 0] + chunks
    switch result {
    case .delivered, .relayed:
      let isTaken =
        isEndSent && [mail ?? 0, said, final ?? 0].allSatisfy { $0 / 100 == 2 } && chunks.allSatisfy { $0 / 100 == 2 }
      return isTaken ? nil : "\(recipient) is delivered, and the upstream said \(codes)"
    case .failed(let reply):
      // Or ours, without asking: then the upstream has not heard of him.
      let isOurs = recipients[recipient] == nil
      return isOurs || codes.contains(reply.code) && reply.code / 100 == 5 ? nil : "\(recipient) failed by \(codes)"
    case .unknown: return isEndSent ? nil : "\(recipient) is unknown, and nobody had the end"
    case .deferred, .untried:
      // What is tried again is not there already.
      let isThere = isEndSent && mail.map { $0 / 100 } == 2 && said / 100 == 2 && final.map { $0 / 100 } == 2
      return isThere && chunks.allSatisfy { $0 / 100 == 2 } && chunk == 0 && isDecided
        ? "\(recipient) is tried again, and the upstream said \(codes)" : nil
    }
  }

  private var isDecided: Bool { open.isEmpty }
}
