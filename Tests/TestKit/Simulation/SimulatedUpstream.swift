// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// One connection to a relayhost: a server of its own with moods that the seed decides, at each command. It shares no
/// code with what is tested, so that both cannot be wrong in the same way.
final class SimulatedUpstream {
  let link: SimulatedLink
  let server: SimulatedServer
  let fleet: SimulatedFleet
  /// The settings under which it was opened.
  let generation: Int
  private let openedAt: Int
  private var input = ByteBuffer()
  private var isGreeted = false
  private var hasSaidQuit = false
  private var isClosed = false
  private var transactions = 0
  private var transaction: SimulatedTransaction?
  /// What follows when so many octets have arrived at the gateway.
  private var arrivals: [(end: Int, body: Arrival)] = []
  /// A chunk that is arriving, and is refused if there is nothing that it could belong to.
  private var chunk: (left: Int, isLast: Bool, isRefused: Bool)?
  /// Chunks that it refused outside a transaction: the question whether it discards them.
  private var refusedChunks = 0
  /// Content of which a part was refused: the rest is too.
  private var refusesContent = false
  /// Octets of a chunk that it has refused are taken for commands.
  private var isObeying = false
  private var hasAskedForLogin = false
  private(set) var flights = 0

  enum Mood: Equatable {
    case takes, hangsUp, takesAndHangsUp, isBusy
    case says(SimulatedReply)
  }

  enum Stage {
    case greeting, mail, recipient, data, end
  }

  private enum Arrival {
    case greeted, proven, offended
    case trouble
    /// Recipients for whom this was no attempt.
    case untried(Int, [Int])
    /// The reply to what it took.
    case taken(Int, [Int], allowance: Int)
    /// The same, of a notification.
    case tookNotification(allowance: Int)
    case wentWell
  }

  init(link: SimulatedLink, _ server: SimulatedServer, _ fleet: SimulatedFleet) {
    self.link = link
    self.server = server
    self.fleet = fleet
    generation = fleet.generation
    openedAt = fleet.time.turn
  }

  func run(_ oracle: inout Oracle, mood: (Stage) -> Mood) {
    noteReplies(&oracle)
    guard link.channel.isActive, !link.isEnding else { return }
    var output = ByteBuffer()
    if !isGreeted {
      isGreeted = true
      if mood(.greeting) == .isBusy {
        isBusy(&output)
      } else {
        say("220 \(server.name).sim ESMTP", &output)
      }
    }
    var said = link.pull()
    input.writeBuffer(&said)
    while !link.isEnding {
      if chunk != nil {
        guard readChunk(&oracle, mood, &output) else { break }
      } else {
        guard let line = readLine() else { break }
        if transaction?.isInData == true {
          readContent(line, &oracle, mood, &output)
        } else {
          obey(line, &oracle, mood, &output)
        }
      }
    }
    link.write(output)
  }

  // MARK: - What arrives at the gateway

  /// Replies that have arrived, and, once the connection is gone, those that never will.
  func noteReplies(_ oracle: inout Oracle) {
    while let first = arrivals.first, first.end <= link.arrived {
      arrivals.removeFirst()
      arrived(first.body, &oracle)
    }
    guard !link.channel.isActive, !isClosed else { return }
    isClosed = true
    for arrival in arrivals { isLost(arrival.body, &oracle) }
    arrivals = []
    noteUnread(&oracle)
    if !hasSaidQuit { server.trouble() }
  }

  private func arrived(_ body: Arrival, _ oracle: inout Oracle) {
    switch body {
    case .greeted: server.greetedGenerations.insert(generation)
    case .proven: server.provenGenerations.insert(generation)
    case .offended:
      if server.offended[generation] == nil { server.offended[generation] = fleet.time.turn }
    case .trouble: server.trouble()
    case .untried(let number, let indexes): oracle.wasNoAttempt(number, indexes)
    case .taken(let number, let indexes, let allowance):
      oracle.replyEnded(number, indexes, hasArrived: true)
      server.allowance.noted(allowance, fleet.time.now)
    case .tookNotification(let allowance): server.allowance.noted(allowance, fleet.time.now)
    case .wentWell:
      // What is on its way may say otherwise.
      let isTroubled = arrivals.contains { if case .trouble = $0.body { true } else { false } }
      if generation == fleet.generation, !isTroubled { server.wentWell(openedAt: openedAt) }
    }
  }

  private func isLost(_ body: Arrival, _ oracle: inout Oracle) {
    switch body {
    case .taken(let number, let indexes, let allowance):
      oracle.replyEnded(number, indexes, hasArrived: false)
      server.allowance.noted(allowance, fleet.time.now)
    case .tookNotification(let allowance): server.allowance.noted(allowance, fleet.time.now)
    default: break
    }
  }

