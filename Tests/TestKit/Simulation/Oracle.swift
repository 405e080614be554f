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
    /// The upstream refused it for good, or the admin gave it up.
    var isBounced = false
    /// The admin gave it, or the notification about it, up, and nobody was to be told.
    var isSilenced = false
    /// Notifications about it that the upstream was offered, by their `Message-ID`.
    var failureNotices: Set<String> = []
    var delayNotices: Set<String> = []
    /// What may have made a duplicate: replies that the upstream's connection lost, and ends of the process.
    var excuses = 0
  }

  private(set) var messages: [Message] = []
  /// Senders, each of one message.
  private var numbers: [String: Int] = [:]
  /// While sending is paused by hand: so many of the messages that were being sent then may still come.
  private var leavingMax: Int?
  package private(set) var violations: [String] = []
  /// Folded over everything that happened, in order.
  package private(set) var trace: UInt64 = 0xCBF2_9CE4_8422_2325

  package init() {}

  mutating func intend(_ content: String, from sender: String) -> Int {
    messages.append(Message(content: content))
    numbers[sender] = messages.count - 1
    note("intend", messages.count - 1)
    return messages.count - 1
  }

  mutating func answered(_ number: Int, _ answer: Answer) {
    note("answer \(answer)", number)
    messages[number].answer = answer
  }

  /// From now on nothing leaves but what is under way; nil: everything may leave.
  mutating func paused(underWay: Int?) {
    note("paused \(underWay != nil)", underWay ?? 0)
    leavingMax = underWay
  }

  /// The upstream has all of a message or of a notification, whatever it makes of it.
  mutating func left() {
    guard let rest = leavingMax else { return }
    if rest == 0 { violations.append("a message left while sending was paused") }
    leavingMax = max(0, rest - 1)
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

  func number(from sender: String) -> Int? { numbers[sender] }

  /// The admin gave it up, before or after the upstream had it.
  mutating func givenUp(_ number: Int, isTold: Bool) {
    note("give up \(isTold)", number)
    messages[number].isBounced = true
    if !isTold { messages[number].isSilenced = true }
  }

  /// The admin gave up a notification about it.
  mutating func silenced(_ number: Int) {
    note("silence", number)
    messages[number].isSilenced = true
  }

  /// The upstream was offered a notification about a message; whether it takes it or not, it exists.
  mutating func notified(_ number: Int?, _ id: String?, isFailure: Bool) {
    guard let number, messages.indices.contains(number), let id else {
      violations.append("the upstream got a notification about nothing")
      return
    }
    note("notify \(isFailure)", number)
    if isFailure {
      messages[number].failureNotices.insert(id)
      if !messages[number].isBounced { violations.append("a failure of message \(number) was told that never was") }
    } else {
      messages[number].delayNotices.insert(id)
    }
    if messages[number].answer == .refused { violations.append("message \(number) was refused, and reported") }
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
    for (number, message) in messages.enumerated() {
      let isTold = !message.failureNotices.isEmpty || message.isSilenced
      if message.isBounced && message.deliveries == 0 && !isTold {
        violations.append("nobody was told of the failure of message \(number)")
      }
      if message.failureNotices.count > 1 || message.delayNotices.count > 1 {
        violations.append("the sender of message \(number) was told of the same thing twice")
      }
    }
    if remaining > 0 { violations.append("\(remaining) messages still wait although nothing is in their way") }
  }

  mutating func note(_ what: String, _ number: Int) {
    for octet in "\(what) \(number)\n".utf8 { trace = (trace ^ UInt64(octet)) &* 0x100_0000_01B3 }
  }

  func count(_ answer: Answer) -> Int { messages.count { $0.answer == answer } }
  var failureNotices: Int { messages.reduce(0) { $0 + $1.failureNotices.count } }
  var delayNotices: Int { messages.reduce(0) { $0 + $1.delayNotices.count } }
  var deliveries: Int { messages.reduce(0) { $0 + $1.deliveries } }
}
