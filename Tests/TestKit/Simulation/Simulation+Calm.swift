// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue

/// The end of a run: faults are over, and everything gets its time.
extension Simulation {
  func calmDown() {
    trace.note(.world, 1, text: "all is calm")
    isCalm = true
    endTrouble()
    for server in fleet.servers { heal(server) }
    quotaMemory.isBroken = false
    disk.setCold(false)
    for batch in process.queue.droppedBatches where generator.oneIn(2) { undrop(batch) }
    release(process.views)
    for target in process.pauses.current.targets { _ = try? process.pauses.resume(target, by: "admin") }
    settle()
    if plan.losesOne { outlast() }
    quieten()
    // What stays dropped is erased when its time is over.
    for _ in 0..<100 where process.summary().dropped > 0 { advance(plan.droppedKeep / 4 + 60_000) }
    quieten()
    // What was full may be tried again.
    for _ in 0..<7 { advance(1_000) }
    if let refusal = process.space.admission.intake.refusal {
      oracle.blame("mail is refused although there is room: \(refusal)")
    }
    // One message more must get through, and lets the log tidy up behind the others.
    openClient()
    quieten()
    let last = oracle.messages.last?.recipients ?? []
    if last.isEmpty || last.contains(where: { $0.answer != .promised }) {
      oracle.blame("the last message is not accepted although nothing is in its way")
    }
  }

  private func quieten() {
    passQuietly { clients.isEmpty && process.moving == 0 }
    stepLog(mayLinger: false)
  }

  /// Until it is so, or long enough: a second or two for what moves, longer steps where everybody waits for a time.
  private func passQuietly(until isDone: () -> Bool) {
    var quiet = 0
    for _ in 0..<2_000 where !isDone() {
      let before = activity
      for link in clients.map(\.link) + upstreams.map(\.link) {
        noteIntake()
        link.push(70_000)
      }
      stepLog(mayLinger: false)
      advance(quiet < 20 ? 500 : 20_000)
      settle()
      quiet = activity == before ? quiet + 1 : 0
    }
  }

  /// The same if nothing has moved.
  private var activity: [Int] {
    let links = clients.map(\.link) + upstreams.map(\.link)
    let summary = process.summary()
    return links.map { $0.written + $0.arrived } + [summary.queued, summary.sending, summary.deferred, summary.failed]
  }

  // MARK: - One that stays dead

  /// For hours one upstream does not come back. Mail that another one may carry leaves, and the rest waits: it neither
  /// grows old nor is it given up.
  private func outlast() {
    let setup = fleet.setupInForce
    let lost = setup.names.randomElement(using: &generator)!
    ail(fleet[lost], .dead)
    passQuietly { clients.isEmpty && process.moving == waiting(for: lost, setup)?.count }
    guard let stuck = waiting(for: lost, setup), clients.isEmpty, stuck.count == process.moving else {
      return oracle.blame("without \(lost), mail waits that another upstream could take: \(process.moving) messages")
    }
    if !stuck.isEmpty {
      trace.note(.world, 12, stuck.count, text: "\(stuck.count) messages wait for \(lost)")
      report[.outlasted] += 1
      for _ in 0..<120 {
        advance(60_000)
        settle()
        oracle.standsStill(true)
        stepLog(mayLinger: false)
      }
      // Notifications of its delay may have joined it.
      let still = Set(waiting(for: lost, setup) ?? [])
      if !still.isSuperset(of: stuck) { oracle.blame("mail for \(lost) did not wait until it came back") }
    }
    heal(fleet[lost])
    settle()
  }

  /// Messages of which all that is left may only go to this upstream, and is ready; nil while anything else moves.
  private func waiting(for name: String, _ setup: SimulatedSetup) -> [MessageID]? {
    var stuck: [MessageID] = []
    for view in process.views where view.drop == nil {
      guard view.state == .queued else { return nil }
      let facts = view.sender.flatMap { oracle.number(from: $0.text) }.map { oracle.messages[$0].mail } ?? MailFacts()
      for recipient in view.recipients where ![.delivered, .failed, .reported].contains(recipient.state) {
        guard setup.groups(of: facts, to: recipient.address.text) == [[name]] else { return nil }
      }
      stuck.append(view.id)
    }
    return stuck
  }
}
