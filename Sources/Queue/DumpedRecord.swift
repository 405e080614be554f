// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import WAL

/// A record of the log in words, for a person who looks into a spool. It shows no content of a message.
package struct DumpedRecord: Sendable, Hashable {
  package enum Value: Sendable, Hashable {
    case text(String)
    case number(Int)
    /// Milliseconds since 1970.
    case wall(Int64)
  }

  package struct Fact: Sendable, Hashable {
    package var name: String
    package var value: Value

    package init(name: String, value: Value) {
      self.name = name
      self.value = value
    }
  }

  package let segment: String
  package let offset: Int
  /// Of the payload.
  package let octets: Int
  /// As in docs/FORMAT.md, or `unreadable` for a record that this program would not have written so.
  package let name: String
  /// When it was written, if it says so.
  package let wall: Int64?
  package let messages: [MessageID]
  /// In the order of the record. Recipients are counted from 1, as everywhere for people.
  package let facts: [Fact]

  init(_ type: UInt8, _ extent: Extent, _ payload: UnsafeRawBufferPointer) {
    segment = SegmentName.text(extent.segment)
    offset = Int(extent.offset)
    octets = Int(extent.octets)
    var words = Words()
    if let kind = EventRecord.Kind(rawValue: type), words.read(kind, payload) {
      name = kind.name
    } else {
      words = Words()
      words.add("type", Int(type))
      name = "unreadable"
    }
    (wall, messages, facts) = (words.wall, words.messages, words.facts)
  }
}

/// What a record says, as it is read.
private struct Words {
  var wall: Int64?
  var messages: [MessageID] = []
  var facts: [DumpedRecord.Fact] = []

  mutating func add(_ name: String, _ text: String?) {
    if let text { facts.append(DumpedRecord.Fact(name: name, value: .text(text))) }
  }

  mutating func add(_ name: String, _ number: Int) {
    facts.append(DumpedRecord.Fact(name: name, value: .number(number)))
  }

  mutating func add(_ name: String, at wall: Int64) {
    facts.append(DumpedRecord.Fact(name: name, value: .wall(wall)))
  }

  /// False if the payload is not what this kind of record has.
  mutating func read(_ kind: EventRecord.Kind, _ payload: UnsafeRawBufferPointer) -> Bool {
    switch kind {
    case .content: return true
    case .accepted: return note(EventRecord.acceptance(payload)) { $0.describe($1) }
    case .attempted: return note(EventRecord.attempt(payload)) { $0.describe($1) }
    case .flushed, .released, .erased:
      return note(EventRecord.messages(payload)) { ($0.messages, $0.wall) = ($1.ids, $1.wall) }
    case .stoodStill: return note(EventRecord.stoodStill(payload)) { $0.add("total_ms", Int($1)) }
    case .held: return note(EventRecord.hold(payload)) { $0.describe($1) }
    case .bounced: return note(EventRecord.bounce(payload)) { $0.describe($1) }
    case .moved: return note(EventRecord.moved(payload)) { $0.describe($1) }
    case .kept: return note(EventRecord.kept(payload)) { $0.describe($1) }
    case .adopted: return note(EventRecord.adopted(payload)) { $0.describe($1) }
    case .dropped: return note(EventRecord.drop(payload)) { $0.describe($1) }
    case .undropped: return note(EventRecord.undrop(payload)) { $0.describe($1) }
    }
  }

  private mutating func note<Event>(_ event: Event?, _ describe: (inout Words, Event) -> Void) -> Bool {
    guard let event else { return false }
    describe(&self, event)
    return true
  }

  private mutating func describe(_ acceptance: Acceptance) {
    (messages, wall) = ([acceptance.id], acceptance.wall)
    add("from", acceptance.envelope.sender?.text ?? "<>")
    for recipient in acceptance.envelope.recipients { add("to", recipient.text) }
    if acceptance.envelope.isUTF8 { add("smtputf8", "yes") }
    if let wish = acceptance.envelope.notification { describe(wish) }
    add("octets", acceptance.octets)
    for extent in acceptance.extents { add("chunk", "\(SegmentName.text(extent.segment)):\(extent.offset)") }
    let origin = acceptance.origin
    add("user", origin.login)
    add("address", origin.address)
    add("helo", origin.helo)
    add("client", origin.client)
    add("listener", origin.listener)
    add("tls", origin.tls)
    if let report = acceptance.report {
      add("reports", report.id.description)
      describe(report)
    }
  }

