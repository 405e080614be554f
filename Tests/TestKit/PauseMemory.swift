// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Gateway
import Synchronization

/// Keeps pauses as a disk would, over all lives of a simulated process; while it is broken it takes and gives nothing.
package final class PauseMemory: PauseStorage {
  private struct State {
    var text: [UInt8]?
    var isBroken = false
  }

  private let state = Mutex(State())

  package init() {}

  package var isBroken: Bool {
    get { state.withLock { $0.isBroken } }
    set { state.withLock { $0.isBroken = newValue } }
  }

  package func read() throws(PauseError) -> Pauses {
    let (text, isBroken) = state.withLock { ($0.text, $0.isBroken) }
    if isBroken { throw PauseError("the disk gives nothing") }
    guard let text else { return Pauses() }
    return try Pauses(parsing: text)
  }

  package func write(_ pauses: Pauses) throws(PauseError) {
    let isBroken = state.withLock { state in
      if !state.isBroken { state.text = pauses.isEmpty ? nil : pauses.text }
      return state.isBroken
    }
    if isBroken { throw PauseError("the disk takes nothing") }
  }
}
