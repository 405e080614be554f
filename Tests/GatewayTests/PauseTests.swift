// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration
import Glibc
import Logging
import NIOCore
import NIOEmbedded
import Synchronization
import TestKit
import Testing

@testable import Gateway
@testable import Queue

@Suite("Pauses by hand: kept, ended, and told")
struct PauseTests {
  private static let hour: Int64 = 3_600_000

  // MARK: the file

  @Test("what is written is read back, in one order")
  func roundTrip() throws {
    var pauses = Pauses()
    for target: PauseTarget in [.upstream("b"), .outgoing, .upstream("a.b-C_1"), .incoming] {
      pauses[target] = Pause(
        target, since: Timestamp(milliseconds: 1_790_000_000_123), until: Timestamp(milliseconds: 1_790_000_100_000),
        by: "alice", reason: "\"quoted\" \u{E4}\n\u{1B}[2J")
    }
    #expect(try Pauses(parsing: pauses.text) == pauses)
    #expect(pauses.all.map(\.target) == ["in", "out", "upstream a.b-C_1", "upstream b"])
    #expect(pauses[.incoming]?.reason == "\"quoted\" \u{E4}??[2J")
  }

  @Test("a file that is cut anywhere, changed or empty is none")
  func damage() throws {
    var pauses = Pauses()
    for target: PauseTarget in [.outgoing, .upstream("office")] {
      pauses[target] = Pause(target, since: Timestamp(milliseconds: 0), until: nil, by: "root", reason: "x")
    }
    let whole = pauses.text
    // The last octet is a line end, and nobody misses that.
    for count in 0..<whole.count - 1 {
      #expect(throws: PauseError.self, "cut to \(count)") { try Pauses(parsing: Array(whole[..<count])) }
    }
    for (old, new) in [("\"v\" : 1", "\"v\" : 2"), ("\"out\"", "\"both\""), ("\"upstream\"", "\"in\"")] {
      let text = String(decoding: whole, as: UTF8.self).replacing(old, with: new)
      #expect(text.utf8.count > 0 && Array(text.utf8) != whole)
      #expect(throws: PauseError.self, "\(new)") { try Pauses(parsing: Array(text.utf8)) }
    }
  }

