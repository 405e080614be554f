// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// Which replies a submission server may give, by a second and simpler reading of RFC 5321 and what extends it: states,
/// sets of codes, and what a message holds. It sees the octets that a client has sent and the replies in order, and
/// complains of the first that may not stand there, of one too many, and of one too few.
struct ServerModel {
  struct Message: Equatable {
    var sender: String?
    var size: UInt64?
    var isUTF8: Bool
    var recipients: [String] = []
  }

  enum Mode: Equatable {
    case command
    /// The mechanism, and the responses so far.
    case login([String])
    case content
    case chunk(UInt64, isLast: Bool)
    /// Octets that are answered already.
    case void(UInt64, endsMessage: Bool)
    case closed
  }

  let policy: ServerPolicy
  let rights: ClientRights
  var isTLS: Bool
  private(set) var mode = Mode.command
  private(set) var isGreeted = false
  private(set) var isLoggedIn = false
  private(set) var message: Message?
  /// Of the chunks so far; nil: none has come.
  private var chunks: [UInt8]?
  /// Codes of a refusal that stays with the message.
  private var refusal: [Int] = []
  /// DATA was refused, and content stood behind it already: the session ends.
  private var isUninvited = false
  private(set) var failures = 0
  private(set) var idle = 0

  // MARK: what the player tells

  var intake = Intake.everything
  /// Of the login that is being looked at.
  var verdict: ServerSession.LoginVerdict?
  /// What became of the message that is being committed.
  var outcome: Int?
  /// The player has ended the session.
  var isEnding = false

  private var stream: [UInt8] = []
  private var position = 0
  /// Up to here the stream was searched for the end of content.
  private var searched = 0

  init(policy: ServerPolicy, rights: ClientRights, isTLS: Bool) {
    self.policy = policy
    self.rights = rights
    self.isTLS = isTLS
  }

  mutating func sent(_ octets: [UInt8]) {
    if position > 1 << 16 {
      // Content looks back at the line end in front of it.
      let gone = position - 2
      stream.removeSubrange(..<gone)
      (position, searched) = (2, max(0, searched - gone))
    }
    stream += octets
  }

  var hasMore: Bool { position < stream.count }

  // MARK: units

  /// What the next reply answers.
  enum Unit: Equatable {
    case line(DialogueWords.Meaning)
    case response(String)
    case tooLong(isChunk: Bool)
    case content([UInt8])
    case chunk([UInt8], isLast: Bool)
    /// Said at once; octets follow that nobody takes.
    case chunkTooBig(UInt64, isLast: Bool)
  }

  /// The unit that is to be answered now, with the index behind it; nil: there is none yet.
  mutating func due() -> (unit: Unit, end: Int)? {
    while true {
      switch mode {
      case .closed: return nil
      case .void(let octets, let endsMessage):
        guard UInt64(stream.count - position) >= octets else { return nil }
        position += Int(octets)
        mode = .command
        if endsMessage { endMessage() }
      case .chunk(let octets, let isLast):
        guard UInt64(stream.count - position) >= octets else { return nil }
        let end = position + Int(octets)
        return (.chunk(Array(stream[position..<end]), isLast: isLast), end)
      case .content: return contentUnit()
      case .command, .login:
        guard let (unit, end) = lineUnit() else { return nil }
        guard case .line(.chunk(let octets, let isLast)) = unit else { return (unit, end) }
        if isTooBig(octets) { return (.chunkTooBig(octets, isLast: isLast), end) }
        position = end
        mode = .chunk(octets, isLast: isLast)
      }
    }
  }

  private func lineUnit() -> (Unit, Int)? {
    var index = position
    while let found = stream[index...].firstIndex(of: 0x0A) {
      guard found > position, stream[found - 1] == 0x0D else {
        index = found + 1
        continue
      }
      let (line, end) = (stream[position..<(found - 1)], found + 1)
      if case .login = mode {
        guard end - position <= Limits.authLineOctetsMax else { return (.tooLong(isChunk: false), end) }
        return (.response(String(decoding: line, as: UTF8.self)), end)
      }
      guard end - position <= Limits.commandLineOctetsMax else {
        return (.tooLong(isChunk: line.starts(with: "BDAT ".utf8)), end)
      }
      return (.line(DialogueWords.meaning(of: line)), end)
    }
    return nil
  }

