// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOEmbedded
import SMTP

/// Lets a peer's octets through only when the session under test asked for input, as TCP does.
final class ReadGate: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer

  private(set) var isOpen = false

  func read(context: ChannelHandlerContext) {
    isOpen = true
    context.read()
  }

  func close() {
    isOpen = false
  }
}

/// A connection between a simulated peer and a real handler: octets on their way in both directions.
final class SimulatedLink {
  let channel: EmbeddedChannel
  private let gate: ReadGate?
  /// From the peer to the handler.
  var inbound = ByteBuffer()
  /// The peer hangs up when its octets have arrived.
  var isEnding = false

  init(channel: EmbeddedChannel, gate: ReadGate?) {
    self.channel = channel
    self.gate = gate
  }

  /// Moves at most `octets` towards the handler.
  func push(_ octets: Int) {
    guard channel.isActive else { return }
    guard inbound.readableBytes > 0 else {
      if isEnding { hangUp() }
      return
    }
    guard gate?.isOpen != false, let piece = inbound.readSlice(length: min(octets, inbound.readableBytes)) else {
      return
    }
    gate?.close()
    _ = try? channel.writeInbound(piece)
  }

  /// What the handler said.
  func pull() -> ByteBuffer {
    var said = ByteBuffer()
    while var piece = try? channel.readOutbound(as: ByteBuffer.self) { said.writeBuffer(&piece) }
    return said
  }

  func hangUp() {
    guard channel.isActive else { return }
    channel.close(promise: nil)
    channel.embeddedEventLoop.run()
  }
}

/// A LAN client: one message for each session, sent with our own `ClientSession`.
final class SimulatedClient {
  let link: SimulatedLink
  private var session = ClientSession(policy: ClientPolicy(hostname: "client.sim", security: .none, login: nil))
  private var input = ByteBuffer()
  private let content: String
  private let sender: String
  private(set) var number: Int?
  private(set) var isDone = false

  init(link: SimulatedLink, sender: String, content: String) {
    self.link = link
    self.sender = sender
    self.content = content
  }

  func run(_ oracle: inout Oracle) {
    guard !isDone else { return }
    var said = link.pull()
    input.writeBuffer(&said)
    var output = ByteBuffer()
    loop: while !isDone {
      let action = session.received(&input, into: &output)
      switch action {
      case .wait: break loop
      case .ready:
        let envelope = Envelope(sender: Address(sender), recipients: [Address("b@upstream.sim")!])
        let message = ClientTransaction(envelope: envelope, octets: UInt64(content.utf8.count), isEightBit: false)
        _ = session.deliver(message, into: &output)
      case .sendContent:
        number = oracle.intend(content, from: sender)
        var stuffing = DotStuffing()
        stuffing.write(Array("Subject: \(number!)\r\n\(content)".utf8), into: &output)
        stuffing.end(into: &output)
        session.contentSent()
      case .finished(let results): finish(results, &oracle)
      case .failed(_, let results): finish(results, &oracle)
      case .startTLS, .close: isDone = true
      }
    }
    link.inbound.writeBuffer(&output)
    if !link.channel.isActive { isDone = true }
  }

  private func finish(_ results: [RecipientResult], _ oracle: inout Oracle) {
    isDone = true
    link.isEnding = true
    guard let number, let result = results.first else { return }
    switch result {
    case .delivered: oracle.answered(number, .promised)
    case .deferred, .failed: oracle.answered(number, .refused)
    case .unknown, .untried: oracle.answered(number, .none)
    }
  }
}

/// The relayhost, spoken by our own `ServerSession`, with moods that the seed decides.
final class SimulatedUpstream {
  let link: SimulatedLink
  private var session = ServerSession(
    policy: ServerPolicy(hostname: "upstream.sim", offersTLS: false, messageOctetsMax: 1 << 30, recipientsMax: 100),
    rights: ClientRights(mayOmitLogin: true, mayOmitTLS: true), isTLS: false)
  private var input = ByteBuffer()
  private var content = ByteBuffer()
  private var isGreeted = false
  /// The message that was taken last; its reply may still be on the way.
  private(set) var lastTaken: Int?

  enum Mood: CaseIterable {
    case takes, takesAndHangsUp, defers, refuses, hangsUp
  }

  init(link: SimulatedLink) {
    self.link = link
  }

  func run(_ oracle: inout Oracle, isBusy: Bool, mood: () -> Mood) {
    guard link.channel.isActive, !link.isEnding else { return }
    var output = ByteBuffer()
    if !isGreeted {
      isGreeted = true
      if isBusy {
        link.inbound.writeString("421 4.3.2 busy\r\n")
        link.isEnding = true
        return
      }
      session.opened(into: &output)
    }
    var said = link.pull()
    input.writeBuffer(&said)
    loop: while !link.isEnding {
      switch session.received(&input, into: &output) {
      case .wait: break loop
      case .store(var piece):
        content.writeBuffer(&piece)
        session.stored()
      case .commit(let envelope, var piece):
        content.writeBuffer(&piece)
        oracle.left()
        if envelope.sender == nil {
          commitNotification(&oracle, mood(), &output)
        } else {
          commit(&oracle, mood(), &output)
        }
      case .close: link.isEnding = true
      case .abandon, .startTLS, .verify: break
      }
    }
    link.inbound.writeBuffer(&output)
  }

  private func commit(_ oracle: inout Oracle, _ mood: Mood, _ output: inout ByteBuffer) {
    let text = String(buffer: content)
    content.clear()
    let number = Self.number(in: text)
    switch mood {
    case .takes:
      oracle.delivered(number, text)
      lastTaken = number
      session.committed("UPSTREAM", into: &output)
    case .takesAndHangsUp:
      oracle.replyLost(number)
      oracle.delivered(number, text)
      link.isEnding = true
    case .defers:
      session.commitRefused(Reply(451, EnhancedStatus(4, 3, 0), "later"), into: &output)
    case .refuses:
      oracle.bounced(number)
      session.commitRefused(Reply(554, EnhancedStatus(5, 6, 0), "never"), into: &output)
    case .hangsUp:
      link.isEnding = true
    }
  }

  private func commitNotification(_ oracle: inout Oracle, _ mood: Mood, _ output: inout ByteBuffer) {
    let text = String(buffer: content)
    content.clear()
    let isFailure = Self.field("Subject", in: text)?.hasPrefix("Undelivered") == true
    oracle.notified(Self.number(in: text), Self.field("Message-ID", in: text), isFailure: isFailure)
    lastTaken = nil
    switch mood {
    case .takes: session.committed("UPSTREAM", into: &output)
    case .takesAndHangsUp, .hangsUp: link.isEnding = true
    case .defers: session.commitRefused(Reply(451, EnhancedStatus(4, 3, 0), "later"), into: &output)
    case .refuses: session.commitRefused(Reply(554, EnhancedStatus(5, 6, 0), "never"), into: &output)
    }
  }

  /// The subject of a client's message is its number; that of a notification ends with it.
  private static func number(in text: String) -> Int? {
    field("Subject", in: text)?.split(separator: " ").last.flatMap { Int($0) }
  }

  /// Our own fields are in front, so the client's are not far.
  private static func field(_ name: String, in text: String) -> String? {
    let head = text.prefix(1_000).split(separator: "\r\n")
    return head.first { $0.hasPrefix("\(name): ") }.map { String($0.dropFirst(name.count + 2)) }
  }
}
