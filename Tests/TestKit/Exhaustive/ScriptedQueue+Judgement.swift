// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP
import WAL

/// What must be true of a queue that has just been opened, and at the end.
extension ScriptedQueue {
  /// Every promise to clients, the upstream, senders and the admin. From here on what the queue has is what it keeps.
  func examine() {
    guard queue != nil else { return }
    if !mayTellOfDamage, let damage = report.damages.first { blame("damage is told of that is none: \(damage)") }
    var found: [String: MessageView] = [:]
    for view in views {
      let name = Self.name(of: view)
      if found.updateValue(view, forKey: name) != nil { blame("\(name) is there twice") }
      guard let message = outside[name] else {
        blame("\(name) is there, and nobody sent it")
        continue
      }
      if message.answer == .refused { blame("\(name) was refused, and is there") }
      // Who tells of a failure ends it, also if nobody heard that it was written.
      if name.hasPrefix("told-") { outside[String(name.dropFirst(5))]?.isEnded = true }
      if message.isEndDurable { blame("\(name) has ended, and is there again") }
      if view.recipients.map(\.address.text) != message.recipients { blame("\(name) has other recipients") }
      expectUnchanged(view, name)
    }
    for (name, message) in outside {
      if message.answer == .accepted, !message.isEnded, found[name] == nil { blame("\(name) is lost") }
      switch message.answer {
      case .none, .undecided: outside[name]!.answer = found[name] == nil ? .refused : .accepted
      case .accepted where found[name] != nil: outside[name]!.isEnded = false
      case .accepted: outside[name]!.isEndDurable = true
      case .refused: break
      }
    }
    settle(about: Array(outside.keys))
  }

  private func expectUnchanged(_ view: MessageView, _ name: String) {
    guard let before = durable[name], !unsettled.contains(name), name != rotten, before != view else { return }
    blame("\(name) has changed: it was \(before), and is \(view)")
  }

  /// On a healthy disk everything that is owed can be paid.
  func expectSettled() {
    guard let queue else { return }
    if queue.log.condition.isOwing || queue.log.hasOpenBatch || !unsettled.isEmpty {
      blame("the log does not come to its end on a disk that is healthy again")
    }
  }

  /// Starts once more, as after a kill and as after a power cut.
  func expectSameAgain() {
    let (first, damages) = (views, report.damages)
    for isCut in [false, true] {
      let copy = disk.copy()
      if isCut { copy.crash(seed: 3) }
      let again = try? MessageQueue.open(
        disk: copy, policy: Self.policy, now: now, salt: 99, host: "gateway", ready: {})
      if again?.queue.page(after: nil, limit: .max) != first || again?.report.damages != damages {
        blame("a second recovery\(isCut ? " behind a power cut" : "") finds something else")
      }
    }
  }

  /// Ends everything by delivery or by telling.
  func drain() {
    guard let queue else { return }
    for batch in queue.droppedBatches { _ = queue.undrop(batch: batch, now: now) }
    _ = queue.release(views.map(\.id), now: now)
    if let rotten { bounce(rotten) }
    for _ in 0..<40 where !views.isEmpty {
      pass(3_600_000)
      attemptAll()
      notify()
    }
    settle()
    expectSettled()
    for view in views { blame("\(Self.name(of: view)) does not come to its end: \(view)") }
    // What goes from the head goes with the next syncs.
    for number in 0..<3 {
      accept("end\(number)")
      attempt("end\(number)", .delivered)
    }
    compact()
  }

  func expectNothingLeft() {
    for view in views { blame("\(Self.name(of: view)) is there behind its end") }
    if (queue?.log.segments.count ?? 0) > 3 { blame("\(queue.log.segments.count) segments are left for nothing") }
    for (name, message) in outside where name.hasPrefix("told-") && message.deliveries.count > 1 {
      blame("a sender was told twice: \(name)")
    }
  }
}