  private mutating func contentUnit() -> (Unit, Int)? {
    // The DATA command's line end counts as the one before the dot.
    let mark = Array("\r\n.\r\n".utf8)
    var index = max(position - 2, searched)
    while index + mark.count <= stream.count {
      guard let found = stream[index...].firstIndex(of: 0x0D), found + mark.count <= stream.count else { break }
      if stream[found..<(found + mark.count)].elementsEqual(mark) {
        return (.content(Array(stream[(position - 2)..<(found + 2)])), found + mark.count)
      }
      index = found + 1
    }
    searched = max(position - 2, stream.count - mark.count)
    return nil
  }

  // MARK: replies

  /// nil: this may be said now.
  mutating func take(_ code: Int) -> String? {
    if mode == .closed { return "\(code) behind the end" }
    if isUninvited, code == 554 {
      mode = .closed
      return nil
    }
    isUninvited = false
    if code == 421 {
      let isFarTooLong = stream.count - position > Limits.discardedLineOctetsMax
      // An empty chunk that is refused counts twice.
      let idleMax = (isLoggedIn || rights.mayOmitLogin ? 1_000 : 100) / 2
      let mayEnd =
        isEnding || verdict == .crowded || failures >= Limits.loginFailuresMax || idle > idleMax || isFarTooLong
      mode = .closed
      return mayEnd ? nil : "421 behind \(idle) idle commands and \(failures) failed logins"
    }
    if failures >= Limits.loginFailuresMax { return "\(code) where the session has to end" }
    guard let (unit, end) = due() else { return "\(code) to nothing" }
    let allowed = codes(for: unit)
    guard allowed.contains(code) else {
      let said = String(decoding: stream[position..<end].prefix(80), as: UTF8.self).debugDescription
      return "\(code) to \(said) in \(mode), where \(allowed.sorted()) may stand"
    }
    position = end
    searched = 0
    follow(unit, code)
    return nil
  }

  /// The session closes without a reply: only behind a STARTTLS that more was sent with.
  mutating func closed() -> String? {
    if mode == .closed { return nil }
    guard case (.line(.startTLS), let end)? = due(), end < stream.count else { return "closed without a word" }
    mode = .closed
    return nil
  }

  mutating func tlsStarted() {
    (isTLS, isGreeted, message, chunks) = (true, false, nil, nil)
  }

  /// What the server must have when it commits: the message, and its content without transparency.
  mutating func committed() -> (message: Message, content: [UInt8])? {
    guard let message, !message.recipients.isEmpty, refusal.isEmpty, let (unit, _) = due() else { return nil }
    switch unit {
    case .content(let raw): return faults(of: raw).isEmpty ? (message, plain(raw)) : nil
    case .chunk(let octets, isLast: true):
      let whole = (chunks ?? []) + octets
      return faults(of: [0x0D, 0x0A] + whole, mends: false).isEmpty ? (message, whole) : nil
    default: return nil
    }
  }

  private func codes(for unit: Unit) -> Set<Int> {
    switch unit {
    case .line(let meaning): return codes(for: meaning)
    case .tooLong: return [500]
    case .response(let text): return codes(forResponse: text)
    case .chunkTooBig: return [552]
    case .content(let raw):
      let reasons = Set(refusal).union(faults(of: raw))
      return reasons.isEmpty ? Set([outcome].compactMap(\.self)) : reasons
    case .chunk(let octets, let isLast):
      if !refusal.isEmpty { return Set(refusal) }
      if chunks == nil {
        let reasons = reasonsAgainstContent
        if !reasons.isEmpty { return reasons }
      }
      let whole = (chunks ?? []) + octets
      let bad = faults(of: [0x0D, 0x0A] + (isLast || whole.last != 0x0D ? whole : whole.dropLast()), mends: false)
      if !bad.isEmpty { return bad }
      return isLast ? Set([outcome].compactMap(\.self)) : [250]
    }
  }

