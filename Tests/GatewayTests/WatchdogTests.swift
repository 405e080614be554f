// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOEmbedded
import Testing

@testable import Gateway

/// Looks every three seconds, as the monitor does, with a clock that the test turns.
private struct Bench {
  var watchdog: Watchdog
  var look: Watchdog.Look
  var pings: [Int64] = []
  var reports: [Watchdog.Stall] = []

  /// Of the only upstream, in most tests.
  var relay: Watchdog.RelayLook {
    get { look.relay["office"] ?? .init() }
    set { look.relay["office"] = newValue }
  }

  init(interval: Int64? = 30_000) {
    watchdog = Watchdog(interval: interval, now: 0)
    look = Watchdog.Look(now: 0)
  }

  mutating func pass(_ seconds: Int64, _ each: (inout Watchdog.Look) -> Void = { _ in }) {
    let end = look.now + seconds * 1000
    while look.now < end {
      look.now += 3_000
      each(&look)
      for action in watchdog.take(look) {
        switch action {
        case .ping: pings.append(look.now)
        case .report(let stall): reports.append(stall)
        }
      }
    }
  }

  /// Milliseconds since the last ping.
  var silence: Int64 { look.now - (pings.last ?? 0) }
}

@Suite("The watchdog")
struct WatchdogTests {
  @Test("is pinged at half its time while all is well")
  func idle() {
    var bench = Bench()
    bench.pass(60)
    #expect(bench.pings == [15_000, 30_000, 45_000, 60_000])
    #expect(bench.reports.isEmpty)
  }

  @Test("hears nothing while an event loop is silent, and again when it answers")
  func loops() {
    var bench = Bench()
    bench.pass(15)
    bench.look.silentLoops = ["mail 1"]
    bench.pass(30)
    #expect(bench.pings == [15_000])
    #expect(bench.reports == [.loops(["mail 1"], seconds: 15)])
    bench.look.silentLoops = []
    bench.pass(3)
    #expect(bench.silence == 0)
    bench.look.silentLoops = ["mail 1"]
    bench.pass(15)
    #expect(bench.reports.count == 2)
  }

  @Test("hears nothing while mail is due, the upstream is ok, a connection is free, and nothing moves for two minutes")
  func stalledMail() {
    var bench = Bench()
    bench.relay = .init(waiting: 3, isOpen: true, hasRoom: true)
    bench.pass(117)
    #expect(bench.silence < 15_000)
    #expect(bench.reports.isEmpty)
    bench.pass(63)
    #expect(bench.silence >= 60_000)
    #expect(bench.reports == [.mail(upstream: "office", waiting: 3, seconds: 120)])
    bench.relay.progress += 1
    bench.pass(3)
    #expect(bench.silence == 0)
  }

  @Test(
    "is content with mail that waits for a reason",
    arguments: [
      Watchdog.RelayLook(waiting: 9, isOpen: false, hasRoom: true),
      Watchdog.RelayLook(waiting: 0, isOpen: true, hasRoom: true),
    ])
  func waiting(relay: Watchdog.RelayLook) {
    var bench = Bench()
    bench.relay = relay
    bench.pass(7_200)
    #expect(bench.silence < 15_000)
    #expect(bench.reports.isEmpty)
  }

  @Test("takes octets of a slow upload for progress, however long it lasts")
  func slowUpload() {
    var bench = Bench()
    bench.relay = .init(waiting: 1, isOpen: true, hasRoom: true)
    var looks = 0
    bench.pass(3_600) { look in
      looks += 1
      if looks.isMultiple(of: 30) { look.relay["office"]!.progress += 1 }
    }
    #expect(bench.silence < 15_000)
    #expect(bench.reports.isEmpty)
  }

  @Test("is not deceived by one upstream that moves about another one that has forgotten its mail")
  func oneOfTwo() {
    var bench = Bench()
    bench.look.relay = [
      "busy": .init(waiting: 3, isOpen: true, hasRoom: true), "idle": .init(waiting: 2, isOpen: true, hasRoom: true),
    ]
    bench.pass(180) { $0.relay["busy"]!.progress += 1 }
    #expect(bench.silence >= 60_000)
    #expect(bench.reports == [.mail(upstream: "idle", waiting: 2, seconds: 120)])
    bench.look.relay["idle"] = nil
    bench.pass(3) { $0.relay["busy"]!.progress += 1 }
    #expect(bench.silence == 0)
    bench.pass(120)
    #expect(bench.reports.last == .mail(upstream: "busy", waiting: 3, seconds: 120))
  }