  /// What was sent in one flight and never read was an attempt all the same, and a goodbye is one.
  private func noteUnread(_ oracle: inout Oracle) {
    if let number = transaction?.number { oracle.tries(number, nil) }
    var said = link.pull()
    input.writeBuffer(&said)
    while let line = readLine() {
      let text = String(decoding: line, as: UTF8.self)
      if text == "QUIT" { hasSaidQuit = true }
      if text.hasPrefix("MAIL FROM:"), let number = oracle.number(from: Self.path(in: text)) {
        oracle.tries(number, nil)
      }
    }
  }

  private func whenArrived(_ body: Arrival, _ output: ByteBuffer) {
    arrivals.append((link.written + output.readableBytes, body))
  }

  // MARK: - Commands

  private func obey(_ line: [UInt8], _ oracle: inout Oracle, _ mood: (Stage) -> Mood, _ output: inout ByteBuffer) {
    let text = String(decoding: line, as: UTF8.self)
    oracle.trace.note(.upstream, 9, generation, text: "\(server.name) hears \(text.prefix(60))")
    switch text.prefix(4).uppercased() {
    case "EHLO":
      let extensions = (server.isPipelining ? ["PIPELINING"] : []) + (server.isChunking ? ["CHUNKING"] : [])
      say("250-\(server.name).sim", &output)
      for name in extensions { say("250-\(name)", &output) }
      say("250-8BITMIME\r\n250 ENHANCEDSTATUSCODES", &output)
      whenArrived(.greeted, output)
    case "MAIL": begin(Self.path(in: text), &oracle, mood, &output)
    case "RCPT": name(Self.path(in: text), &oracle, mood, &output)
    case "DATA":
      guard transaction?.accepted.isEmpty == false else { return say("503 5.5.1 no recipient", &output) }
      switch mood(.data) {
      case .hangsUp, .takesAndHangsUp: link.isEnding = true
      case .says(let reply) where !reply.isTrouble: refuseContent(reply, &oracle, &output)
      default:
        transaction?.isInData = true
        say("354 go on", &output)
      }
    case "BDAT": beginChunk(text, &oracle, mood, &output)
    case "RSET":
      if transaction?.hasTrouble == true { server.trouble() }
      transaction = nil
      refusesContent = false
      say("250 2.0.0 forgotten", &output)
    case "QUIT":
      hasSaidQuit = true
      say("221 2.0.0 bye", &output)
      link.isEnding = true
    case "NOOP": say("250 2.0.0 here", &output)
    default:
      say("500 5.5.2 what", &output)
      // Unless the gateway has ended the connection before it could see that.
      if isObeying, !hasAskedForLogin { whenArrived(.offended, output) }
      isObeying = false
    }
  }

  private func begin(
    _ sender: String, _ oracle: inout Oracle, _ mood: (Stage) -> Mood, _ output: inout ByteBuffer
  ) {
    transactions += 1
    let limit = fleet.setup(of: generation)[server.name]?.perConnection ?? 0
    if limit > 0, transactions > limit {
      oracle.blame("\(transactions) messages went over one connection to \(server.name), and \(limit) may")
    }
    if generation == fleet.generation,
      let complaint = server.allowance.begins(fleet.time.now, previous: fleet.time.previous)
    {
      oracle.blame("of \(server.name): \(complaint)")
    }
    refusesContent = false
    let number = oracle.number(from: sender)
    var begun = SimulatedTransaction(sender: sender, number: number, turn: fleet.time.turn)
    begun.unavoidable = fleet.unavoidable(generation)
    let mood = sender.isEmpty ? Mood.takes : mood(.mail)
    switch mood {
    case .takes, .takesAndHangsUp: say("250 2.1.0 sender ok", &output)
    case .says(let reply):
      begun.isRefused = true
      if let number {
        if reply.isFinal { oracle.bounced(number, nil) } else { oracle.deferred(number, []) }
        if !reply.isTrouble { oracle.tries(number, nil) }
      }
      refuse(reply, &output)
    case .isBusy: isBusy(&output)
    case .hangsUp: link.isEnding = true
    }
    begun.mailEnd = link.written + output.readableBytes
    transaction = begun
  }