  @Test("the file is there while something is paused, and only then")
  func file() throws {
    var template = Array("/tmp/postern-pauses-XXXXXX".utf8CString)
    let directory = String(cString: try #require(mkdtemp(&template)))
    defer { rmdir(directory) }
    let file = PauseFile(directory: directory)
    #expect(try file.read() == Pauses())
    var pauses = Pauses()
    pauses[.outgoing] = Pause(.outgoing, since: Timestamp(milliseconds: 5), until: nil, by: "root", reason: nil)
    try file.write(pauses)
    #expect(try file.read() == pauses)
    try file.write(Pauses())
    #expect(access("\(directory)/pauses", F_OK) != 0)
    try file.write(Pauses())
    mkdir("\(directory)/pauses", 0o700)
    #expect(throws: PauseError.self) { try file.read() }
    #expect(throws: PauseError.self) { try file.write(pauses) }
    rmdir("\(directory)/pauses")
  }

  // MARK: life

  @Test("a pause is kept before it is in force, over the end of the process, until somebody resumes")
  func kept() throws {
    let life = Life()
    let first = try life.control.pause(.incoming, until: nil, by: "alice", reason: "moving house")
    #expect(first.isNew)
    #expect(try life.storage.read() == life.inForce)
    #expect(life.inForce[.incoming]?.by == "alice")

    let second = life.next(after: 90 * 24 * Self.hour)
    #expect(second.inForce == life.inForce)
    #expect(try second.control.resume(.incoming, by: "bob")?.reason == "moving house")
    #expect(try second.control.resume(.incoming, by: "bob") == nil)
    #expect(second.inForce.isEmpty)
    #expect(second.next().inForce.isEmpty)
  }

  @Test("to pause again changes end, reason and who, and not since when")
  func again() throws {
    let life = Life()
    let since = try life.control.pause(.outgoing, until: nil, by: "alice", reason: "one").pause.since
    life.pass(Self.hour)
    let until = life.now.wall + Self.hour
    let again = try life.control.pause(.outgoing, until: until, by: "bob", reason: nil)
    #expect(!again.isNew)
    #expect(again.pause.since == since)
    #expect(again.pause.until == Timestamp(milliseconds: until))
    #expect(again.pause.by == "bob")
    #expect(again.pause.reason == nil)
    // And back: no end any more.
    _ = try life.control.pause(.outgoing, until: nil, by: "bob", reason: nil)
    life.pass(48 * Self.hour)
    #expect(life.inForce[.outgoing] != nil)
  }

  @Test("what cannot be kept is not in force, and what cannot be ended stays")
  func refused() throws {
    let life = Life()
    life.storage.isBroken = true
    #expect(throws: PauseError.self) { try life.control.pause(.outgoing, until: nil, by: "a", reason: nil) }
    #expect(life.inForce.isEmpty)
    life.storage.isBroken = false
    _ = try life.control.pause(.outgoing, until: nil, by: "a", reason: nil)
    life.storage.isBroken = true
    #expect(throws: PauseError.self) { try life.control.resume(.outgoing, by: "a") }
    #expect(life.inForce[.outgoing] != nil)
    #expect(life.control.current == life.inForce)
  }

  @Test("a pause ends when its time is over, also while nobody looks, also where the disk is broken")
  func end() throws {
    let life = Life()
    _ = try life.control.pause(.upstream("office"), until: life.now.wall + Self.hour, by: "a", reason: nil)
    _ = try life.control.pause(.incoming, until: life.now.wall + 2 * Self.hour, by: "a", reason: nil)
    life.pass(Self.hour - 1)
    #expect(life.inForce[.upstream("office")] != nil)
    life.storage.isBroken = true
    life.pass(1)
    #expect(life.inForce.all.map(\.target) == ["in"])
    life.storage.isBroken = false
    // The file still has both; the first is over for the next process too.
    #expect(life.next().inForce.all.map(\.target) == ["in"])
    #expect(life.next(after: 2 * Self.hour).inForce.isEmpty)
  }

  @Test("the time of a pause runs on while the machine sleeps")
  func sleep() throws {
    let life = Life()
    _ = try life.control.pause(.outgoing, until: life.now.wall + 8 * Self.hour, by: "a", reason: nil)
    // Timers stand still, the clock does not.
    life.jump(wall: 9 * Self.hour, monotonic: 9 * Self.hour)
    life.loop.advanceTime(by: .seconds(60))
    #expect(life.inForce.isEmpty)
  }

  @Test(
    "a clock that jumps while we run neither ends a pause nor prolongs it", arguments: [-400, -1, 1, 400] as [Int64])
  func jumps(days: Int64) throws {
    let life = Life()
    _ = try life.control.pause(.outgoing, until: life.now.wall + Self.hour, by: "a", reason: nil)
    life.jump(wall: days * 24 * Self.hour, monotonic: 0)
    life.pass(Self.hour - 1)
    #expect(life.inForce[.outgoing] != nil)
    life.pass(1)
    #expect(life.inForce.isEmpty)
  }

  @Test("after a start with a clock that is far behind, no pause has more left than its whole length")
  func wrongClockAtStart() throws {
    let life = Life()
    _ = try life.control.pause(.outgoing, until: life.now.wall + Self.hour, by: "a", reason: nil)
    let next = life.next(after: -10_000 * 24 * Self.hour)
    #expect(next.inForce[.outgoing] != nil)
    next.pass(Self.hour)
    #expect(next.inForce.isEmpty)
  }

  @Test("where it is not known what was paused, nothing is sent and clients are served, until somebody resumes")
  func unreadable() throws {
    let storage = PauseMemory()
    storage.isBroken = true
    let life = Life(storage: storage)
    #expect(life.inForce.all.map(\.target) == ["out"])
    #expect(life.inForce[.outgoing]?.by == "posternd")
    storage.isBroken = false
    #expect(try life.control.resume(.outgoing, by: "a") != nil)
    #expect(life.next().inForce.isEmpty)
  }

  @Test("status warns of a pause without end after a day")
  func forgotten() {
    func pause(_ target: PauseTarget, since: Int64, until: Int64?) -> Pause {
      Pause(
        target, since: Timestamp(milliseconds: since), until: until.map { Timestamp(milliseconds: $0) }, by: "alice",
        reason: nil)
    }
    let now = 100 * 24 * Self.hour
    let pauses = [
      pause(.incoming, since: now - 25 * Self.hour, until: nil),
      pause(.outgoing, since: now - 23 * Self.hour, until: nil),
      pause(.upstream("office"), since: now - 100 * Self.hour, until: now + 1),
    ]
    let warnings = GatewayAdministration.warnings(of: pauses, now: now)
    #expect(warnings.map(\.message) == ["in is paused for 25 h, by alice; postern resume in"])
  }
}

/// One life of a process: its control, and a time that a test moves.
private final class Life {
  let storage: PauseMemory
  let loop = EmbeddedEventLoop()
  let control: PauseControl
  private let time: Time
  private let seen: Seen

  private final class Time: Sendable {
    let now: Mutex<Instant>

    init(_ now: Instant) {
      self.now = Mutex(now)
    }
  }

  private final class Seen: Sendable {
    let pauses = Mutex(Pauses())
  }

  init(storage: PauseMemory = PauseMemory(), now: Instant = Instant(wall: 1_790_000_000_000, monotonic: 77_000)) {
    let time = Time(now)
    let seen = Seen()
    (self.storage, self.time, self.seen) = (storage, time, seen)
    control = PauseControl(
      storage: storage, clock: Clock(now: { time.now.withLock { $0 } }, zoneOffset: { _ in 0 }),
      log: EventLog(handler: SwiftLogNoOpLogHandler()), eventLoop: loop, threads: Inline())
    control.start { pauses in
      seen.pauses.withLock { $0 = pauses }
    }
    loop.run()
  }

  deinit {
    control.stop()
    loop.run()
  }

  var now: Instant { time.now.withLock { $0 } }
  var inForce: Pauses { seen.pauses.withLock { $0 } }

  func jump(wall: Int64, monotonic: Int64) {
    time.now.withLock {
      $0.wall += wall
      $0.monotonic += monotonic
    }
  }

  /// In steps, so that clock and timers go together.
  func pass(_ milliseconds: Int64) {
    var rest = milliseconds
    while rest > 0 {
      let step = min(rest, 60_000)
      rest -= step
      jump(wall: step, monotonic: step)
      loop.advanceTime(by: .milliseconds(step))
      loop.run()
    }
  }

  /// The next process on the same storage, so much later by the wall.
  func next(after milliseconds: Int64 = 0) -> Life {
    Life(storage: storage, now: Instant(wall: now.wall + milliseconds, monotonic: 1_000))
  }
}

private struct Inline: WorkerThreads {
  func run<Outcome: Sendable>(
    on eventLoop: any EventLoop, _ work: @escaping @Sendable () throws -> Outcome
  ) -> EventLoopFuture<Outcome> {
    eventLoop.makeCompletedFuture(withResultOf: work)
  }
}