  private mutating func describe(_ wish: NotificationWish) {
    add("ret", wish.returned?.rawValue)
    add("envid", wish.envelopeID)
    for (index, recipient) in wish.recipients.enumerated() where !recipient.isEmpty {
      add("recipient", index + 1)
      add("notify", recipient.events?.text)
      add("orcpt", recipient.original)
    }
  }

  private mutating func describe(_ moved: MovedMessage) {
    describe(moved.acceptance)
    add("accepted", at: moved.acceptance.wall)
    wall = moved.wall
    for (index, recipient) in moved.recipients.enumerated() {
      add("recipient", index + 1)
      add("state", recipient.state.name)
      add("attempts", Int(recipient.attempts))
      if recipient.state == .deferred { add("next", at: recipient.due) }
      if recipient.isUncertain { add("uncertain", "yes") }
      add("reply", recipient.reply?.reply.description)
    }
    if moved.isWarned { add("warned", "yes") }
    if let adopted = moved.adopted { describe(adopted) }
    if let drop = moved.drop {
      add("dropped", at: drop.ordered)
      add("batch", Int(clamping: drop.batch))
      add("by", drop.by.text)
    }
    guard let hold = moved.hold else { return }
    add("held", at: hold.since)
    if let until = hold.until { add("until", at: until) }
    add("by", hold.by.text)
    add("reason", hold.reason?.text)
  }

  private mutating func describe(_ facts: KeptFacts) {
    add("needed_from", SegmentName.text(facts.floor))
    add("total_ms", Int(facts.standstill))
    if facts.lastBatch > 0 { add("batch", Int(clamping: facts.lastBatch)) }
    for spool in facts.adopted { describe(spool) }
  }

  private mutating func describe(_ spool: AdoptedSpool) {
    add("spool", String(spool.spool, radix: 16))
    add("up_to", MessageID(number: spool.highest).description)
  }

  private mutating func describe(_ report: NoticeReport) {
    add("notice", "\(report.kind)")
    for index in report.indexes { add("recipient", index + 1) }
  }

  private mutating func describe(_ attempt: Attempt) {
    (messages, wall) = ([attempt.id], attempt.wall)
    for outcome in attempt.outcomes {
      add("recipient", outcome.index + 1)
      add("result", "\(outcome.result)")
      add("attempts", outcome.attempts)
      if outcome.result == .deferred { add("next", at: outcome.next) }
      if outcome.isUncertain { add("uncertain", "yes") }
      add("reply", outcome.reply.description)
    }
  }

  private mutating func describe(_ order: HoldOrder) {
    (messages, wall) = (order.ids, order.wall)
    if let until = order.until { add("until", at: until) }
    add("by", order.by.text)
    add("reason", order.reason?.text)
  }

  private mutating func describe(_ order: DropOrder) {
    (messages, wall) = (order.ids, order.wall)
    add("batch", Int(clamping: order.batch))
    add("until", at: order.until)
    add("by", order.by.text)
  }

  private mutating func describe(_ order: UndropOrder) {
    (messages, wall) = (order.ids, order.wall)
    add("batch", Int(clamping: order.batch))
  }

  private mutating func describe(_ bounce: Bounce) {
    (messages, wall) = ([bounce.id], bounce.wall)
    for index in bounce.indexes { add("recipient", index + 1) }
    add("told", bounce.isReported ? "yes" : "no")
    add("reply", bounce.reply.description)
  }
}

extension EventRecord.Kind {
  fileprivate var name: String {
    switch self {
    case .content: "content"
    case .accepted: "accepted"
    case .attempted: "attempted"
    case .flushed: "flushed"
    case .stoodStill: "stood-still"
    case .held: "held"
    case .released: "released"
    case .bounced: "bounced"
    case .moved: "moved"
    case .kept: "kept"
    case .adopted: "adopted"
    case .dropped: "dropped"
    case .undropped: "undropped"
    case .erased: "erased"
    }
  }
}
