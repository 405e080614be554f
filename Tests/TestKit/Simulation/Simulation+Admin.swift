// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Gateway
import NIOEmbedded
import Queue
import SMTP

/// What an admin might do while all this goes on.
extension Simulation {
  /// To messages that he sees.
  func order() {
    let views = process.views.filter { _ in generator.oneIn(3) }
    let ids = views.map(\.id)
    switch Int.random(in: 0..<5, using: &generator) {
    case 0:
      let until = generator.oneIn(2) ? now.wall + Int64.random(in: 0...30_000, using: &generator) : nil
      report[.orders] += process.queue.hold(ids, until: until, by: PeerText("admin"), now: now)
    case 1, 2: report[.orders] += process.queue.release(ids, now: now)
    case 3: report[.orders] += process.queue.flush(ids, now: now)
    default: if let view = views.first { giveUp(view) }
    }
  }

  private func giveUp(_ view: MessageView) {
    let isTold = generator.oneIn(2)
    let reply = Reply(550, EnhancedStatus(5, 7, 0), "given up by the admin")
    guard process.queue.bounce([view.id], reply: reply, report: isTold, now: now) == 1 else { return }
    report[.orders] += 1
    if let sender = view.sender {
      guard let number = oracle.number(from: sender.text) else { return }
      let open = view.recipients.filter { $0.state == .queued || $0.state == .deferred }
      oracle.givenUp(number, open.map(\.address.text), isTold: isTold)
    } else if let number = oracle.number(from: view.recipients[0].address.text) {
      oracle.silenced(number)
    }
  }

  // MARK: - Pauses by hand

  /// The disk does not always take it, and then nothing has changed.
  func pauseOrResume() {
    pauseMemory.isBroken = generator.oneIn(5)
    defer { pauseMemory.isBroken = false }
    let control = process.pauses
    if let target = control.current.targets.randomElement(using: &generator), !generator.oneIn(3) {
      _ = try? control.resume(target, by: "admin")
    } else {
      let target = [PauseTarget.incoming, .outgoing, .upstream("sim")].randomElement(using: &generator)!
      let until = generator.oneIn(2) ? now.wall + Int64.random(in: 1_000...7_200_000, using: &generator) : nil
      if (try? control.pause(target, until: until, by: "admin", reason: nil)) != nil { report[.pauses] += 1 }
    }
    process.loop.run()
    if generator.oneIn(3) { passLongPause() }
  }

  /// What is under way ends first: a reply that is hours late would make a duplicate that nobody is to blame for.
  private func passLongPause() {
    for _ in 0..<50 where isSendingPaused && isSending {
      for link in upstreams.map(\.link) { link.push(70_000) }
      advance(500)
      settle()
    }
    var minutes = 0
    for _ in 0..<120 where isSendingPaused && !isSending {
      advance(60_000)
      minutes += 1
    }
    report[.pausedHours] += minutes / 60
  }

  private var isSending: Bool { process.summary().sending > 0 }
  private var isSendingPaused: Bool { process.pauses.current.outgoing(through: "sim") != nil }

  func adopt(_ pauses: Pauses, _ loop: EmbeddedEventLoop) {
    guard process.loop === loop else { return }
    process.dispatcher.adopt(pauses)
    process.submissions.refuse(pauses[.incoming] == nil ? nil : .paused)
    oracle.paused(underWay: pauses.outgoing(through: "sim") == nil ? nil : process.summary().sending)
  }
}