  @Test("gives connections that are all busy the longest time that a reply may take")
  func busy() {
    var bench = Bench()
    bench.relay = .init(waiting: 1, isOpen: true, hasRoom: false)
    bench.pass(600)
    #expect(bench.silence < 15_000)
    bench.pass(90)
    #expect(bench.silence >= 15_000)
    #expect(bench.reports == [.mail(upstream: "office", waiting: 1, seconds: 660)])
  }

  @Test("counts the two minutes from when a connection became free")
  func freed() {
    var bench = Bench()
    bench.relay = .init(waiting: 1, isOpen: true, hasRoom: false)
    bench.pass(300)
    bench.relay.hasRoom = true
    bench.pass(117)
    #expect(bench.reports.isEmpty)
    bench.pass(6)
    #expect(bench.reports.count == 1)
  }

  @Test("hears nothing while a write or sync lasts longer than its time")
  func writer() {
    var bench = Bench()
    bench.look.writer = .init(steps: 7, hasWork: true)
    bench.pass(30)
    #expect(bench.silence < 15_000)
    bench.pass(30)
    #expect(bench.silence >= 30_000)
    #expect(bench.reports == [.writer(seconds: 33)])
    bench.look.writer.steps = 8
    bench.pass(3)
    #expect(bench.silence == 0)
  }

  @Test("is content with a disk that is busy or that refuses, as long as it answers")
  func busyWriter() {
    var bench = Bench()
    bench.pass(600) { $0.writer = .init(steps: $0.writer.steps + 1, hasWork: true) }
    #expect(bench.silence < 15_000)
    #expect(bench.reports.isEmpty)
  }

  @Test("without a manager that waits, what stands still is told all the same")
  func unwatched() {
    var bench = Bench(interval: nil)
    bench.look.writer = .init(steps: 7, hasWork: true)
    bench.pass(60)
    #expect(bench.reports == [.writer(seconds: 33)])
  }
}

@Suite("The health monitor")
struct HealthMonitorTests {
  private final class Heard {
    var said: [String] = []
    var pings = 0
    var status = "0 waiting, office ok"
  }

  @Test("tells the status only when it changes, and at once within a few seconds")
  func status() throws {
    let (own, mail) = (EmbeddedEventLoop(), EmbeddedEventLoop())
    let heard = NIOLoopBoundBox(Heard(), eventLoop: own)
    let monitor = HealthMonitor(parts: parts(mail, heard), eventLoop: own, watchdogMilliseconds: nil)
    monitor.start(said: "0 waiting, office ok")
    own.advanceTime(by: .seconds(60))
    #expect(heard.value.said.isEmpty)
    heard.value.status = "1 waiting, office paused (login)"
    own.advanceTime(by: .seconds(3))
    #expect(heard.value.said == ["1 waiting, office paused (login)"])
    own.advanceTime(by: .seconds(60))
    #expect(heard.value.said.count == 1)
    let stopped = monitor.stop()
    own.run()
    try stopped.wait()
    heard.value.status = "2 waiting"
    own.advanceTime(by: .seconds(60))
    #expect(heard.value.said.count == 1)
  }

  @Test("pings only when every loop has answered since the last ping")
  func pings() {
    let (own, mail) = (EmbeddedEventLoop(), EmbeddedEventLoop())
    let heard = NIOLoopBoundBox(Heard(), eventLoop: own)
    HealthMonitor(parts: parts(mail, heard), eventLoop: own, watchdogMilliseconds: 16_000).start(said: "")
    func pass(_ seconds: Int, answering: Bool) {
      for _ in 0..<seconds {
        if answering { mail.run() }
        own.advanceTime(by: .seconds(1))
      }
    }
    pass(25, answering: true)
    #expect(heard.value.pings == 3)
    pass(60, answering: false)
    // It may have answered since the last ping already.
    #expect(heard.value.pings <= 4)
    let before = heard.value.pings
    pass(3, answering: true)
    #expect(heard.value.pings == before + 1)
  }

  private func parts(_ mail: EmbeddedEventLoop, _ heard: NIOLoopBoundBox<Heard>) -> HealthMonitor.Parts {
    HealthMonitor.Parts(
      loops: [(name: "mail 1", eventLoop: mail)], relayLoop: mail, relay: { [:] },
      writer: { Watchdog.WriterLook() }, status: { heard.value.status }, say: { heard.value.said.append($0) },
      ping: { heard.value.pings += 1 }, report: { _ in })
  }
}
