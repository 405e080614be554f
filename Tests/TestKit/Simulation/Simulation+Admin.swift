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
    let all = process.views
    oracle.seen(all)
    checkNumber(all)
    let views = all.filter { _ in generator.oneIn(3) }
    switch Int.random(in: 0..<10, using: &generator) {
    case 0, 1: hold(views)
    case 2, 3: release(views)
    case 4: report[.orders] += process.queue.flush(views.map(\.id), now: now)
    case 5: if let view = views.first { giveUp(view) }
    case 6, 7: drop(views)
    case 8: if let batch = process.queue.droppedCounts.keys.sorted().randomElement(using: &generator) { undrop(batch) }
    default: if let view = views.last { erase(view) }
    }
  }

  /// Those whose content was on its way when the last place was taken come in; so does what is put back, and notices do.
  private func checkNumber(_ views: [MessageView]) {
    let mail = views.count { $0.sender != nil && $0.drop == nil }
    if report[.undrops] == 0, mail > plan.messagesMax + Self.clientsMax {
      oracle.blame("\(mail) messages wait, and \(plan.messagesMax) may")
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
      let failed = view.recipients.filter { $0.state == .failed }
      oracle.givenUp(number, open.map(\.address.text), failed: failed.map(\.address.text), isTold: isTold)
    } else if let number = oracle.number(from: view.recipients[0].address.text) {
      oracle.silenced(number)
    }
  }

  // MARK: - Messages that wait, or are out of the queue

  private func hold(_ views: [MessageView]) {
    let until = generator.oneIn(2) ? now.wall + Int64.random(in: 0...30_000, using: &generator) : nil
    let count = process.queue.hold(views.map(\.id), until: until, by: PeerText("admin"), now: now)
    // Those that the order fits: somebody is left to try, and it is in the queue.
    let held = views.filter { $0.drop == nil && $0.state != .failed && $0.state != .quarantined }
    expect(count, held, "held")
    let term = HoldTerm(from: now, until: until)
    let length = until.map { " for \($0 - now.wall) ms" } ?? ""
    for view in held { oracle.ordered(view, "held\(length)") { $0.hold = term } }
    report[.holds] += count
  }

  func release(_ views: [MessageView]) {
    let count = process.queue.release(views.map(\.id), now: now)
    let released = views.filter { $0.hold != nil && $0.drop == nil }
    expect(count, released, "released")
    for view in released { oracle.ordered(view, "released") { $0.hold = nil } }
    report[.orders] += count
  }

  private func drop(_ views: [MessageView]) {
    let mark = process.queue.makeID().number
    let dropped = views.filter { $0.drop == nil }
    let answer = process.queue.drop(views.map(\.id), keep: plan.droppedKeep, by: PeerText("admin"), now: now)
    expect(answer?.count ?? 0, dropped, "dropped")
    guard let batch = answer?.batch else { return }
    if !oracle.began(batch: batch) { oracle.blame("batch \(batch) was told before, of other messages") }
    let term = DropTerm(from: now, length: plan.droppedKeep, jumps: oracle.book.jumps)
    for view in dropped {
      oracle.ordered(view, "dropped, batch \(batch)") { state in
        state.drop = (batch, term)
        state.silent.append(mark...UInt64.max)
      }
    }
    report[.drops] += dropped.count
  }

  func undrop(_ batch: UInt64) {
    let mark = process.queue.makeID().number
    let back = process.views.filter { $0.drop?.batch == batch }
    expect(process.queue.undrop(batch: batch, now: now), back, "put back")
    for view in back {
      oracle.ordered(view, "put back") { state in
        state.drop = nil
        if let last = state.silent.popLast() { state.silent.append(last.lowerBound...max(last.lowerBound, mark)) }
      }
    }
    report[.undrops] += back.count
  }

  /// `drop --now`.
  private func erase(_ view: MessageView) {
    let mark = process.queue.makeID().number
    let erased = view.state == .sending ? [] : [view]
    expect(process.queue.erase([view.id], now: now), erased, "erased")
    for view in erased {
      oracle.ordered(view, "erased") { state in
        state.isErased = true
        state.silent.append(mark...UInt64.max)
      }
    }
    report[.erasures] += erased.count
  }

  /// The number that the console tells is that of the messages which changed.
  private func expect(_ count: Int, _ views: [MessageView], _ what: String) {
    if count != views.count { oracle.blame("\(views.count) messages are \(what), and \(count) was told") }
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
      let target = ([.incoming, .outgoing] + plan.upstreams.map { .upstream($0) } as [PauseTarget])
        .randomElement(using: &generator)!
      let until = generator.oneIn(2) ? now.wall + Int64.random(in: 1_000...7_200_000, using: &generator) : nil
      if (try? control.pause(target, until: until, by: "admin", reason: nil)) != nil { report[.pauses] += 1 }
    }
    process.loop.run()
    if generator.oneIn(3) { passLongPause() }
  }

  /// What is under way ends first: a reply that is hours late would make a duplicate that nobody is to blame for.
  private func passLongPause() {
    for _ in 0..<50 where fleet.standsStill && isSending {
      for link in upstreams.map(\.link) { link.push(70_000) }
      advance(500)
      settle()
    }
    var minutes = 0
    for _ in 0..<120 where fleet.standsStill && !isSending {
      advance(60_000)
      settle()
      minutes += 1
    }
    report[.pausedHours] += minutes / 60
  }

  private var isSending: Bool { process.summary().sending > 0 }
  func adopt(_ pauses: Pauses, _ loop: EmbeddedEventLoop) {
    guard process.loop === loop else { return }
    process.dispatcher.adopt(pauses)
    process.submissions.refuse(pauses[.incoming] == nil ? nil : .paused)
    for server in fleet.servers {
      server.isPaused = pauses.outgoing(through: server.name) != nil
      oracle.paused(server.name, underWay: server.isPaused ? process.summary().sending : nil)
    }
  }
}
