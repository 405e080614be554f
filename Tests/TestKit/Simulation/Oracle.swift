// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What was promised and what came of it, seen from outside: it knows only what clients and the upstream saw. Clients
/// write their intent before the dot and the answer after it; the upstream writes every transaction that it took.
package struct Oracle {
  package enum Answer: Sendable, Equatable {
    /// 250: the message is ours now.
    case promised
    /// 4xx or 5xx: it must never arrive.
    case refused
    /// The connection ended between the dot and its reply: both is right.
    case none
  }

  struct Message {
    var content: String
    var answer = Answer.none
    var deliveries = 0
    /// The upstream refused it for good.
    var isBounced = false
    /// What may have made a duplicate: replies that the upstream's connection lost, and ends of the process.
    var excuses = 0
  }

  private(set) var messages: [Message] = []
  package private(set) var violations: [String] = []
  /// Folded over everything that happened, in order.
  package private(set) var trace: UInt64 = 0xCBF2_9CE4_8422_2325

  package init() {}

  mutating func intend(_ content: String) -> Int {
    messages.append(Message(content: content))
    note("intend", messages.count - 1)
    return messages.count - 1
  }

  mutating func answered(_ number: Int, _ answer: Answer) {
    note("answer \(answer)", number)
    messages[number].answer = answer
  }

  /// The upstream has all of a message. `number` is what its content says.
  mutating func delivered(_ number: Int?, _ content: String) {
    guard let number, messages.indices.contains(number) else {
      violations.append("the upstream got a message that nobody sent")
      return
    }
    note("deliver", number)
    messages[number].deliveries += 1
    let message = messages[number]
    if !content.hasPrefix("Received: ") || !content.hasSuffix(message.content) {
      violations.append("message \(number) arrived with other content")
    }
    if message.answer == .refused { violations.append("message \(number) was refused, and delivered") }
    if message.deliveries > 1 + message.excuses {
      violations.append("message \(number) was delivered \(message.deliveries) times without a reason")
    }
  }

  mutating func replyLost(_ number: Int?) {
    guard let number, messages.indices.contains(number) else { return }
    note("reply lost", number)
    messages[number].excuses += 1
  }

  mutating func bounced(_ number: Int?) {
    guard let number, messages.indices.contains(number) else { return }
    note("bounce", number)
    messages[number].isBounced = true
  }

  /// The process ended: an outcome that was not durable is forgotten.
  mutating func processEnded() {
    note("process ended", -1)
    for number in messages.indices where messages[number].deliveries > 0 { messages[number].excuses += 1 }
  }

  /// Everything had its time: nothing may be missing.
  mutating func finish(remaining: Int) {
    for (number, message) in messages.enumerated() where message.answer == .promised {
      if message.deliveries == 0 && !message.isBounced { violations.append("message \(number) is lost") }
    }
    if remaining > 0 { violations.append("\(remaining) messages still wait although nothing is in their way") }
  }

  mutating func note(_ what: String, _ number: Int) {
    for octet in "\(what) \(number)\n".utf8 { trace = (trace ^ UInt64(octet)) &* 0x100_0000_01B3 }
  }

  func count(_ answer: Answer) -> Int { messages.count { $0.answer == answer } }
  var deliveries: Int { messages.reduce(0) { $0 + $1.deliveries } }
}
