// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Everything that happens in a simulated run, folded into one number as it happens: two runs with the same number did
/// the same. If somebody reads along, each event is a line of virtual time, who, and what.
package final class EventTrace: Sendable {
  package enum Actor: UInt8, Sendable {
    case disk, client, upstream, admin, process, world
  }

  fileprivate struct State {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    var count = 0
    var time: Int64 = 0
    var reader: (@Sendable (String) -> Void)?
  }

  private let state: Mutex<State>

  package init(reader: (@Sendable (String) -> Void)? = nil) {
    state = Mutex(State(reader: reader))
  }

  package var hash: UInt64 { state.withLock { $0.hash } }
  package var count: Int { state.withLock { $0.count } }

  /// Milliseconds since the run began.
  package func advance(to time: Int64) {
    state.withLock { $0.time = time }
  }

  /// `facts` tell the event from every other; `text` is made only if somebody reads.
  package func note(_ actor: Actor, _ facts: Int..., text: @autoclosure () -> String) {
    let line: (reader: @Sendable (String) -> Void, time: Int64)? = state.withLock { state in
      state.count += 1
      state.mix(UInt64(actor.rawValue))
      state.mix(UInt64(bitPattern: state.time))
      for fact in facts { state.mix(UInt64(bitPattern: Int64(fact))) }
      return state.reader.map { ($0, state.time) }
    }
    guard let line else { return }
    let seconds = "\(line.time / 1000).\(String(line.time % 1000 + 1000).dropFirst())"
    line.reader("\(seconds) \(actor) \(text())")
  }
}

extension EventTrace.State {
  fileprivate mutating func mix(_ word: UInt64) {
    hash = (hash ^ word) &* 0x9FB2_1C65_1E98_DF25
    hash ^= hash >> 32
  }
}
