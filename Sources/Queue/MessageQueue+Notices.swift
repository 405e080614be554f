// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import WAL

/// Telling senders what became of their mail. Who writes the notification takes a notice, reads the message, and hands
/// the finished report to `accept`, whose one record also ends what it reports: a crash leaves both or neither.
extension MessageQueue {
  /// The next message of whose recipients somebody is to be told, nil if there is none; it never has a null sender.
  /// Reads back from the log, so it may wait for the disk. After an error the notice is given again, behind the others.
  package func nextNotice(now: Instant) throws(QueueError) -> Notice? {
    let found = core.books.withLock { $0.takeNotice(now) }
    guard let found else { return nil }
    do throws(LogError) {
      return try notice(found)
    } catch {
      core.giveBack(notice: found.number)
      throw .log(error)
    }
  }

  private func notice(_ found: QueueCore.FoundNotice) throws(LogError) -> Notice {
    let message = found.message
    let addresses = message.recipients.addresses
    let wish = message.recipients.wish
    var outcomes = OutcomeReader(log: log)
    var recipients: [NoticeRecipient] = []
    for index in found.report.indexes {
      let entry = message.recipients[index]
      let outcome = try Self.unlessDamaged { () throws(LogError) in try outcomes.outcome(of: index, at: entry.reply) }
      recipients.append(
        NoticeRecipient(
          index: index, address: addresses[index],
          original: wish?.recipients[index].original.flatMap(OriginalRecipient.init), reply: outcome?.reply,
          attempts: Int(entry.attempts),
          isExpired: outcome?.isExpired ?? false, isBounced: outcome?.isBounced ?? false, wall: outcome?.wall))
    }
    let accepted = try Self.unlessDamaged { () throws(LogError) in try log.read(message.accepted, mayBlock: true) }
    let acceptance = accepted?.withUnsafeBytes { EventRecord.acceptance($0) }
    return Notice(
      id: found.report.id, kind: found.report.kind, sender: message.recipients.sender!, recipients: recipients,
      received: message.received, expires: found.expires, content: StoredContent(id: found.report.id, message: message),
      hints: message.hints, isUTF8: message.isUTF8, returned: wish?.returned, envelopeID: wish?.readableEnvelopeID,
      origin: acceptance?.origin ?? Origin(address: ""), number: found.number, core: core)
  }

  /// A message with a rotten record must not wait for ever: its sender is told without what cannot be read.
  private static func unlessDamaged<Value>(_ read: () throws(LogError) -> Value?) throws(LogError) -> Value? {
    do throws(LogError) {
      return try read()
    } catch {
      if case .damaged = error { return nil }
      throw error
    }
  }
}

extension QueueCore {
  struct FoundNotice {
    var number: UInt64
    var report: NoticeReport
    var message: QueueState.Message
    var expires: Int64
  }
}

extension QueueCore.Books {
  /// What the log told of, when it has been read.
  mutating func offerOutcomes() {
    var after: UInt64 = 0
    while true {
      let page = state.order.page(after: after, limit: QueueLimits.pageMessagesMax)
      guard let last = page.last else { return }
      for number in page { _ = offerNotice(number, isDelayed: false) }
      after = last
    }
  }

  /// After a change of this message is durable. True if there is something new to tell.
  mutating func offerNotice(_ number: UInt64, isDelayed: Bool) -> Bool {
    let isFailed = !state.reportable(number, .failed).isEmpty && notices.offer(number, .failed)
    let isRelayed = !state.reportable(number, .relayed).isEmpty && notices.offer(number, .relayed)
    let isDelayed = isDelayed && !state.reportable(number, .delayed).isEmpty && notices.offer(number, .delayed)
    return isFailed || isRelayed || isDelayed
  }

  /// The holder of a notice has decided what to do with it; `end` follows.
  mutating func claim(notice number: UInt64) -> NoticeBoard.Given? { notices.claim(number) }

  /// The same, if what it tells is still to be told; if not, the notice is at its end.
  mutating func claim(dueNotice number: UInt64) -> NoticeBoard.Given? {
    guard let given = notices.claim(number) else { return nil }
    let due = state.reportable(given.key.message, given.key.kind)
    if given.report.indexes.contains(where: due.contains) { return given }
    _ = end(given)
    return nil
  }

  /// True if something of the same kind is left to tell: this notice came to nothing, or more has failed meanwhile.
  mutating func end(_ given: NoticeBoard.Given) -> Bool {
    notices.end(given)
    unpin(given.pins)
    let key = given.key
    return !state.reportable(key.message, key.kind).isEmpty && notices.offer(key.message, key.kind)
  }

  /// Its segments stay until it ends, also if the message is delivered meanwhile.
  mutating func takeNotice(_ now: Instant) -> QueueCore.FoundNotice? {
    let time = clock.time(now)
    while let key = notices.takeNext() {
      let indexes = state.reportable(key.message, key.kind)
      guard !indexes.isEmpty, let message = state.messages[key.message] else { continue }
      let report = NoticeReport(id: MessageID(number: key.message), kind: key.kind, indexes: indexes)
      let pins = message.allExtents.map(\.segment)
      for segment in pins { ledger.pin(segment) }
      return QueueCore.FoundNotice(
        number: notices.give(NoticeBoard.Given(report: report, pins: pins)), report: report, message: message,
        expires: message.received + state.policy.lifetime + state.lengthening(key.message, message, at: time))
    }
    return nil
  }
}
