// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP
import TestKit
import Testing
import WAL

@Suite("Nobody starves, whatever an admin orders in between")
struct FairnessTests {
  @Test("flushes, holds and drops of much mail keep nobody else waiting, and each one's mail goes by age")
  func noStarvation() throws {
    let bench = try QueueBench()
    var generator = SeededGenerator(seed: 8)
    var many = (0..<120).map { bench.take("many \($0)", login: "newsletter") }
    let few = (0..<6).map { bench.take("few \($0)", login: "reset") }
    // All of it has been tried once and is put back in another order than it came.
    while bench.deliver(.deferred) != nil {}
    bench.settle()
    let all = (many + few).shuffled(using: &generator)
    _ = bench.queue.hold(all, until: nil, by: PeerText("root"), now: bench.now)
    let dropped = all.filter { _ in generator.oneIn(2) }
    let batch = bench.queue.drop(dropped, keep: day, by: PeerText("root"), now: bench.now)!.batch
    _ = bench.queue.release(all, now: bench.now)
    #expect(bench.queue.undrop(batch: batch, now: bench.now) == dropped.count)
    // What was held when it was dropped is held again.
    #expect(bench.queue.release(all, now: bench.now) == dropped.count)
    _ = bench.queue.flush(all, now: bench.now)
    bench.settle()
    var served: [MessageID] = []
    for turn in 0..<60 {
      // The newsletter is flushed again and again.
      if turn % 3 == 0 { _ = bench.queue.flush(many, now: bench.now) }
      let id = try #require(bench.deliver(turn % 5 == 0 && many.count > 100 ? .deferred : .delivered))
      served.append(id)
      many.removeAll { $0 == id }
      bench.settle()
    }
    let places = few.compactMap { served.firstIndex(of: $0) }
    #expect(places == places.sorted() && places.count == few.count, "by age")
    #expect(places.last! <= 2 * few.count + few.count, "every second turn, or nearly")
  }
}
