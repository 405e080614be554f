// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Queue

/// `flush`, `hold`, `release`, `bounce`, `drop`: does one of them to the messages that are meant, a page at a time; or only counts
/// them, and shows the oldest. Each message is changed or not, wherever it ends, and the log says how many are.
struct MessageChange: PagedWork {
  enum Verb: Sendable {
    case flush
    /// Wall time in milliseconds.
    case hold(until: Int64?)
    case release
    case bounce(report: Bool)
    case drop
    case erase
  }

  private let service: AdminService
  private let request: AdminRequest
  private let peer: AdminPeer
  private let verb: Verb
  private let isDryRun: Bool
  private var scan: MessageScan
  /// Counts first, where a number was confirmed; nil when that is done.
  private var counting: MessageScan?
  private var counted = 0
  private var reply: ChangeReply
  private var preview = ChangeReply.Preview(bytes: 0, samples: [], upTo: nil)
  private var counts: [MessageState: Int] = [:]
  private var fromNobody = 0
  /// What the first page was dropped into, and when that is erased.
  private var batch: (number: UInt64, until: Int64)?

  private static let samplesMax = 3

  init(_ service: AdminService, _ verb: Verb, _ request: AdminRequest, from peer: AdminPeer) throws(AdminError) {
    self.service = service
    self.request = request
    self.peer = peer
    self.verb = verb
    isDryRun = request.args.dryRun == true
    scan = MessageScan(service.administration, try service.selector(request))
    if let text = request.args.upTo {
      guard let last = MessageID(text) else { throw .usage("bad_value", "'up_to' is no id") }
      scan.stop(behind: last)
    }
    if request.args.confirmed != nil { counting = scan }
    reply = ChangeReply(
      verb: request.cmd, matched: 0, done: 0, failed: 0, actor: .init(uid: peer.uid, user: peer.user))
  }

  mutating func step() -> PagedStep {
    let now = request.args.asOf?.milliseconds ?? service.now()
    if let refusal = countAhead(now: now) { return refusal }
    guard let page = scan.next(now: now) else { return .last(finish(now: now)) }
    reply.matched += page.count
    for view in page { counts[view.state, default: 0] += 1 }
    fromNobody += page.count { $0.sender == nil }
    if isDryRun {
      look(at: page, now: now)
    } else if !page.isEmpty {
      reply.done += apply(page.map(\.id))
    }
    return .more([])
  }

  /// nil when the count is done and is no more than somebody agreed to.
  private mutating func countAhead(now: Int64) -> PagedStep? {
    guard let confirmed = request.args.confirmed, var scan = counting else { return nil }
    let page = scan.next(now: now)
    counted += page?.count ?? 0
    counting = page == nil ? nil : scan
    guard counted > confirmed else { return page == nil ? nil : .more([]) }
    record("refused: more are meant than were confirmed")
    let error = AdminError(
      "change.unconfirmed", "more messages are meant by now than the \(confirmed) that were confirmed",
      context: ["nothing was changed"], hint: "the same again", exit: .temporary)
    return .last([.failure(id: request.id, error)])
  }

  func abandon() {
    // Somebody may want to put back what was dropped so far.
    if !isDryRun { record("connection lost" + (batch.map { ": batch \($0.number)" } ?? "")) }
  }

  private mutating func apply(_ ids: [MessageID]) -> Int {
    let administration = service.administration
    let reason = request.args.reason
    switch verb {
    case .flush: return administration.flush(ids)
    case .hold(let until): return administration.hold(ids, until: until, by: peer.user, reason: reason)
    case .release: return administration.release(ids)
    case .bounce(let report): return administration.bounce(ids, reason: reason, report: report)
    case .erase: return administration.erase(ids)
    case .drop:
      guard let dropped = administration.drop(ids, into: batch?.number, by: peer.user) else { return 0 }
      if batch == nil { batch = (dropped.batch, dropped.until) }
      return dropped.count
    }
  }

  private mutating func look(at page: [MessageView], now: Int64) {
    preview.bytes += page.reduce(0) { $0 + $1.size }
    for view in page.prefix(Self.samplesMax - preview.samples.count) {
      let row = MessageReply(view, now: now)
      preview.samples.append(
        .init(
          id: row.id, ageSeconds: row.ageSeconds, sender: row.sender, recipient: row.recipients.first?.address ?? ""))
    }
  }

  private mutating func finish(now: Int64) -> [AdminReply] {
    if isDryRun {
      preview.upTo = scan.last?.description
      preview.asOf = Timestamp(milliseconds: now)
      reply.preview = preview
      if case .drop = verb { reply.keptSeconds = Int(service.administration.droppedKeep / 1000) }
    } else if let batch {
      reply.undo = "undrop batch:\(batch.number)"
      reply.keptSeconds = Int(service.administration.droppedKeep / 1000)
      reply.keptUntil = Timestamp(milliseconds: batch.until)
      record("done: batch \(batch.number)")
    } else {
      record("done")
    }
    let notes = notes
    if !notes.isEmpty { reply.notes = notes }
    return [.data(id: request.id, .change(reply)), .end(id: request.id, exit: .ok)]
  }

  /// What keeps the command from having its effect, or has it later.
  private var notes: [String] {
    let sending = counts[.sending] ?? 0
    switch verb {
    case .flush:
      guard reply.matched > 0 else { return [] }
      let held = counts[.held] ?? 0
      let waiting = held == 0 ? [] : ["\(Humane.count(held, "message")) on hold stay so: postern release state:held"]
      return waiting + Obstacles(service.administration.status()).notes
    case .hold:
      return sending == 0 ? [] : ["\(Humane.count(sending, "message")) being sent: held if that attempt fails"]
    case .release:
      guard reply.matched > 0 else { return [] }
      return Obstacles(service.administration.status()).notes
    case .drop:
      guard sending > 0 else { return [] }
      return ["\(Humane.count(sending, "message")) being sent: what that attempt leaves of it is dropped then"]
    case .erase:
      return sending == 0 ? [] : ["\(Humane.count(sending, "message")) being sent: left to that attempt"]
    case .bounce(let report):
      let unsent = sending == 0 ? [] : ["\(Humane.count(sending, "message")) being sent: left to that attempt"]
      let held = counts[.held] ?? 0
      let onHold = held == 0 || !isDryRun ? [] : ["\(Humane.count(held, "message")) of them on hold"]
      guard report, fromNobody > 0 else { return onHold + unsent }
      return onHold + ["\(Humane.count(fromNobody, "message")) from the null sender: nobody is told"] + unsent
    }
  }

  private func record(_ outcome: String) {
    var action = AdminAction(peer, request, outcome: outcome)
    action.matched = reply.matched
    action.changed = reply.done
    service.audit(action)
  }
}
