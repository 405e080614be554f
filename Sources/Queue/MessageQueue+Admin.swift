// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import WAL

/// What an admin asks. Lists walk by cursor, a page under the lock at a time; texts are made outside of it.
extension MessageQueue {
  package func summary(now: Instant) -> QueueSummary {
    promoting(now) { books, _ in books.state.summary() }
  }

  /// At most `limit` messages behind `after`, in the order of their numbers, which is that of acceptance. An empty
  /// page is the end.
  package func page(after: MessageID?, limit: Int) -> [MessageView] {
    var views: [MessageView] = []
    var after = after?.number ?? 0
    while views.count < limit {
      let (found, last) = snapshots(after: after, limit: min(limit - views.count, QueueLimits.pageMessagesMax))
      views.append(contentsOf: found.map { $0.view() })
      guard let last else { break }
      after = last
    }
    return views
  }

  package func view(_ id: MessageID) -> MessageView? {
    snapshot(id)?.view()
  }

  /// Messages whose ids begin with this text, in any case, with O, I and L read as digits.
  package func find(prefix: String) -> [MessageID] {
    guard let prefix = MessageID.canonical(prefix) else { return [] }
    if prefix.utf8.count == MessageID.characters {
      return MessageID(prefix).flatMap { view($0) }.map { [$0.id] } ?? []
    }
    var found: [MessageID] = []
    var after: UInt64 = 0
    while true {
      let page = core.books.withLock { books -> (ids: [UInt64], last: UInt64)? in
        let page = books.state.order.page(after: after, limit: QueueLimits.pageMessagesMax)
        return page.last.map { (page.filter { books.state.messages[$0] != nil }, $0) }
      }
      guard let page else { return found }
      found += page.ids.map(MessageID.init(number:)).filter { $0.description.hasPrefix(prefix) }
      after = page.last
    }
  }

  /// Reads back from the log, so it may wait for the disk. nil if there is no such message.
  package func details(_ id: MessageID) throws(QueueError) -> MessageDetails? {
    guard let snapshot = snapshot(id) else { return nil }
    let recipients = snapshot.message.recipients
    do throws(LogError) {
      let accepted = try log.read(snapshot.message.accepted, mayBlock: true) ?? []
      guard let acceptance = accepted.withUnsafeBytes({ EventRecord.acceptance($0) }) else { throw damage(of: id) }
      var replies: [LastReply] = []
      var outcomes = OutcomeReader(log: log)
      for index in 0..<recipients.count {
        let position = recipients[index].reply
        guard position != .unknown, let outcome = try outcomes.outcome(of: index, at: position) else { continue }
        replies.append(
          LastReply(
            index: index, wall: outcome.wall, reply: outcome.reply,
            upstream: snapshot.answerers.name(recipients[index].answerer)))
      }
      return MessageDetails(
        view: snapshot.view(), origin: acceptance.origin, replies: replies,
        duplicatePossible: (0..<recipients.count).contains { recipients[$0].isUncertain },
        notification: recipients.wish, isUTF8: snapshot.message.isUTF8)
    } catch {
      // It may have been delivered meanwhile, and its segment removed.
      if snapshot.isGone(core) { return nil }
      // Or it has been copied to another place.
      if snapshot.hasMoved(core) { return try details(id) }
      if case .damaged = error { throw .unreadable(id) }
      throw .log(error)
    }
  }

  /// Octets of the spool that something living points into, and octets that are free on its file system.
  package func space() throws(QueueError) -> (liveOctets: Int, freeOctets: Int64) {
    let live = core.books.withLock { $0.ledger.totalOctets }
    do throws(LogError) {
      return (live, try disk.freeOctets())
    } catch {
      throw .log(error)
    }
  }

  private func damage(of id: MessageID) -> LogError {
    .damaged(name: "message \(id)", offset: 0)
  }

  // MARK: - Snapshots

  private func snapshot(_ id: MessageID) -> Snapshot? {
    core.books.withLock { $0.snapshot(id.number) }
  }

  private func snapshots(after: UInt64, limit: Int) -> ([Snapshot], last: UInt64?) {
    core.books.withLock { books in
      let page = books.state.order.page(after: after, limit: limit)
      return (page.compactMap { books.snapshot($0) }, page.last)
    }
  }
}

/// A message as it was at one moment. Cheap to take under the lock: its arrays are shared.
private struct Snapshot: Sendable {
  let number: UInt64
  let message: QueueState.Message
  let submitter: String
  let expires: Int64
  let hold: HoldTable.Entry?
  let drop: DropTable.Entry?
  let answerers: Answerers
  let clock: QueueClock

  func view() -> MessageView {
    let recipients = message.recipients
    let entries = (0..<recipients.count).map { recipients[$0] }
    let due = entries.filter { $0.state == .deferred }.map(\.due).min()
    return MessageView(
      id: MessageID(number: number), state: message.state, sender: recipients.sender,
      recipients: zip(recipients.addresses, entries).map { address, entry in
        RecipientView(
          address: address, state: entry.isLeased ? .sending : entry.state, attempts: Int(entry.attempts),
          lane: entry.lane)
      },
      size: message.octets - Int(message.prefixOctets), received: message.received,
      attempts: entries.map { Int($0.attempts) }.max() ?? 0,
      nextAttempt: message.state == .deferred ? due.map(clock.wall) : nil,
      expires: expires, submitter: submitter,
      hold: hold.map { hold in
        // One that is over while its message is dropped ends when the message is back.
        let (time, wall) = (clock.lastTime, clock.wall(clock.lastTime))
        let until = hold.term.expectedEnd(at: time, wall: wall).map { clock.wall(max($0, time)) }
        return Hold(until: until, since: hold.since, by: hold.by, reason: hold.reason)
      },
      drop: drop.map { drop in
        Drop(
          batch: drop.batch, until: clock.wall(drop.term.due ?? clock.lastTime), since: drop.term.ordered, by: drop.by)
      })
  }

  func hasMoved(_ core: QueueCore) -> Bool {
    core.books.withLock { $0.state.messages[number]?.accepted != message.accepted }
  }

  func isGone(_ core: QueueCore) -> Bool {
    core.books.withLock { $0.state.messages[number] == nil }
  }
}

extension QueueCore.Books {
  fileprivate func snapshot(_ number: UInt64) -> Snapshot? {
    guard let message = state.messages[number] else { return nil }
    return Snapshot(
      number: number, message: message, submitter: state.submitters.name(message.submitter),
      expires: message.received + state.policy.lifetime + state.lengthening(number, message, at: clock.lastTime),
      hold: state.holds[number], drop: state.drops[number], answerers: state.answerers, clock: clock)
  }
}
