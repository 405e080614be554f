// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What was promised and what came of it, seen from outside: it knows only what clients, the upstream and the admin
/// saw. Clients write their intent before the first command and the answer after the last; the upstream writes every
/// transaction that it took.
package struct Oracle {
  /// What a client was told of one recipient.
  package enum Answer: Sendable, Equatable {
    /// 250: the message is ours now.
    case promised
    /// 4xx or 5xx: it must never arrive.
    case refused
    /// The connection ended before the reply: both is right, if the end of data had been sent.
    case none
  }

  struct Message {
    let sender: String
    /// From the subject on; what is in front of it is ours.
    let content: [UInt8]
    var recipients: [Recipient]
    /// The gateway has the end of its data. Before that there is no message.
    var isSent = false
    /// Notifications of a delay that the upstream was offered, by their `Message-ID`.
    var delayNotices: Set<String> = []
  }

  struct Recipient {
    let address: String
    var answer = Answer.none
    var deliveries = 0
    /// The upstream, or the admin, decided that it shall not arrive.
    var isBounced = false
    /// The admin gave it, or the notification about it, up, and nobody was to be told.
    var isSilenced = false
    var failureNotices: Set<String> = []
    /// Deliveries that may happen once more, because nobody heard or remembers them.
    var excuses = 0
    var knowledge = Knowledge.none

    var isDecided: Bool { deliveries > 0 || isBounced }
  }

  /// What the gateway must know of the last delivery of a recipient.
  enum Knowledge: Int {
    case none
    /// The reply has arrived.
    case heard
    /// Behind it a sync has succeeded: from now on it knows for good.
    case durable
  }

  private static let traceField = Array("Received: ".utf8)
  /// Octets that we may put in front.
  private static let prefixMax = 2_000

  private(set) var messages: [Message] = []
  private var numbers: [String: Int] = [:]
  private var heard: [(message: Int, recipient: Int)] = []
  /// While sending is paused by hand: so many of the messages that were being sent then may still come.
  private var leavingMax: Int?
  /// The policy gives up mail after a time that this run may reach.
  private let mayExpire: Bool
  package private(set) var violations: [String] = []
  private let trace: EventTrace

  init(mayExpire: Bool, trace: EventTrace) {
    self.mayExpire = mayExpire
    self.trace = trace
  }

  mutating func blame(_ text: String) {
    // One fault of ours makes many; the first say what it is.
    if violations.count < 20 { violations.append(text) }
    trace.note(.world, 99, text: "VIOLATION: \(text)")
  }

  // MARK: - Clients

  /// Numbers say which message a content, an address or a notification belongs to.
  mutating func intend(recipients: Int, _ content: (_ number: Int) -> [UInt8]) -> Int {
    let number = messages.count
    let addresses = (0..<recipients).map { "r\($0).m\(number)@upstream.sim" }
    let message = Message(
      sender: "m\(number)@client.sim", content: content(number), recipients: addresses.map { Recipient(address: $0) })
    messages.append(message)
    numbers[message.sender] = number
    trace.note(
      .client, 1, number, recipients, message.content.count,
      text: "begins message \(number): \(message.content.count) octets, \(recipients) recipients")
    return number
  }

  mutating func sent(_ number: Int) {
    guard !messages[number].isSent else { return }
    trace.note(.client, 2, number, text: "has sent all of message \(number)")
    messages[number].isSent = true
  }

  mutating func answered(_ number: Int, _ recipient: Int, _ answer: Answer) {
    trace.note(
      .client, 3, number, recipient, answer == .promised ? 1 : answer == .refused ? 2 : 0,
      text: "hears of message \(number), recipient \(recipient): \(answer)")
    messages[number].recipients[recipient].answer = answer
    let deliveries = messages[number].recipients[recipient].deliveries
    if answer == .refused, deliveries > 0 { blame("message \(number) was delivered, and then refused") }
    if answer == .promised, !messages[number].isSent { blame("message \(number) was accepted before its end") }
  }

  // MARK: - The upstream

  /// From now on nothing leaves but what is under way; nil: everything may leave.
  mutating func paused(underWay: Int?) {
    trace.note(
      .admin, 1, underWay ?? -1, text: underWay.map { "sending is paused, \($0) under way" } ?? "sending goes on")
    leavingMax = underWay
  }

  /// The upstream has all of a message or of a notification, whatever it makes of it.
  mutating func left() {
    guard let rest = leavingMax else { return }
    if rest == 0 { blame("a message left while sending was paused") }
    leavingMax = max(0, rest - 1)
  }

  /// The message that an envelope and a content speak of; nil, and a violation, if they are not what was sent.
  mutating func recognise(sender: String, recipients: [String], _ content: [UInt8]) -> (Int, [Int])? {
    guard let number = numbers[sender] else {
      blame("the upstream got a message that nobody sent, from \(sender)")
      return nil
    }
    let message = messages[number]
    if !message.isSent { blame("message \(number) arrived, although its end was never sent") }
    if !content.starts(with: Self.traceField) || content.count > message.content.count + Self.prefixMax
      || !content.ends(with: message.content)
    {
      blame("message \(number) arrived with other content")
    }
    var indexes: [Int] = []
    for address in recipients {
      if let index = message.recipients.firstIndex(where: { $0.address == address }), !indexes.contains(index) {
        indexes.append(index)
      } else {
        blame("message \(number) was sent to \(address), which is not its recipient")
      }
    }
    return (number, indexes)
  }

  mutating func delivered(_ number: Int, _ indexes: [Int]) {
    trace.note(.upstream, 1, number, indexes.count, text: "takes message \(number) for \(indexes)")
    for index in indexes {
      messages[number].recipients[index].deliveries += 1
      messages[number].recipients[index].knowledge = .none
      let recipient = messages[number].recipients[index]
      if recipient.answer == .refused { blame("message \(number) was refused, and delivered") }
      if !recipient.failureNotices.isEmpty {
        blame("message \(number) was delivered to recipient \(index) after its failure was told")
      }
      if recipient.deliveries > 1 + recipient.excuses {
        blame("message \(number) was delivered to recipient \(index) \(recipient.deliveries) times without a reason")
      }
    }
  }

  mutating func bounced(_ number: Int, _ indexes: [Int]) {
    trace.note(.upstream, 2, number, indexes.count, text: "refuses message \(number) for \(indexes)")
    for index in indexes { messages[number].recipients[index].isBounced = true }
  }

  func deferred(_ number: Int, _ indexes: [Int]) {
    trace.note(.upstream, 3, number, indexes.count, text: "puts off message \(number) for \(indexes)")
  }

  /// The reply to a delivery reached the gateway, or never will.
  mutating func replyEnded(_ number: Int, _ indexes: [Int], hasArrived: Bool) {
    trace.note(
      .upstream, 4, number, hasArrived ? 1 : 0,
      text: "reply to message \(number) \(hasArrived ? "has arrived" : "is lost")")
    for index in indexes {
      if hasArrived {
        messages[number].recipients[index].knowledge = .heard
        heard.append((number, index))
      } else {
        messages[number].recipients[index].excuses += 1
      }
    }
  }

  /// Everything that the gateway has decided is on the platter.
  mutating func becameDurable() {
    for (message, recipient) in heard where messages[message].recipients[recipient].knowledge == .heard {
      messages[message].recipients[recipient].knowledge = .durable
    }
    heard = []
  }

  // MARK: - Notifications

  func number(from sender: String) -> Int? { numbers[sender] }

  /// The admin gave recipients of it up, before or after the upstream had it.
  mutating func givenUp(_ number: Int, _ addresses: [String], isTold: Bool) {
    trace.note(
      .admin, 2, number, isTold ? 1 : 0, text: "gives up message \(number)\(isTold ? "" : " and tells nobody")")
    for index in messages[number].recipients.indices
    where addresses.contains(messages[number].recipients[index].address) {
      messages[number].recipients[index].isBounced = true
    }
    guard !isTold else { return }
    for index in messages[number].recipients.indices
    where messages[number].recipients[index].isBounced || mayExpire {
      messages[number].recipients[index].isSilenced = true
    }
  }

  /// The admin gave up a notification about it.
  mutating func silenced(_ number: Int) {
    trace.note(.admin, 3, number, text: "gives up a notification about message \(number)")
    for index in messages[number].recipients.indices { messages[number].recipients[index].isSilenced = true }
  }

  /// The upstream was offered a notification; whether it takes it or not, it exists.
  mutating func notified(_ sender: String, about addresses: [String], _ id: String?, isFailure: Bool) {
    guard let number = numbers[sender], let id, !addresses.isEmpty else {
      return blame("the upstream got a notification about nothing")
    }
    trace.note(
      .upstream, 5, number, isFailure ? 1 : 0, addresses.count,
      text: "gets a notification that message \(number) \(isFailure ? "failed" : "is late") for \(addresses)")
    if !isFailure { messages[number].delayNotices.insert(id) }
    for address in addresses {
      guard let index = messages[number].recipients.firstIndex(where: { $0.address == address }) else {
        blame("a notification about message \(number) names \(address)")
        continue
      }
      noteNotice(number, index, id, isFailure: isFailure)
    }
  }

  private mutating func noteNotice(_ number: Int, _ index: Int, _ id: String, isFailure: Bool) {
    if mayExpire, isFailure { messages[number].recipients[index].isBounced = true }
    let recipient = messages[number].recipients[index]
    if recipient.answer == .refused { blame("message \(number) was refused, and reported") }
    guard isFailure else { return }
    messages[number].recipients[index].failureNotices.insert(id)
    if !recipient.isBounced { blame("a failure of message \(number) was told that never was") }
  }

  // MARK: - Ends

  /// The process ended: an outcome that was not durable is forgotten, perhaps.
  mutating func processEnded() {
    heard = []
    for number in messages.indices {
      for index in messages[number].recipients.indices {
        let recipient = messages[number].recipients[index]
        if recipient.deliveries > 0, recipient.knowledge != .durable {
          messages[number].recipients[index].excuses += 1
        }
      }
    }
  }

  /// What an admin sees in a queue that has just been recovered, each recipient with whether it is still to be tried.
  mutating func recovered(_ waiting: [String: Bool]) {
    for (number, message) in messages.enumerated() {
      for (index, recipient) in message.recipients.enumerated() {
        let isWaiting = waiting[recipient.address]
        switch recipient.answer {
        case .promised where isWaiting != true && !recipient.isDecided && !mayExpire:
          blame("message \(number), recipient \(index), is promised and not there after a restart")
        case .refused where isWaiting != nil:
          blame("message \(number) was refused, and is there after a restart")
        default: break
        }
        if isWaiting != nil, !message.isSent { blame("message \(number) is there, although its end was never sent") }
        if isWaiting == true, recipient.knowledge == .durable {
          blame("message \(number), recipient \(index), was delivered for good and waits again after a restart")
        }
      }
    }
  }

  /// Everything had its time: nothing may be missing.
  mutating func finish(remaining: Int) {
    for (number, message) in messages.enumerated() {
      for (index, recipient) in message.recipients.enumerated() {
        if recipient.answer == .promised, !recipient.isDecided, !mayExpire {
          blame("message \(number) is lost for recipient \(index)")
        }
        let isTold = !recipient.failureNotices.isEmpty || recipient.isSilenced
        // One that is given up while its delivery is unheard is both. A notification may expire like any mail.
        if recipient.isBounced, recipient.deliveries == 0, recipient.answer == .promised, !isTold, !mayExpire {
          blame("nobody was told of the failure of message \(number) for recipient \(index)")
        }
        if recipient.failureNotices.count > 1 {
          blame("the sender of message \(number) was told twice of its failure for recipient \(index)")
        }
      }
      if message.delayNotices.count > 1 { blame("the sender of message \(number) was told twice of its delay") }
    }
    if remaining > 0 { blame("\(remaining) messages still wait although nothing is in their way") }
  }

  // MARK: - Counts

  func count(_ answer: Answer) -> Int {
    messages.reduce(0) { $0 + $1.recipients.count { $0.answer == answer } }
  }
  var deliveries: Int { messages.reduce(0) { $0 + $1.recipients.reduce(0) { $0 + $1.deliveries } } }
  var duplicates: Int { messages.reduce(0) { $0 + $1.recipients.reduce(0) { $0 + max(0, $1.deliveries - 1) } } }
  var failureNotices: Int { messages.reduce(0) { $0 + Set($1.recipients.flatMap(\.failureNotices)).count } }
  var delayNotices: Int { messages.reduce(0) { $0 + $1.delayNotices.count } }
}

extension [UInt8] {
  fileprivate func ends(with octets: [UInt8]) -> Bool {
    guard count >= octets.count else { return false }
    return withUnsafeBytes { whole in
      octets.withUnsafeBytes { memcmp(whole.baseAddress! + (whole.count - $0.count), $0.baseAddress!, $0.count) == 0 }
    }
  }
}
