// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The relayhost: a server of its own with moods that the seed decides, at each command. It shares no code with what
/// is tested, so that both cannot be wrong in the same way.
final class SimulatedUpstream {
  let link: SimulatedLink
  private var input = ByteBuffer()
  private var isGreeted = false
  private var sender: String?
  private var recipients: [String] = []
  /// Lines of the message that is arriving.
  private var content: [UInt8]?
  /// Transactions that were taken and whose reply has not arrived.
  private var unheard: [(number: Int, indexes: [Int], end: Int)] = []
  private var isClosed = false

  enum Mood {
    case takes, defers, refuses, hangsUp, takesAndHangsUp, isBusy
  }

  enum Stage {
    case greeting, mail, recipient, data, end
  }

  init(link: SimulatedLink) {
    self.link = link
  }

  func run(_ oracle: inout Oracle, mood: (Stage) -> Mood) {
    noteReplies(&oracle)
    guard link.channel.isActive, !link.isEnding else { return }
    var output = ByteBuffer()
    if !isGreeted {
      isGreeted = true
      if mood(.greeting) == .isBusy {
        say("421 4.3.2 busy", &output)
        link.isEnding = true
      } else {
        say("220 upstream.sim ESMTP", &output)
      }
    }
    var said = link.pull()
    input.writeBuffer(&said)
    while !link.isEnding, let line = readLine() {
      if content != nil { readContent(line, &oracle, mood, &output) } else { obey(line, &oracle, mood, &output) }
    }
    link.write(output)
  }

  /// Replies that have arrived, and, once the connection is gone, those that never will.
  func noteReplies(_ oracle: inout Oracle) {
    for reply in unheard where link.arrived >= reply.end {
      oracle.replyEnded(reply.number, reply.indexes, hasArrived: true)
    }
    unheard.removeAll { link.arrived >= $0.end }
    guard !link.channel.isActive, !isClosed else { return }
    isClosed = true
    for reply in unheard { oracle.replyEnded(reply.number, reply.indexes, hasArrived: false) }
    unheard = []
  }

  // MARK: - Commands

  private func obey(_ line: [UInt8], _ oracle: inout Oracle, _ mood: (Stage) -> Mood, _ output: inout ByteBuffer) {
    let text = String(decoding: line, as: UTF8.self)
    switch text.prefix(4).uppercased() {
    case "EHLO": say("250-upstream.sim\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES", &output)
    case "MAIL":
      (sender, recipients) = (nil, [])
      answer(mood(.mail), to: "2.1.0 sender", &output) { sender = Self.path(in: text) }
    case "RCPT":
      let mood = sender == nil ? Mood.defers : sender == "" ? Mood.takes : mood(.recipient)
      let address = Self.path(in: text)
      if let sender, !sender.isEmpty, let number = oracle.number(from: sender) {
        let index = oracle.messages[number].recipients.firstIndex { $0.address == address }
        if let index, mood == .refuses { oracle.bounced(number, [index]) }
        if let index, mood == .defers { oracle.deferred(number, [index]) }
      }
      answer(mood, to: "2.1.5 recipient", &output) { recipients.append(address) }
    case "DATA":
      guard sender != nil, !recipients.isEmpty else { return say("503 5.5.1 no recipient", &output) }
      switch mood(.data) {
      case .hangsUp, .takesAndHangsUp: link.isEnding = true
      case .takes, .defers, .refuses, .isBusy:
        content = []
        say("354 go on", &output)
      }
    case "RSET":
      (sender, recipients) = (nil, [])
      say("250 2.0.0 forgotten", &output)
    case "QUIT":
      say("221 2.0.0 bye", &output)
      link.isEnding = true
    case "NOOP": say("250 2.0.0 here", &output)
    default: say("500 5.5.2 what", &output)
    }
  }

  private func answer(_ mood: Mood, to what: String, _ output: inout ByteBuffer, accept: () -> Void) {
    switch mood {
    case .takes, .takesAndHangsUp:
      accept()
      say("250 \(what) ok", &output)
    case .defers: say("450 4.2.0 later", &output)
    case .refuses: say("550 5.1.1 never", &output)
    case .isBusy:
      say("421 4.3.2 busy", &output)
      link.isEnding = true
    case .hangsUp: link.isEnding = true
    }
  }

  private func readContent(
    _ line: [UInt8], _ oracle: inout Oracle, _ mood: (Stage) -> Mood, _ output: inout ByteBuffer
  ) {
    guard line == [UInt8(ascii: ".")] else {
      content! += line.first == UInt8(ascii: ".") ? line.dropFirst() : line[...]
      content! += [13, 10]
      return
    }
    let octets = content!
    let (sender, recipients) = (self.sender ?? "", self.recipients)
    (content, self.sender, self.recipients) = (nil, nil, [])
    oracle.left()
    if sender.isEmpty {
      takeNotification(String(decoding: octets, as: UTF8.self), recipients, &oracle, mood(.end), &output)
    } else {
      take(octets, sender, recipients, &oracle, mood(.end), &output)
    }
  }

  private func take(
    _ octets: [UInt8], _ sender: String, _ recipients: [String], _ oracle: inout Oracle, _ mood: Mood,
    _ output: inout ByteBuffer
  ) {
    guard let (number, indexes) = oracle.recognise(sender: sender, recipients: recipients, octets) else { return }
    switch mood {
    case .takes:
      oracle.delivered(number, indexes)
      say("250 2.0.0 ok: queued as UPSTREAM", &output)
      unheard.append((number, indexes, link.written + output.readableBytes))
    case .takesAndHangsUp:
      oracle.delivered(number, indexes)
      unheard.append((number, indexes, .max))
      link.isEnding = true
    case .defers:
      oracle.deferred(number, indexes)
      say("451 4.3.0 later", &output)
    case .refuses:
      oracle.bounced(number, indexes)
      say("554 5.6.0 never", &output)
    case .hangsUp: link.isEnding = true
    case .isBusy:
      oracle.deferred(number, indexes)
      say("421 4.3.2 busy", &output)
      link.isEnding = true
    }
  }

  private func takeNotification(
    _ text: String, _ recipients: [String], _ oracle: inout Oracle, _ mood: Mood, _ output: inout ByteBuffer
  ) {
    let lines = text.split(separator: "\r\n", omittingEmptySubsequences: true)
    func values(_ name: String) -> [String] {
      lines.filter { $0.hasPrefix(name) }.map { String($0.dropFirst(name.count)) }
    }
    let isFailure = values("Subject: ").first?.hasPrefix("Undelivered") == true
    oracle.notified(
      recipients.first ?? "", about: values("Final-Recipient: rfc822; "), values("Message-ID: ").first,
      isFailure: isFailure)
    switch mood {
    case .takes: say("250 2.0.0 ok", &output)
    case .takesAndHangsUp, .hangsUp: link.isEnding = true
    case .defers: say("451 4.3.0 later", &output)
    case .refuses: say("554 5.6.0 never", &output)
    case .isBusy:
      say("421 4.3.2 busy", &output)
      link.isEnding = true
    }
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