  private func codes(for meaning: DialogueWords.Meaning) -> Set<Int> {
    var reasons: Set<Int> = []
    func unless(_ isGood: Bool, _ code: Int) { if !isGood { reasons.insert(code) } }
    switch meaning {
    case .wrong(let codes): return Set(codes)
    case .greeting, .rset: return [250]
    case .idle(let code): return [code]
    case .quit: return [221]
    case .foreign: return [500]
    case .unreadableChunk: return [501]
    case .chunk: return []
    case .startTLS:
      unless(!isTLS, 503)
      unless(policy.offersTLS, 502)
      unless(message == nil, 503)
      return reasons.isEmpty ? [220] : reasons
    case .mail(_, let size, _):
      unless(isGreeted && message == nil, 503)
      unless(isTLS || rights.mayOmitTLS, 530)
      unless(isLoggedIn || rights.mayOmitLogin, 530)
      unless(size ?? 0 <= policy.messageOctetsMax, 552)
      unless(intake.refusal == nil && size ?? 0 <= intake.octetsMax, 452)
      return reasons.isEmpty ? [250] : reasons
    case .recipient(let address, let needsUTF8):
      unless(message != nil && chunks == nil, 503)
      unless(!needsUTF8 || message?.isUTF8 == true, 553)
      unless(message.map { $0.recipients.count < policy.recipientsMax } ?? true, 452)
      unless(rights.recipients.isEmpty || address.hasSuffix("@b.example"), 550)
      return reasons.isEmpty ? [250] : reasons
    case .data:
      reasons = reasonsAgainstContent
      unless(chunks == nil, 503)
      return reasons.isEmpty ? [354] : reasons
    case .login(let mechanism, let response):
      unless(isGreeted && !isLoggedIn && message == nil, 503)
      unless(isTLS, 538)
      unless(DialogueWords.rightLogins.contains { $0[0] == mechanism }, 504)
      guard reasons.isEmpty else { return reasons }
      guard let response else { return [334] }
      return codes(forLogin: [mechanism, response == "=" ? "" : response])
    }
  }

  private func codes(forResponse text: String) -> Set<Int> {
    guard case .login(let said) = mode else { return [] }
    return codes(forLogin: said + [text])
  }

  private func codes(forLogin said: [String]) -> Set<Int> {
    if said.last == "*" { return [501] }
    let isThere = DialogueWords.rightLogins.contains(said)
    let isOnTheWay = DialogueWords.rightLogins.contains { $0.starts(with: said) && $0 != said }
    // The last word of SCRAM is ours, and the client's answer to it is empty.
    let isProved = said.count == 3 && said[0] == "SCRAM-SHA-256" && isOnTheWay
    switch verdict {
    case .accepted: return isProved ? [334] : isThere ? [235] : []
    case .rejected: return [535]
    case .throttled, .unavailable: return [454]
    case .crowded: return [421]
    case nil:
      if isThere { return said.count == 4 ? [235] : [] }
      return isProved ? [] : isOnTheWay ? [334] : said[0] == "LOGIN" && said.count == 2 ? [334, 501] : [501, 535]
    }
  }

  private var reasonsAgainstContent: Set<Int> {
    guard let message, !message.recipients.isEmpty else { return [503] }
    return intake.refusal == nil && message.size ?? 0 <= intake.octetsMax ? [] : [452]
  }

  private func isTooBig(_ octets: UInt64) -> Bool {
    if chunks == nil, !reasonsAgainstContent.isEmpty { return octets > policy.messageOctetsMax }
    guard refusal.isEmpty else { return false }
    return octets > policy.messageOctetsMax || UInt64(chunks?.count ?? 0) + octets > policy.messageOctetsMax
  }

  // MARK: what follows

