// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Queue
import WAL

/// What goes wrong with disk, clock, power and process.
extension Simulation {
  /// A spell of some dozens of steps.
  func beginTrouble() {
    troubleLeft = Int.random(in: 3...60, using: &generator)
    switch Int.random(in: 0..<8, using: &generator) {
    case 0, 1, 2: failSyncs()
    case 3, 4: beginWeather()
    case 5, 6: fillDisk()
    default:
      report[.slowDisks] += 1
      trace.note(.world, 2, text: "the disk is slow")
      isSlow = true
    }
  }

  func endTrouble() {
    trace.note(.world, 3, text: "the trouble is over")
    troubleLeft = 0
    isSlow = false
    canReadFail = false
    disk.heal()
    disk.limit(SimulatedDisk.Room(isReserving: plan.isReserving))
  }

  private func failSyncs() {
    let nth = Int.random(in: 1...4, using: &generator)
    let count = [1, 1, 2, 4, 8].randomElement(using: &generator)!
    report[.failedCalls] += 1
    trace.note(.world, 4, nth, count, text: "syncs fail: \(count) from number \(nth) on")
    disk.fail(.sync, nth: nth, count: count)
  }

  private func beginWeather() {
    typealias Operation = SimulatedDisk.Operation
    var weather = SimulatedDisk.Weather()
    let writing: [Operation] = [.write, .sync, .create, .syncDirectory, .remove, .rename]
    let operations = generator.oneIn(3) ? [writing.randomElement(using: &generator)!] : writing
    let rate = [30, 100, 400, 1000].randomElement(using: &generator)!
    for operation in operations { weather.failing[operation] = rate }
    if generator.oneIn(4) { weather.failing[.read] = 100 }
    if generator.oneIn(4) { weather.failing = [:] }
    weather.code = [EIO, EIO, ENOSPC, EDQUOT, EROFS].randomElement(using: &generator)!
    weather.short = generator.oneIn(2) ? 200 : 0
    weather.interrupted = generator.oneIn(2) ? 200 : 0
    report[.failedCalls] += 1
    trace.note(.world, 5, rate, operations.count, text: "bad weather: \(weather)")
    canReadFail = weather.failing[.read] != nil
    disk.setWeather(weather)
  }

  /// Somebody else's file takes what was free.
  private func fillDisk() {
    report[.fullDisks] += 1
    let left = Int64([0, 3_000, 20_000, 200_000].randomElement(using: &generator)!)
    var room = SimulatedDisk.Room(octets: disk.usedOctets + left, isReserving: plan.isReserving)
    if generator.oneIn(4) {
      room = SimulatedDisk.Room(inodes: Int64(disk.names.count), isReserving: plan.isReserving)
    }
    trace.note(.world, 6, Int(left), text: "the disk is full, but for \(left) octets")
    disk.limit(room)
  }

  func jump() {
    report[.jumps] += 1
    let hour: Int64 = 3_600_000
    let span = [1_000, hour, 24 * hour, 365 * 24 * hour].randomElement(using: &generator)!
    let by = generator.oneIn(2) ? span : -span
    trace.note(.world, 7, Int(by), text: "the clock is set by \(by) ms")
    jumpWall(by: by)
  }

  // MARK: - Lives of the process

  /// kill -9, or the power goes: what was not synced is gone, torn or there, as the seed decides.
  func endProcess() {
    if isCompacting { report[.brokenCompactions] += 1 }
    let seed = generator.next()
    if generator.oneIn(2) {
      report[.kills] += 1
      disk.kill()
    } else {
      report[.crashes] += 1
      disk.crash(seed: seed)
    }
    // A start may meet the disk as it still is. But what recovery cannot read is damage to it, as it should be.
    if isCalm || canReadFail || !generator.oneIn(4) { endTrouble() }
    let old: SimulatedProcess = process
    for isWritten in quotaMemory.takeWrites() { fleet.wroteQuotas(isWritten) }
    quotaMemory.close()
    for link in clients.map(\.link) + upstreams.map(\.link) { link.hangUp() }
    old.loop.run()
    for client in clients { client.run(&oracle) }
    for upstream in upstreams { upstream.noteReplies(&oracle) }
    clients = []
    upstreams = []
    old.end()
    oracle.processEnded()
    fleet.processEnded()
    if plan.wallJumps, generator.oneIn(4) { jump() }
    start()
  }

  func start() {
    compareRecoveries()
    let salt = generator.next()
    for attempt in 1... {
      do {
        trace.note(.process, 1, attempt, text: "starts")
        process = try SimulatedProcess(
          SimulatedProcess.Surroundings(
            disk: disk, plan: plan, settings: fleet.setup.settings, pauseMemory: pauseMemory,
            quotas: quotaMemory.open(), log: log, salt: salt, simulation: self))
        break
      } catch {
        // systemd tries again; the admin mends the disk.
        report[.refusedStarts] += 1
        trace.note(.process, 2, attempt, text: "cannot start: \(error)")
        disk.kill()
        endTrouble()
        if attempt > 3 { return oracle.blame("a spool cannot be opened on a healthy disk: \(error)") }
      }
    }
    report[.starts] += 1
    isCompacting = false
    if quotaMemory.isBroken { for server in fleet.servers { server.allowance.forget() } }
    fleet.start()
    examine(process.recovery)
    // Before anybody can come in, as the gateway does.
    look()
  }

  /// The disk forgets nothing that was synced, so there is no damage; and what was promised is there.
  private func examine(_ recovery: RecoveryReport) {
    let views = process.views
    trace.note(
      .process, 3, recovery.messages, recovery.segments, recovery.records, recovery.tornRecords,
      text: "is ready: \(recovery.messages) messages in \(recovery.segments) segments, \(recovery.tornRecords) torn")
    for damage in recovery.damages { oracle.blame("recovery tells of damage that is none: \(damage)") }
    var waiting: [String: Bool] = [:]
    for view in views where view.sender != nil {
      for recipient in view.recipients where recipient.state != .delivered && recipient.state != .reported {
        if waiting.updateValue(recipient.state != .failed, forKey: recipient.address.text) != nil {
          oracle.blame("\(recipient.address.text) is there twice after a restart")
        }
      }
    }
    oracle.recovered(waiting, views, mark: process.queue.makeID().number)
  }

  /// Recovery changes nothing that a second one would see.
  private func compareRecoveries() {
    guard disk.count(nil) > 0, generator.oneIn(4) else { return }
    report[.comparisons] += 1
    let copy = disk.copy()
    guard let first = recovered(copy) else { return }
    copy.kill()
    if recovered(copy) != first { oracle.blame("a second recovery finds something else than the first") }
    copy.crash(seed: 1)
    if recovered(copy) != first { oracle.blame("a recovery after a power cut finds something else than before") }
  }

  private struct Recovered: Equatable {
    var views: [MessageView]
    var damages: [Damage]
  }

  private func recovered(_ disk: SimulatedDisk) -> Recovered? {
    guard
      let opened = try? MessageQueue.open(
        disk: disk, policy: plan.policy, now: now, salt: 1, host: "gateway", ready: {})
    else {
      oracle.blame("a copy of the spool cannot be opened")
      return nil
    }
    return Recovered(views: opened.queue.page(after: nil, limit: .max), damages: opened.report.damages)
  }
}
