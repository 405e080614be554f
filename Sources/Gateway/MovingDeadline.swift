// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// A time that is put off often and seldom comes: one timer, which goes on when it fires too early instead of being set
/// anew each time. Whoever has it schedules, on its event loop, when `due` says so, and asks `fired` when that fires.
struct MovingDeadline {
  private var scheduled: Scheduled<Void>?
  private var firesAt = NIODeadline.distantFuture
  private var end = NIODeadline.distantFuture

  mutating func set(_ end: NIODeadline) {
    self.end = end
  }

  /// There is no such time any more. What is scheduled may fire and finds nothing to do.
  mutating func clear() {
    end = .distantFuture
  }

  /// When to be called next; nil if what is scheduled comes soon enough, or later by no more than `slack`.
  func due(within slack: TimeAmount = .zero) -> NIODeadline? {
    guard end != .distantFuture else { return nil }
    return scheduled == nil || end + slack < firesAt ? end : nil
  }

  mutating func replace(with next: Scheduled<Void>, at deadline: NIODeadline) {
    scheduled?.cancel()
    scheduled = next
    firesAt = deadline
  }

  /// Whether the time has come; if not, `due` says when to be called again.
  mutating func fired(now: NIODeadline) -> Bool {
    scheduled = nil
    return now >= end
  }

  mutating func cancel() {
    clear()
    scheduled?.cancel()
    scheduled = nil
  }
}
