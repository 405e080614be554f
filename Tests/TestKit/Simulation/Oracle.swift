// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Queue
import SMTP
import WAL

/// What was promised and what came of it, seen from outside: it knows only what clients, the upstream and the admin
/// saw. Clients write their intent before the first command and the answer after the last; the upstream writes every
/// transaction that it took.
package struct Oracle {
  private static let traceField = Array("Received: ".utf8)
  /// Octets that we may put in front.
  private static let prefixMax = 2_000

  var messages: [Message] = []
  private var numbers: [String: Int] = [:]
  private var heard: [(message: Int, recipient: Int)] = []
  /// Of upstreams that are paused by hand: so many of the messages that were being sent then may still come.
  var leavingMax: [String: Int] = [:]
  /// What counts against the lifetime of mail.
  var life: LifeClock
  var wasStill = false
  var isStillByHand = false
  /// What the admin ordered.
  private(set) var book = OrderBook()
  /// The simulation's clocks.
  var now = Instant(wall: 0, monotonic: 0) {
    didSet {
      life.advance(from: oldValue, to: now)
      book.advance(from: oldValue, to: now)
    }
  }
  private(set) var expired = 0
  private var intakes = IntakeBook()
  /// Messages that were refused for want of room before their content was sent.
  private(set) var turnedAway = 0
  package private(set) var violations: [String] = []
  let trace: EventTrace

  init(_ policy: QueuePolicy, _ now: Instant, trace: EventTrace) {
    self.now = now
    life = LifeClock(policy, now)
    self.trace = trace
  }

  mutating func blame(_ text: String) {
    // One fault of ours makes many; the first say what it is.
    if violations.count < 20 { violations.append(text) }
    trace.note(.world, 99, text: "VIOLATION: \(text)")
  }

  // MARK: - Clients

  /// Numbers say which message a content, an address or a notification belongs to.
  mutating func intend(_ plan: SimulatedClient.Plan, _ content: (_ number: Int) -> [UInt8]) -> Int {
    let number = messages.count
    let octets = content(number)
    let recipients = plan.recipients.enumerated().map { Recipient(address: "r\($0).m\(number)@\($1)") }
    let message = Message(
      sender: "m\(number)@\(plan.domain)", content: octets,
      mail: MailFacts(sender: (plan.domain, plan.submitter), octets: octets.count), recipients: recipients)
    messages.append(message)
    messages[number].begunAt = intakes.place
    numbers[message.sender] = number
    trace.note(
      .client, 1, number, recipients.count, octets.count,
      text: "begins message \(number): \(octets.count) octets, for \(plan.recipients)")
    return number
  }

  mutating func sent(_ number: Int) {
    guard !messages[number].isSent else { return }
    trace.note(.client, 2, number, text: "has sent all of message \(number)")
    messages[number].isSent = true
    messages[number].sentAt = life
  }

  /// What sessions are shown.
  mutating func intake(_ intake: Intake) {
    guard intake != intakes.last else { return }
    trace.note(
      .process, 6, intake.refusal?.code ?? 0, Int(clamping: intake.octetsMax),
      text: intake.refusal.map { "takes no mail: \($0)" } ?? "takes messages of up to \(intake.octetsMax) octets")
    intakes.note(intake)
  }

  /// The client may send the content.
  mutating func invited(_ number: Int) {
    messages[number].isInvited = true
    if !intakes.hadRoom(for: messages[number].content.count, since: messages[number].begunAt) {
      blame("the content of message \(number) was asked for, and there was no room for it")
    }
  }

  /// What a client hears that is not rid of its message.
  mutating func refused(_ number: Int, _ reply: Reply) {
    if !(400..<500).contains(reply.code) { blame("message \(number) was refused for good: \(reply)") }
    guard !messages[number].isInvited, reply.code == 452 else { return }
    turnedAway += 1
    if !intakes.lackedRoom(for: messages[number].content.count, since: messages[number].begunAt) {
      blame("message \(number) was turned away, and there was room for it")
    }
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

  /// The message that an envelope and a content speak of; nil, and a violation, if they are not what was sent.
  mutating func recognise(sender: String, recipients: [String], _ content: [UInt8]) -> (Int, [Int])? {
    guard let number = numbers[sender] else {
      blame("the upstream got a message that nobody sent, from \(sender)")
      return nil
    }
    let message = messages[number]
    if let obstacle = book.obstacle(sender, now) { blame("message \(number) left although it is \(obstacle)") }
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

  /// nil: for all of its recipients that it would have been given.
  mutating func bounced(_ number: Int, _ indexes: [Int]?) {
    let indexes = indexes ?? Array(messages[number].recipients.indices)
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
    book.becameDurable()
    life.becameDurable()
  }

  // MARK: - Orders

  /// What the admin is called by, and what his orders are kept under.
  private func name(_ view: MessageView) -> (name: OrderBook.Name, about: Int?) {
    if let sender = view.sender { return (sender.text, nil) }
    return (view.id.description, numbers[view.recipients[0].address.text])
  }

  private func named(_ views: [MessageView]) -> [OrderBook.Name: MessageView] {
    Dictionary(views.map { (name($0).name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The message as it was when the order was given.
  mutating func ordered(_ view: MessageView, _ what: String, _ body: (inout OrderState) -> Void) {
    let (name, about) = name(view)
    trace.note(.admin, 4, Int(view.id.number), text: "\(name): \(what)")
    book.change(name, about: about, isUnderWay: view.state == .sending, body)
  }

  /// The admin looks at the queue.
  mutating func seen(_ views: [MessageView]) {
    noteAttempts(views)
    for complaint in book.seen(named(views), now) { blame(complaint) }
  }

  // MARK: - Notifications

  func number(from sender: String) -> Int? { numbers[sender] }

  /// The admin gave recipients of it up, before or after the upstream had it; and the telling of others that had failed.
  mutating func givenUp(_ number: Int, _ addresses: [String], failed: [String], isTold: Bool) {
    trace.note(
      .admin, 2, number, isTold ? 1 : 0, text: "gives up message \(number)\(isTold ? "" : " and tells nobody")")
    for index in messages[number].recipients.indices {
      let recipient = messages[number].recipients[index]
      let isGivenUp = addresses.contains(recipient.address)
      if isGivenUp { messages[number].recipients[index].isBounced = true }
      if !isTold, isGivenUp || failed.contains(recipient.address) {
        messages[number].recipients[index].isSilenced = true
      }
    }
  }

  /// The admin gave up a notification about it.
  mutating func silenced(_ number: Int) {
    trace.note(.admin, 3, number, text: "gives up a notification about message \(number)")
    silence(number)
  }

  private mutating func silence(_ number: Int) {
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
    noteOrders(number, id)
    if !isFailure { messages[number].delayNotices.insert(id) }
    for address in addresses {
      guard let index = messages[number].recipients.firstIndex(where: { $0.address == address }) else {
        blame("a notification about message \(number) names \(address)")
        continue
      }
      noteNotice(number, index, id, isFailure: isFailure)
    }
  }

  private mutating func noteOrders(_ number: Int, _ id: String) {
    let name = String(id.dropFirst().prefix { $0 != "." })
    guard let parsed = MessageID(name) else { return blame("a notification is called \(id)") }
    if let obstacle = book.obstacle(name, now) {
      blame("a notification about message \(number) left although it is \(obstacle)")
    }
    if book.isSilent(messages[number].sender, parsed) {
      blame("somebody was told of message \(number) while it was out of the queue")
    }
  }

  private mutating func noteNotice(_ number: Int, _ index: Int, _ id: String, isFailure: Bool) {
    if isFailure { noteExpiry(number, index) }
    let recipient = messages[number].recipients[index]
    if recipient.answer == .refused { blame("message \(number) was refused, and reported") }
    guard isFailure else { return }
    messages[number].recipients[index].failureNotices.insert(id)
    if !recipient.isBounced { blame("a failure of message \(number) was told that never was") }
  }

  // MARK: - History

  /// What is told of mail that is at its end, each recipient once.
  mutating func finished(_ mail: FinishedMessage) {
    guard let sender = mail.sender else {
      // Nobody is told what became of a notification.
      guard mail.recipients.contains(where: { $0.state != .sent }) else { return }
      return mail.recipients.compactMap { numbers[$0.address.text] }.forEach { silence($0) }
    }
    guard let number = numbers[sender.text] else { return blame("history tells of mail from \(sender), who sent none") }
    for recipient in mail.recipients {
      guard let index = messages[number].recipients.firstIndex(where: { $0.address == recipient.address.text }) else {
        blame("history tells of message \(number) for \(recipient.address)")
        continue
      }
      trace.note(
        .process, 5, number, index, recipient.state == .sent ? 1 : 0,
        text: "remembers message \(number), recipient \(index): \(recipient.state)")
      if messages[number].recipients[index].hasEnded {
        blame("history tells twice of message \(number), recipient \(index)")
      }
      messages[number].recipients[index].hasEnded = true
      noteEnd(number, index, recipient.state, in: sender.text)
      noteDuplicate(number, index, isTold: recipient.isUncertain)
    }
  }

  private mutating func noteEnd(_ number: Int, _ index: Int, _ state: FinishedState, in name: OrderBook.Name) {
    let isRight: Bool
    switch state {
    case .sent: isRight = messages[number].recipients[index].deliveries > 0
    case .failed: isRight = messages[number].recipients[index].isBounced
    case .expired:
      noteExpiry(number, index)
      expired += 1
      isRight = messages[number].recipients[index].isBounced
    case .dropped: isRight = book.isEnded(name, now)
    }
    if !isRight { blame("history says that message \(number), recipient \(index), is \(state), and it is not") }
  }

  /// If it has lived so long that it may be given up, it was.
  private mutating func noteExpiry(_ number: Int, _ index: Int) {
    if life.isOver(since: messages[number].sentAt) { messages[number].recipients[index].isBounced = true }
  }

  // MARK: - Ends

  /// The process ended: an outcome that was not durable is forgotten, perhaps.
  mutating func processEnded() {
    heard = []
    life.processEnded()
    // What was under way is not any more.
    for name in leavingMax.keys { leavingMax[name] = 0 }
    for number in messages.indices {
      for index in messages[number].recipients.indices {
        let recipient = messages[number].recipients[index]
        if recipient.deliveries > 0, recipient.knowledge != .durable {
          messages[number].recipients[index].excuses += 1
          messages[number].recipients[index].isForgotten = true
        }
      }
    }
  }

  /// What an admin sees in a queue that has just been recovered, each recipient with whether it is still to be tried.
  mutating func recovered(_ waiting: [String: Bool], _ views: [MessageView], mark: UInt64) {
    noteAttempts(views)
    for complaint in book.recovered(named(views), mark: mark, now) { blame(complaint) }
    noteExpiredNotifications(views)
    for (number, message) in messages.enumerated() {
      for index in message.recipients.indices {
        let isWaiting = waiting[message.recipients[index].address]
        // The end of the process may come between the sync and the history.
        if isWaiting == false { noteExpiry(number, index) }
        let recipient = messages[number].recipients[index]
        switch recipient.answer {
        case .promised
        where isWaiting != true && !recipient.isDecided && !book.isEnded(message.sender, now):
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

  mutating func began(batch: UInt64) -> Bool { book.began(batch: batch) }

  /// A notification may expire too, and the end of the process come between the sync and the history (seed 16155): what
  /// failed is told by nobody then, if it and the notification are gone.
  private mutating func noteExpiredNotifications(_ views: [MessageView]) {
    var present = Set(views.compactMap { $0.sender?.text })
    for view in views { present.formUnion(view.recipients.map(\.address.text)) }
    for number in messages.indices
    where life.isOver(since: messages[number].sentAt) && !present.contains(messages[number].sender) {
      for index in messages[number].recipients.indices where messages[number].recipients[index].isBounced {
        messages[number].recipients[index].isSilenced = true
      }
    }
  }

  /// Everything had its time: nothing may be missing.
  mutating func finish(remaining: Int) {
    for number in book.silenced(now) { silence(number) }
    for (number, message) in messages.enumerated() {
      let isEnded = book.isEnded(message.sender, now)
      for (index, recipient) in message.recipients.enumerated() {
        if recipient.answer == .promised, !recipient.isDecided, !isEnded {
          blame("message \(number) is lost for recipient \(index)")
        }
        let isTold = !recipient.failureNotices.isEmpty || recipient.isSilenced
        // One that is given up while its delivery is unheard is both.
        if recipient.isBounced, recipient.deliveries == 0, recipient.answer == .promised, !isTold, !isEnded {
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
