// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import CSupport

/// A flag that the writer thread waits for and any thread raises; a signal that comes before the wait is kept.
///
/// `@unchecked` because the pointer is to a C object that guards itself with its own mutex, lives exactly as long as
/// this value, and is never handed out.
package final class Wakeup: @unchecked Sendable {
  private let wakeup: OpaquePointer

  package init() {
    wakeup = csupport_wakeup_create()
  }

  deinit { csupport_wakeup_destroy(wakeup) }

  package func signal() {
    csupport_wakeup_signal(wakeup)
  }

  /// Waits for the flag and takes it down; for ever if `milliseconds` is nil. Returns the milliseconds that passed.
  package func wait(milliseconds: Int64?) -> Int64 {
    var elapsed: Int64 = 0
    _ = csupport_wakeup_wait(wakeup, milliseconds ?? -1, &elapsed)
    return elapsed
  }
}
