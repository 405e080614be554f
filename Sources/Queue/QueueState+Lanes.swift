// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// In which lanes mail is. A message is in each lane in which a recipient of it is ready, but leased for one at a time.
extension QueueState {
  /// Puts a message into the lanes of its recipients that are due at this time.
  mutating func makeReady(_ number: UInt64, _ time: Int64) {
    withdraw(number)
    setState(number, .queued)
    guard !lanes.isUnrouted(number), let (ready, new) = messages[number]?.recipients.makeReady(at: time) else { return }
    let message = messages[number]!
    lanes.enter(number, of: submitters.submitter(message.submitter), ready: ready, new: new)
    // A lane whose upstream is ill must not keep the others from their time.
    if !SeededFault.otherLaneForgotten, let due = message.recipients.nextDueInOtherLanes {
      waiting.insert(Due(time: due, number: number))
    }
  }

  /// Takes a message out of its lanes; their ready lists may name it still.
  mutating func withdraw(_ number: UInt64) {
    guard messages[number]?.state == .queued, !lanes.isUnrouted(number) else { return }
    lanes.leave(messages[number]!.recipients.withdraw())
  }

  mutating func takeNext(_ lane: Lane) -> UInt64? {
    lanes.takeNext(lane) { number in
      guard messages[number] != nil else { return false }
      messages[number]!.recipients.unlist(lane.number)
      return messages[number]!.state == .queued && messages[number]!.recipients.readyLanes.contains(lane.number)
    }
  }

  /// Before the lease of these recipients ends, so that nobody is listed where he was. A routing that came meanwhile
  /// knows better.
  mutating func move(_ number: UInt64, into new: [Int: UInt8], from lane: Lane) {
    guard lane.routing == lanes.routing else { return }
    for (index, lane) in new where messages[number]?.isLeased(index) == true {
      messages[number]!.recipients[index].lane = lane
    }
  }

  // MARK: routing

  /// For a message that is new.
  mutating func assignLanes(_ number: UInt64, _ envelope: Envelope) {
    guard let router = lanes.router, !lanes.isUnrouted(number), !SeededFault.laneNotAsked else { return }
    assignLanes(number, router, sender: envelope.sender, recipients: envelope.recipients)
  }

  private mutating func assignLanes(
    _ number: UInt64, _ router: any MailRouter, sender: Address?, recipients: [Address]
  ) {
    let message = messages[number]!
    let mail = RoutedMail(
      sender: sender, source: submitters.source(message.submitter), size: message.octets - Int(message.prefixOctets))
    for (index, recipient) in recipients.enumerated() {
      let lane = router.lane(of: mail, to: recipient)
      if lane != 0 { messages[number]!.recipients[index].lane = lane }
    }
  }

  /// Asks the router for a page of the messages that have no lane yet, oldest first, and hands each to `each`. False if
  /// there are no more.
  mutating func routePage(each: (inout QueueState, UInt64) -> Void) -> Bool {
    guard let cursor = lanes.cursor else { return false }
    let page = order.page(after: cursor, limit: QueueLimits.pageMessagesMax)
    guard let last = page.last else {
      lanes.endRouting()
      return false
    }
    for number in page where lanes.isUnrouted(number) && messages.contains(number) {
      lanes.route(number)
      messages[number]!.recipients.leaveLanes()
      if let router = lanes.router, !SeededFault.laneKept || lanes.routing == 0 {
        let recipients = messages[number]!.recipients
        assignLanes(number, router, sender: recipients.sender, recipients: recipients.addresses)
      }
      each(&self, number)
    }
    lanes.route(last)
    return true
  }

  /// The same while mail comes and goes: who waits for his time does so already.
  mutating func reroutePage(_ time: Int64) -> Bool {
    routePage { state, number in
      if state.messages[number]?.state == .queued { state.makeReady(number, time) }
    }
  }
}

extension MessageQueue {
  /// The number that lanes have at present.
  package var routing: UInt32 { core.books.withLock { $0.state.lanes.routing } }

  /// From now on mail leaves by other ways, also what waits already: that is asked for a page under the lock at a time,
  /// oldest first, while other mail comes and goes. `begun` is told the number of the new routing before that; leases of
  /// older ones end as they would, and there are no more of them. Returns when all mail has its lane. One call at a time.
  package func adopt(_ router: any MailRouter, begun: (_ routing: UInt32) -> Void = { _ in }) {
    begun(
      core.books.withLock { books in
        books.state.lanes.adopt(router, through: books.state.lastNumber)
        return books.state.lanes.routing
      })
    while true {
      guard core.books.withLock({ $0.state.reroutePage($0.clock.lastTime) }) else { break }
    }
    core.tellReady()
  }
}
