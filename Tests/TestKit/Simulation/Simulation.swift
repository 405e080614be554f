// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Gateway
import Logging
import NIOCore
import NIOEmbedded
import Queue
import SMTP
import WAL

/// The real handlers, dispatcher, queue and log in one thread, on a disk that lies, between clients and upstreams
/// that hang up, with an admin who meddles and a clock that jumps. A seed decides everything; the oracle judges.
package final class Simulation {
  var generator: SeededGenerator
  let plan: SimulationPlan
  let trace: EventTrace
  let disk: SimulatedDisk
  let pauseMemory = PauseMemory()
  let quotaMemory = QuotaMemory()
  let time: SimulatedTime
  let fleet: SimulatedFleet
  let history = SimulatedHistory()
  let log: EventLog
  var oracle: Oracle
  var process: SimulatedProcess!
  var clients: [SimulatedClient] = []
  var upstreams: [SimulatedUpstream] = []
  var report = SimulationReport()
  /// Faults are over, and everything gets its time.
  var isCalm = false
  /// Steps until the spell of weather, the full disk or the slow disk is over.
  var troubleLeft = 0
  var isSlow = false
  var canReadFail = false
  var now: Instant { time.now }
  private var elapsed: Int64 = 0
  private var lastLook: Int64 = 0
  private var lastJump: Int64 = -60_000
  private var idleTurns = 0
  /// Copies of messages are on their way to another place.
  var isCompacting = false

  /// `reader` gets every event as a line, and everything that the daemon would log.
  package static func run(
    seed: UInt64, reader: (@Sendable (String) -> Void)? = nil
  ) -> SimulationReport {
    let simulation = Simulation(seed: seed, reader: reader)
    simulation.start()
    for _ in 0..<simulation.plan.steps { simulation.step() }
    simulation.calmDown()
    return simulation.finish()
  }

  private init(seed: UInt64, reader: (@Sendable (String) -> Void)?) {
    generator = SeededGenerator(seed: seed)
    plan = SimulationPlan(using: &generator)
    trace = EventTrace(reader: reader)
    time = SimulatedTime(Instant(wall: 1_790_000_000_000, monotonic: 1_000))
    fleet = SimulatedFleet(plan, time, using: &generator)
    oracle = Oracle(plan.policy, time.now, trace: trace)
    disk = SimulatedDisk(seed: generator.next(), trace: trace)
    disk.failSyncs(as: plan.failedSync)
    disk.limit(SimulatedDisk.Room(isReserving: plan.isReserving))
    log = reader.map { EventLog(handler: LineLogHandler(reader: $0), level: .info) } ?? Self.silentLog
  }

  func random() -> UInt64 { generator.next() }

  // MARK: - Steps

  private func step() {
    switch Int.random(in: 0..<1000, using: &generator) {
    case 0..<100 where clients.count < Self.clientsMax: openClient()
    case 0..<500: moveOctets()
    case 500..<780: if !isSlow || generator.oneIn(10) { stepLog() }
    case 780..<900: advance(generator.oneIn(12) ? 20_000 : Int64.random(in: 0...40, using: &generator))
    case 900..<930: order()
    case 930..<940: pauseOrResume()
    case 940..<950: hangUpSomebody()
    case 950..<970: disk.setCold(generator.oneIn(2))
    default: meddle()
    }
    meddleWithUpstreams()
    settle()
    troubleLeft -= 1
    if troubleLeft == 0 { endTrouble() }
  }

  private func meddle() {
    let roll = Int.random(in: 0..<30, using: &generator)
    if roll * 2 < plan.crashes { return endProcess() }
    if roll < plan.troubles, troubleLeft <= 0 { return beginTrouble() }
    if plan.wallJumps, generator.oneIn(4) { jump() }
  }

  func stepLog(mayLinger: Bool? = nil) {
    let result = process.queue.log.step(mayLinger: mayLinger ?? generator.oneIn(2))
    for ending in history.take() { oracle.finished(ending.mail) }
    if result == .synced || result == .idle, !process.queue.log.hasOpenBatch { oracle.becameDurable() }
  }

  /// Lets everybody react to what has arrived.
  func settle() {
    process.loop.run()
    for client in clients { client.run(&oracle) }
    // What ails one is known before another one is judged.
    for upstream in upstreams { upstream.noteReplies(&oracle) }
    for upstream in upstreams { upstream.run(&oracle) { mood($0, upstream.server) } }
    for isWritten in quotaMemory.takeWrites() { fleet.wroteQuotas(isWritten) }
    oracle.standsStill(fleet.standsStill, byHand: fleet.isPaused)
    clients.removeAll { $0.isDone && !$0.link.channel.isActive }
    for upstream in upstreams where !upstream.link.channel.isActive { report[.flights] += upstream.flights }
    upstreams.removeAll { !$0.link.channel.isActive }
    // What the watchdog would kill us for, if it lasted.
    for (name, look) in process.dispatcher.look() where look.isIdle && !isLookDue(at: name) {
      idleTurns += 1
      trace.note(.world, 13, text: "mail could move through \(name), and does not")
    }
    time.turn += 1
    time.previous = now.monotonic
  }

  /// The clock was set, and the quota that has room now is looked at within the minute.
  private func isLookDue(at upstream: String) -> Bool {
    now.monotonic < lastJump + 60_000 && process.settings.upstream(named: upstream)?.upstream.quota != nil
  }

  func advance(_ milliseconds: Int64) {
    time.now = now.advanced(by: milliseconds)
    oracle.now = now
    elapsed += milliseconds
    trace.advance(to: elapsed)
    process.loop.advanceTime(by: .milliseconds(milliseconds))
    if now.monotonic - lastLook >= 1_000 { look() }
  }

  /// Somebody sets the clock.
  func jumpWall(by milliseconds: Int64) {
    let wall = now.wall
    time.now.wall += milliseconds
    lastJump = now.monotonic
    oracle.now = now
    fleet.jumped(from: wall)
  }

  // MARK: - Threads

  /// Milliseconds until a thread begins with its work; nil: now.
  func threadDelay() -> Int64? {
    isCalm || generator.oneIn(2) ? nil : Int64.random(in: 1...SimulatedThreads.delayMax, using: &generator)
  }

  func note(_ progress: CompactionProgress) {
    trace.note(.process, 4, progress == .underWay ? 1 : 0, text: "compacts: \(progress)")
    isCompacting = progress == .underWay
    if isCompacting { report[.compactions] += 1 }
  }

  // MARK: - Room

  /// As the watch does once a second.
  func look() {
    lastLook = now.monotonic
    process.space.look()
    noteIntake()
    guard process.space.admission.intake.refusal == nil, let free = try? disk.freeOctets() else { return }
    if free < Int64(plan.minFree) { oracle.blame("mail is taken, and only \(free) octets are free") }
  }

  func noteIntake() {
    oracle.intake(process.space.admission.intake)
  }

  // MARK: - Connections

  private func moveOctets() {
    let links = clients.map(\.link) + upstreams.map(\.link)
    guard let link = links.randomElement(using: &generator) else { return }
    noteIntake()
    link.push(generator.oneIn(3) ? Int.random(in: 1...90, using: &generator) : 70_000)
  }

  private func hangUpSomebody() {
    let links = generator.oneIn(2) ? clients.map(\.link) : upstreams.map(\.link)
    links.randomElement(using: &generator)?.hangUp()
  }

  func openClient() {
    report[.clients] += 1
    let gate = ReadGate()
    let place = Int.random(in: 0..<SimulationPlan.submitters, using: &generator)
    let channel = EmbeddedChannel(handlers: [], loop: process.loop)
    let context = SubmissionContext(
      settings: process.settings,
      listener: Configuration.Listener(name: "plain", port: 25, security: Configuration.Security.none),
      address: IPAddress("192.0.2.\(place)")!, queue: process.queue, logins: process.logins, loop: process.submissions,
      clock: process.clock, log: log,
      admission: process.space.admission, left: {})
    try! channel.pipeline.syncOperations.addHandlers(gate, SubmissionHandler(context))
    channel.connect(to: try! SocketAddress(ipAddress: "192.0.2.\(place)", port: 25), promise: nil)
    let plans = (0..<(generator.oneIn(3) ? Int.random(in: 2...4, using: &generator) : 1)).map { _ in
      SimulatedClient.Plan(
        domain: SimulatedSetup.senderDomains.randomElement(using: &generator)!, submitter: place,
        recipients: (0..<Int.random(in: 1...plan.recipientsMax, using: &generator)).map { _ in
          SimulatedSetup.recipientDomains.randomElement(using: &generator)!
        }, body: makeContent())
    }
    clients.append(SimulatedClient(link: SimulatedLink(channel: channel, gate: gate), plans: plans))
  }

  /// Dots at line starts, sometimes more than a chunk.
  private func makeContent() -> [UInt8] {
    let isLarge = Int.random(in: 0..<100, using: &generator) < plan.largeBodies
    let lines = isLarge ? Int.random(in: 60...160, using: &generator) : Int.random(in: 0...5, using: &generator)
    var octets = [13, 10] as [UInt8]
    octets.reserveCapacity(lines * (isLarge ? 1_000 : 40) + 2)
    for line in 0..<lines {
      octets += Self.dots[..<(line % 3)]
      octets += Self.line[(isLarge ? 0 : 990 - line * 7)...]
    }
    return octets
  }

  private static let dots = [UInt8](repeating: UInt8(ascii: "."), count: 3)
  private static let line = [UInt8](repeating: UInt8(ascii: "x"), count: 990) + [13, 10]

  // MARK: - The end

  private func finish() -> SimulationReport {
    oracle.finish(remaining: process.unfinished)
    if idleTurns > 0 { oracle.blame("mail was due and could move and did not, in \(idleTurns) turns") }
    checkDiskUse()
    let waiting = process.unfinished
    endProcess()
    if waiting == 0, !process.views.isEmpty { oracle.blame("\(process.views.count) messages came back from the end") }
    for link in clients.map(\.link) + upstreams.map(\.link) { link.hangUp() }
    process.end()
    process = nil
    report.trace = trace.hash
    report.violations = oracle.violations
    report[.events] = trace.count
    report[.promised] = oracle.count(.promised)
    report[.refused] = oracle.count(.refused)
    report[.undecided] = oracle.count(.none)
    report[.deliveries] = oracle.deliveries
    report[.duplicates] = oracle.duplicates
    report[.failureNotices] = oracle.failureNotices
    report[.delayNotices] = oracle.delayNotices
    report[.expired] = oracle.expired
    report[.turnedAway] = oracle.turnedAway
    report[.diskCalls] = disk.count(nil)
    report[.segments] = disk.count(.create)
    report[.removals] = disk.count(.remove)
    report[.compactingRuns] = report[.compactions] > 0 ? 1 : 0
    report[.failovers] = fleet.failovers
    return report
  }

  /// Nothing lives any more: what is left is the segment in use, and one behind it.
  private func checkDiskUse() {
    guard process.unfinished == 0 else { return }
    // A file that the disk would neither make whole nor remove goes with the segment before it (seed 52150).
    let segments = disk.names.filter { $0.hasSuffix(".wal") && disk.contents($0).prefix(4).contains { $0 != 0 } }
    if segments.count > 2 { oracle.blame("\(segments.count) segments are left and nothing lives: \(segments)") }
  }

  static let clientsMax = 6
  private static let silentLog = EventLog(handler: SwiftLogNoOpLogHandler(), level: .critical)
}