  private func name(
    _ address: String, _ oracle: inout Oracle, _ mood: (Stage) -> Mood, _ output: inout ByteBuffer
  ) {
    guard let current = transaction, !current.isRefused else { return say("503 5.5.1 no sender", &output) }
    let facts = current.number.map { oracle.messages[$0].mail } ?? MailFacts()
    if let objection = fleet.objection(
      to: server.name, generation: generation, facts, address, unavoidable: current.unavoidable)
    {
      oracle.blame(objection)
    }
    guard let number = current.number, let index = oracle.messages[number].index(of: address) else {
      transaction?.accepted.append(address)
      return say("250 2.1.5 recipient ok", &output)
    }
    oracle.tries(number, index)
    switch mood(.recipient) {
    case .takes, .takesAndHangsUp:
      transaction?.accepted.append(address)
      say("250 2.1.5 recipient ok", &output)
    case .says(let reply):
      if reply.isFinal { oracle.bounced(number, [index]) } else { oracle.deferred(number, [index]) }
      refuse(reply, &output)
      if reply == .full { transaction?.full.append(index) }
      if reply.isTrouble, reply != .login { whenArrived(.untried(number, [index]), output) }
      if reply.isTrouble { transaction?.hasTrouble = true }
    case .isBusy: isBusy(&output)
    case .hangsUp: link.isEnding = true
    }
  }

  private func refuse(_ reply: SimulatedReply, _ output: inout ByteBuffer) {
    say(reply.text, &output)
    if reply == .login { hasAskedForLogin = true }
    guard reply.isTrouble else { return }
    server.trouble()
    whenArrived(.trouble, output)
  }

  private func isBusy(_ output: inout ByteBuffer) {
    server.trouble()
    say("421 4.3.2 busy", &output)
    link.isEnding = true
  }

  // MARK: - Content

  private func readContent(
    _ line: [UInt8], _ oracle: inout Oracle, _ mood: (Stage) -> Mood, _ output: inout ByteBuffer
  ) {
    guard line == [UInt8(ascii: ".")] else {
      transaction!.content += line.first == UInt8(ascii: ".") ? line.dropFirst() : line[...]
      transaction!.content += [13, 10]
      return
    }
    take(&oracle, mood, &output)
  }

  /// `BDAT`: behind the line come so many octets.
  private func beginChunk(
    _ text: String, _ oracle: inout Oracle, _ mood: (Stage) -> Mood, _ output: inout ByteBuffer
  ) {
    let words = text.split(separator: " ")
    let octets = words.count > 1 ? Int(words[1]) ?? 0 : 0
    let isLast = words.last?.uppercased() == "LAST"
    if let current = transaction { noteFlight(current, &oracle) }
    let isWelcome = transaction?.accepted.isEmpty == false && !refusesContent
    if isWelcome, transaction?.content.isEmpty == true, [.hangsUp, .takesAndHangsUp].contains(mood(.data)) {
      link.isEnding = true
      return
    }
    let obeys = server.discarding == .never || (server.discarding == .outside && transaction != nil)
    if isWelcome || !obeys {
      chunk = (octets, isLast, !isWelcome)
      return
    }
    // Whatever follows are commands.
    say("503 5.5.1 no recipient", &output)
    isObeying = octets > 0 && transaction != nil
  }

  /// Chunks are only for those who have shown that they discard what they refuse.
  private func noteFlight(_ current: SimulatedTransaction, _ oracle: inout Oracle) {
    if !server.isChunking || !server.isPipelining || !server.provenGenerations.contains(generation) {
      oracle.blame("\(server.name) got a chunk, and has not shown that it discards what it refuses")
    }
    if let turn = server.offended[generation], current.turn > turn + 1 {
      oracle.blame("\(server.name) got a chunk, and does not discard what it refuses")
    }
    if current.content.isEmpty, link.arrived < current.mailEnd { flights += 1 }
  }

  /// False: some of it has not come yet.
  private func readChunk(
    _ oracle: inout Oracle, _ mood: (Stage) -> Mood, _ output: inout ByteBuffer
  ) -> Bool {
    guard var current = chunk else { return false }
    let octets = input.readBytes(length: min(current.left, input.readableBytes)) ?? []
    current.left -= octets.count
    if !current.isRefused { transaction!.content += octets }
    chunk = current.left > 0 ? current : nil
    guard current.left == 0 else { return false }
    if input.readableBytes == 0 { input.clear() }
    if current.isRefused {
      say("503 5.5.1 no recipient", &output)
      if transaction == nil {
        refusedChunks += 1
        if refusedChunks == 2 { whenArrived(.proven, output) }
      }
    } else if current.isLast {
      take(&oracle, mood, &output)
    } else if case .says(let reply) = mood(.data), !reply.isTrouble {
      refusesContent = true
      refuseContent(reply, &oracle, &output)
    } else {
      say("250 2.0.0 chunk ok", &output)
    }
    return true
  }

  /// All of a message is refused before its end.
  private func refuseContent(_ reply: SimulatedReply, _ oracle: inout Oracle, _ output: inout ByteBuffer) {
    if let number = transaction?.number {
      let indexes = transaction!.accepted.compactMap { oracle.messages[number].index(of: $0) }
      if reply.isFinal { oracle.bounced(number, indexes) } else { oracle.deferred(number, indexes) }
    }
    transaction?.accepted = []
    refuse(reply, &output)
  }