  private mutating func follow(_ unit: Unit, _ code: Int) {
    switch unit {
    case .line(let meaning): follow(meaning, code)
    case .tooLong(let isChunk): mode = isChunk ? .closed : .command
    case .response(let text):
      guard case .login(let said) = mode else { return }
      followLogin(said + [text], code)
      if code == 501 { idle += 1 }
      return
    case .content:
      endMessage()
      idle = 0
      return
    case .chunk(let octets, let isLast):
      mode = .command
      let isBegun = message != nil
      if isBegun { chunks = (chunks ?? []) + (code == 250 ? octets : []) }
      if isBegun, code >= 400, refusal.isEmpty { refusal = [code] }
      if isLast { endMessage() }
    case .chunkTooBig(let octets, let isLast):
      let isRefusedAnyway = chunks == nil && !reasonsAgainstContent.isEmpty
      if isRefusedAnyway || octets / 16 > policy.messageOctetsMax {
        mode = .closed
      } else {
        (chunks, refusal) = (chunks ?? [], [code])
        mode = .void(octets, endsMessage: isLast)
      }
    }
    // Whether a command counts as idle is not looked at: what matters is that good clients never come near the bound.
    idle += 1
  }

  private mutating func follow(_ meaning: DialogueWords.Meaning, _ code: Int) {
    switch (meaning, code) {
    case (.unreadableChunk, _), (.quit, _), (.foreign, _): mode = .closed
    case (.greeting, 250):
      isGreeted = true
      endMessage()
    case (.rset, 250): endMessage()
    case (.mail(let sender, let size, let isUTF8), 250):
      message = Message(sender: sender, size: size, isUTF8: isUTF8)
    case (.recipient(let address, _), 250):
      if message?.recipients.contains(address) == false { message!.recipients.append(address) }
    case (.data, 354):
      mode = .content
      searched = 0
    case (.data, _): isUninvited = hasMore
    case (.login(let mechanism, let response), 200..<400), (.login(let mechanism, let response), 535),
      (.login(let mechanism, let response), 454), (.login(let mechanism, let response), 421):
      followLogin([mechanism] + (response.map { [$0 == "=" ? "" : $0] } ?? []), code)
    default: break
    }
  }

  private mutating func followLogin(_ said: [String], _ code: Int) {
    mode = code == 334 ? .login(said) : code == 421 ? .closed : .command
    if code == 235 { (isLoggedIn, idle) = (true, 0) }
    if code == 535 || verdict == .throttled { failures += 1 }
    verdict = nil
  }

  private mutating func endMessage() {
    (message, chunks, refusal, outcome) = (nil, nil, [], nil)
    mode = .command
  }

  /// The disk did not take what came so far.
  mutating func storageFailed(_ code: Int) { refusal = [code] }

  // MARK: content

  /// Behind the line end in front of it, up to and with the one before the dot.
  private func plain(_ raw: [UInt8]) -> [UInt8] {
    var content: [UInt8] = []
    content.reserveCapacity(raw.count)
    for index in 2..<raw.count {
      if raw[index] == 0x2E, raw[index - 1] == 0x0A, raw[index - 2] == 0x0D { continue }
      if rights.mayEndLinesInLF, raw[index] == 0x0A, raw[index - 1] != 0x0D { content.append(0x0D) }
      content.append(raw[index])
    }
    return content
  }

  private func faults(of raw: [UInt8], mends: Bool? = nil) -> Set<Int> {
    let mends = mends ?? rights.mayEndLinesInLF
    var reasons: Set<Int> = []
    for index in 2..<max(2, raw.count) {
      let (octet, last) = (raw[index], raw[index - 1])
      if octet == 0 || last == 0x0D && octet != 0x0A || octet == 0x0A && last != 0x0D && !mends { reasons.insert(550) }
    }
    if raw.last == 0x0D { reasons.insert(550) }
    if mends ? UInt64(plain(raw).count) > policy.messageOctetsMax : UInt64(raw.count) > policy.messageOctetsMax + 2 {
      // Dots that go may make the difference.
      if UInt64(plain(raw).count) > policy.messageOctetsMax { reasons.insert(552) }
    }
    return reasons
  }
}
