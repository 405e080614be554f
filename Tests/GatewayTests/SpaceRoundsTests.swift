// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOEmbedded
import Synchronization
import Testing
import WAL

@testable import Gateway

@Suite("When the queue's room is looked at")
struct SpaceRoundsTests {
  private final class NoReserve: SpaceReserve {
    let octets: Int64 = 0
    let exists = true
    func make() -> Bool { true }
    func giveUp() {}
  }

  /// A watch on an event loop whose time passes by hand, and what it saw.
  private final class Place: Sendable {
    let looks = Atomic(0)
    let steps = Atomic<UInt64>(0)
    let free = Atomic<Int64>(1 << 40)
  }

  private let loop = EmbeddedEventLoop()
  private let place = Place()
  private let watch: SpaceWatch

  init() {
    let place = place
    watch = SpaceWatch(
      parts: SpaceWatch.Parts(
        measure: {
          place.looks.add(1, ordering: .relaxed)
          return FileSystem(octets: 1 << 41, freeOctets: place.free.load(ordering: .relaxed), freeInodes: nil)
        },
        condition: { LogCondition() }, steps: { place.steps.load(ordering: .relaxed) }, messages: { 0 }, now: { 0 },
        report: { _ in }, reserve: NoReserve()),
      limits: SpaceGauge.Limits(minFreeOctets: 1 << 30, messagesMax: 1_000))
    watch.start(on: loop, threads: NextTurn())
  }

  /// How often it looks while so many seconds pass; something happens in each of them.
  private func looks(in seconds: Int, while happens: () -> Void = {}) -> Int {
    let before = place.looks.load(ordering: .relaxed)
    for _ in 0..<seconds {
      happens()
      loop.advanceTime(by: .seconds(1))
    }
    return place.looks.load(ordering: .relaxed) - before
  }

  @Test("an idle one looks every ten seconds, and at once when a session asks")
  func idle() {
    _ = looks(in: 15)
    #expect((5...7).contains(looks(in: 60)))
    let before = place.looks.load(ordering: .relaxed)
    _ = watch.admission.intake
    loop.run()
    #expect(place.looks.load(ordering: .relaxed) == before + 1, "what it says may be ten seconds old")
    #expect((10...12).contains(looks(in: 12)), "whoever asked may send mail now")
    watch.stop()
    loop.advanceTime(by: .seconds(60))
    #expect(looks(in: 60) == 0)
    _ = watch.admission.intake
    loop.run()
    #expect(looks(in: 60) == 0, "nothing wakes one that was stopped")
  }

  @Test("it looks once a second while sessions ask, the log is written, or there is no room")
  func busy() {
    _ = looks(in: 20)
    #expect(looks(in: 30, while: { _ = watch.admission.intake }) >= 29)
    _ = looks(in: 20)
    #expect(looks(in: 30, while: { place.steps.add(1, ordering: .relaxed) }) >= 20, "it sees that at its next look")
    _ = looks(in: 20)
    place.free.store(0, ordering: .relaxed)
    _ = looks(in: 10)
    #expect(looks(in: 30) >= 29)
    watch.stop()
  }
}

/// The disk answers in the loop's next turn.
private struct NextTurn: WorkerThreads {
  func run<Outcome: Sendable>(
    on eventLoop: any EventLoop, _ work: @escaping @Sendable () throws -> Outcome
  ) -> EventLoopFuture<Outcome> {
    eventLoop.submit(work)
  }
}
