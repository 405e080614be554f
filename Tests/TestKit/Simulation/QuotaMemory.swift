// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Gateway
import Synchronization

/// Keeps counts of sent mail as the file on a disk would, over all lives of a simulated process; while it is broken it
/// takes and gives nothing. It says when it has taken all that was counted, or could not.
final class QuotaMemory: Sendable {
  private struct State {
    var record = QuotaRecord()
    var isBroken = false
    /// Whoever wrote before is dead.
    var life = 0
    var writes: [Bool] = []
  }

  private let state = Mutex(State())

  var isBroken: Bool {
    get { state.withLock { $0.isBroken } }
    set { state.withLock { $0.isBroken = newValue } }
  }

  /// The process that had it is dead.
  func close() { state.withLock { $0.life += 1 } }

  /// For the next process.
  func open() -> any QuotaStorage {
    state.withLock { state in
      state.life += 1
      return Place(memory: self, life: state.life)
    }
  }

  /// Writes since the last call, in order: whether each succeeded.
  func takeWrites() -> [Bool] {
    state.withLock { state in
      defer { state.writes = [] }
      return state.writes
    }
  }

  private struct Place: QuotaStorage {
    let memory: QuotaMemory
    let life: Int

    func read() throws(QuotaError) -> QuotaRecord {
      let record = memory.state.withLock { $0.isBroken ? nil : $0.record }
      guard let record else { throw QuotaError("the disk gives nothing") }
      return record
    }

    func write(_ record: QuotaRecord) throws(QuotaError) {
      let isWritten = memory.state.withLock { state in
        guard state.life == life else { return true }
        state.writes.append(!state.isBroken)
        if !state.isBroken { state.record = record }
        return !state.isBroken
      }
      if !isWritten { throw QuotaError("the disk takes nothing") }
    }
  }
}