  private func take(_ oracle: inout Oracle, _ mood: (Stage) -> Mood, _ output: inout ByteBuffer) {
    guard let current = transaction.take() else { return }
    oracle.left(through: server.name)
    let mood = mood(.end)
    if current.hasTrouble { server.trouble() }
    defer { if current.hasTrouble { whenArrived(.trouble, output) } }
    if current.sender.isEmpty { return takeNotification(current, &oracle, mood, &output) }
    let recognised = oracle.recognise(sender: current.sender, recipients: current.accepted, current.content)
    guard let (number, indexes) = recognised else { return }
    switch mood {
    case .takes:
      oracle.delivered(number, indexes)
      say("250 2.0.0 ok: queued as UPSTREAM", &output)
      whenArrived(.taken(number, indexes, allowance: allow(indexes.count, &oracle)), output)
      if !current.full.isEmpty { whenArrived(.untried(number, current.full), output) }
      if !current.hasTrouble { whenArrived(.wentWell, output) }
    case .takesAndHangsUp:
      oracle.delivered(number, indexes)
      arrivals.append((.max, .taken(number, indexes, allowance: allow(indexes.count, &oracle))))
      link.isEnding = true
    case .says(let reply):
      if reply.isFinal { oracle.bounced(number, indexes) } else { oracle.deferred(number, indexes) }
      refuse(reply, &output)
      if reply.isTrouble { whenArrived(.untried(number, indexes), output) }
      if reply == .login { link.isEnding = true }
    case .hangsUp: link.isEnding = true
    case .isBusy:
      oracle.deferred(number, indexes)
      isBusy(&output)
    }
  }

  private func takeNotification(
    _ current: SimulatedTransaction, _ oracle: inout Oracle, _ mood: Mood, _ output: inout ByteBuffer
  ) {
    let lines = String(decoding: current.content, as: UTF8.self).split(separator: "\r\n")
    func values(_ name: String) -> [String] {
      lines.filter { $0.hasPrefix(name) }.map { String($0.dropFirst(name.count)) }
    }
    let isFailure = values("Subject: ").first?.hasPrefix("Undelivered") == true
    oracle.notified(
      current.accepted.first ?? "", about: values("Final-Recipient: rfc822; "), values("Message-ID: ").first,
      isFailure: isFailure)
    switch mood {
    case .takes:
      say("250 2.0.0 ok", &output)
      whenArrived(.tookNotification(allowance: allow(1, &oracle)), output)
      whenArrived(.wentWell, output)
    case .takesAndHangsUp, .hangsUp: link.isEnding = true
    case .says(let reply):
      refuse(reply, &output)
      if reply == .login { link.isEnding = true }
    case .isBusy: isBusy(&output)
    }
  }

  /// Counts what it has taken.
  private func allow(_ recipients: Int, _ oracle: inout Oracle) -> Int {
    let (id, complaint) = server.allowance.takes(
      recipients: recipients, generation: generation, isCurrent: generation == fleet.generation, fleet.time.now)
    if let complaint { oracle.blame("of \(server.name): \(complaint)") }
    return id
  }

  // MARK: - Lines

  private func say(_ text: String, _ output: inout ByteBuffer) {
    output.writeString(text)
    output.writeStaticString("\r\n")
  }

  private func readLine() -> [UInt8]? {
    guard let end = input.readableBytesView.firstIndex(of: 10) else { return nil }
    var line = input.readBytes(length: end - input.readerIndex + 1)!.dropLast()
    if line.last == 13 { line.removeLast() }
    if input.readableBytes == 0 { input.clear() }
    return Array(line)
  }

  /// What stands between the brackets.
  private static func path(in text: String) -> String {
    guard let start = text.firstIndex(of: "<"), let end = text.firstIndex(of: ">"), start < end else { return "" }
    return String(text[text.index(after: start)..<end])
  }
}

/// A message that an upstream is being given.
struct SimulatedTransaction {
  let sender: String
  /// nil: a notification.
  let number: Int?
  /// When it began.
  let turn: Int
  var isRefused = false
  /// Upstreams that it must not have passed by.
  var unavoidable: Set<String> = []
  var accepted: [String] = []
  /// Recipients that were one too many.
  var full: [Int] = []
  /// Something was said about our account.
  var hasTrouble = false
  /// What the gateway must have read to know of the reply to MAIL.
  var mailEnd = 0
  var isInData = false
  var content: [UInt8] = []

  init(sender: String, number: Int?, turn: Int) {
    self.sender = sender
    self.number = number
    self.turn = turn
  }
}
