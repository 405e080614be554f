// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import Synchronization
import TLS

/// An upstream that behaves, or does what a script says: one connection of it, in memory or on a socket. It shares no code
/// with the sessions of the gateway, so that both cannot be wrong in the same way.
package final class ScriptedUpstream: ChannelInboundHandler {
  package typealias InboundIn = ByteBuffer
  package typealias OutboundOut = ByteBuffer
  package typealias Record = Mutex<UpstreamRecord>

  private enum Reading {
    case command
    case authAnswer
    case content
    /// So many octets of a chunk, which belongs to a transaction or is thrown away.
    case chunk(left: Int, isLast: Bool, isWanted: Bool)
  }

  private let script: UpstreamScript
  private let tls: TLSContext?
  private let record: Box
  private var context: ChannelHandlerContext?
  private var input = ByteBuffer()
  private var reading = Reading.command
  private var isActing = false
  private var isTLS = false
  private var transactions = 0
  private var sender: String?
  private var recipients = 0
  private var accepted = 0
  /// Of the message that is arriving.
  private var content: [UInt8] = []
  private var bodyStages: Set<UpstreamScript.Stage> = []
  /// The end is a reset: who carries octets in memory has to tell the other side.
  package private(set) var isReset = false

  /// Shared by the connections of one upstream.
  package final class Box: Sendable {
    package let value = Mutex(UpstreamRecord())
    package init() {}
  }

  package init(_ script: UpstreamScript, tls: TLSContext?, record: Box) {
    self.script = script
    self.tls = tls
    self.record = record
  }

  // MARK: events

  package func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive { greet() }
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  package func channelActive(context: ChannelHandlerContext) {
    greet()
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var octets = unwrapInboundIn(data)
    input.writeBuffer(&octets)
    goOn()
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case TLSEvent.handshakeCompleted = event else { return context.fireUserInboundEventTriggered(event) }
    isTLS = true
    note { $0.handshakes += 1 }
  }

  package func channelInactive(context: ChannelHandlerContext) {
    self.context = nil
  }

  /// A client that does not trust us, or hangs up on what we do, is none of our business.
  package func errorCaught(context: ChannelHandlerContext, error: any Error) {}

  private func greet() {
    note { $0.connections += 1 }
    act(.greeting, or: "220 upstream.test ESMTP")
  }

  private func note(_ change: (inout UpstreamRecord) -> Void) {
    record.value.withLock { change(&$0) }
  }

  // MARK: reading

  private func goOn() {
    while !isActing, context != nil {
      switch reading {
      case .command, .authAnswer:
        guard let line = readLine() else { return }
        note { $0.lines.append(line) }
        if case .command = reading { obey(line) } else { act(.authStep, or: "235 2.7.0 ok") { $0.reading = .command } }
      case .content:
        guard readContent() else { return }
      case .chunk(let left, let isLast, let isWanted):
        guard readChunk(left, isLast, isWanted) else { return }
      }
    }
  }

  private func readLine() -> String? {
    guard let end = input.readableBytesView.firstIndex(of: 10) else { return nil }
    var line = input.readString(length: end - input.readerIndex + 1)!
    // CRLF is one Character.
    line.removeLast()
    return line
  }

  /// Up to the dot; false: more is needed.
  private func readContent() -> Bool {
    while let end = input.readableBytesView.firstIndex(of: 10) {
      let line = input.readBytes(length: end - input.readerIndex + 1)!
      if line == [46, 13, 10] {
        reading = .command
        take()
        return true
      }
      content += line.first == 46 ? line.dropFirst() : line[...]
      if reachesBodyStage() { return true }
    }
    return false
  }

  private func readChunk(_ left: Int, _ isLast: Bool, _ isWanted: Bool) -> Bool {
    let piece = input.readBytes(length: min(left, input.readableBytes)) ?? []
    let rest = left - piece.count
    reading = .chunk(left: rest, isLast: isLast, isWanted: isWanted)
    if isWanted {
      content += piece
      if reachesBodyStage() { return true }
    }
    guard rest == 0 else { return false }
    reading = .command
    if !isWanted {
      refuseChunk()
    } else if isLast {
      take()
    } else {
      act(.chunk, or: "250 2.0.0 \(content.count) octets")
    }
    return true
  }

  private func refuseChunk() {
    act(transactions == 0 ? .probe : .end, or: "503 5.5.1 no recipients")
  }

  /// The script has something for this point, and has not done it.
  private func reachesBodyStage() -> Bool {
    for (stage, point) in [(UpstreamScript.Stage.bodyBegins, 1), (.bodyHalf, script.contentOctets / 2)] {
      guard content.count >= point, isScripted, script.acts[stage] != nil, bodyStages.insert(stage).inserted else {
        continue
      }
      act(stage, or: nil)
      return true
    }
    return false
  }

  private func take() {
    let taken = content
    forget()
    act(.end, or: "250 2.0.0 taken") { upstream in
      if upstream.said?.hasPrefix("2") == true { upstream.note { $0.taken.append(taken) } }
    }
  }

  private func forget() {
    (sender, recipients, accepted, content) = (nil, 0, 0, [])
  }

  private func obey(_ line: String) {
    let words = line.split(separator: " ")
    switch words.first?.uppercased() {
    case "EHLO": act(isTLS ? .secondEHLO : .ehlo, or: ehlo)
    case "STARTTLS": startTLS()
    case "AUTH" where words.count > 2: act(.auth, or: "235 2.7.0 ok")
    case "AUTH":
      act(.auth, or: "334 ") { $0.reading = .authAnswer }
    case "MAIL":
      transactions += 1
      forget()
      act(.mail, or: "250 2.1.0 ok") { if $0.said?.first == "2" { $0.sender = line } }
    case "RCPT":
      recipients += 1
      let stage: UpstreamScript.Stage = recipients == 1 ? .firstRecipient : .lastRecipient
      act(sender == nil ? nil : stage, or: sender == nil ? "503 5.5.1 no sender" : "250 2.1.5 ok") { upstream in
        if upstream.said?.first == "2" { upstream.accepted += 1 }
      }
    case "DATA":
      let isWanted = sender != nil && accepted > 0
      act(.data, or: isWanted ? "354 go on" : "503 5.5.1 no recipients") { upstream in
        if upstream.said?.hasPrefix("354") == true { upstream.reading = .content }
      }
    case "BDAT": beginChunk(words.dropFirst().map(String.init))
    case "RSET":
      forget()
      act(.reset, or: "250 2.0.0 forgotten")
    case "QUIT":
      act(.quit, or: "221 2.0.0 bye") { $0.context?.close(promise: nil) }
    case "NOOP": act(nil, or: "250 2.0.0 here")
    default: act(nil, or: "500 5.5.2 what")
    }
  }

  private func beginChunk(_ words: [String]) {
    let octets = words.first.flatMap { Int($0) } ?? 0
    let isWanted = sender != nil && accepted > 0
    let isLast = words.count > 1
    if !isWanted, script.obeysRefusedChunks {
      refuseChunk()
    } else {
      reading = .chunk(left: octets, isLast: isLast, isWanted: isWanted)
    }
  }

  private var ehlo: String {
    var lines = ["upstream.test"] + script.offers
    if script.offersTLS, !isTLS { lines.append("STARTTLS") }
    if isTLS || !script.offersTLS, !script.mechanisms.isEmpty {
      lines.append("AUTH \(script.mechanisms.joined(separator: " "))")
    }
    return lines.enumerated().map { "250\($0 == lines.count - 1 ? " " : "-")\($1)" }.joined(separator: "\r\n")
  }

  private func startTLS() {
    act(.startTLS, or: "220 2.0.0 go on") { upstream in
      guard upstream.said?.hasPrefix("220") == true, let tls = upstream.tls, let context = upstream.context else {
        return
      }
      try? context.pipeline.syncOperations.addHandler(TLSHandler(context: tls, side: .server), position: .first)
    }
  }

  // MARK: acting

  /// The script's acts apply.
  private var isScripted: Bool { transactions == 0 || transactions == script.transaction }
  /// The last reply that was said at this stage.
  private var said: String?

  private func act(_ stage: UpstreamScript.Stage?, or reply: String?, then: ((ScriptedUpstream) -> Void)? = nil) {
    let scripted = isScripted ? stage.flatMap { script.acts[$0] } : nil
    said = nil
    isActing = true
    perform(ArraySlice(scripted ?? reply.map { [.say($0)] } ?? []), then)
  }

  private func perform(_ acts: ArraySlice<UpstreamScript.Act>, _ then: ((ScriptedUpstream) -> Void)?) {
    guard let act = acts.first else {
      isActing = false
      then?(self)
      return goOn()
    }
    guard let context else { return }
    let rest = acts.dropFirst()
    switch act {
    case .say(let text):
      said = text
      write(Array("\(text)\r\n".utf8), context)
    case .octets(let octets):
      said = (said ?? "") + String(decoding: octets, as: UTF8.self)
      write(octets, context)
    case .flood(let line, let times):
      write(Array(String(repeating: "\(line)\r\n", count: times).utf8), context)
    case .longLine(let octets): write([UInt8](repeating: 0x32, count: octets), context)
    case .drip(let text, let seconds):
      let drops = "\(text)\r\n".utf8.flatMap { [.wait(milliseconds: seconds * 1000), UpstreamScript.Act.octets([$0])] }
      return perform(drops + rest, then)
    case .wait(let milliseconds):
      let bound = NIOLoopBound((self, then), eventLoop: context.eventLoop)
      context.eventLoop.scheduleTask(in: .milliseconds(milliseconds)) { bound.value.0.perform(rest, bound.value.1) }
      return
    case .hangUp: context.close(promise: nil)
    case .reset:
      isReset = true
      (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        .assumeIsolated().whenComplete { _ in self.beneath(context).close(promise: nil) }
      if !(context.channel is any SocketOptionProvider) { beneath(context).close(promise: nil) }
    case .truncate: beneath(context).close(promise: nil)
    case .underTLS(let octets): beneath(context).writeAndFlush(NIOAny(ByteBuffer(bytes: octets)), promise: nil)
    }
    perform(rest, then)
  }

  private func write(_ octets: [UInt8], _ context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: octets)), promise: nil)
  }

  /// From here writes and closes go past TLS, if there is any.
  private func beneath(_ context: ChannelHandlerContext) -> ChannelHandlerContext {
    (try? context.pipeline.syncOperations.context(handlerType: TLSHandler.self)) ?? context
  }
}
