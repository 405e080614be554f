// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Whose turn it is to use the sign-in of an upstream: to read it, to ask the server with it, to write what came back. A
/// server that replaces refresh tokens may end the whole sign-in when an old one is used again, and two keepers have to do
/// with one sign-in while a reload replaces one by the other, or while a secret is tried out.
///
/// Keepers take turns; it knows nothing of what they do.
final class GrantTurns: Sendable {
  /// By upstream, those who wait; somebody has the turn of each that is there.
  private let waiting = Mutex<[String: [@Sendable () -> Void]]>([:])

  /// `granted` is called when it is the caller's turn, on any thread, perhaps at once. Then comes `end`.
  func take(_ upstream: String, _ granted: @escaping @Sendable () -> Void) {
    let isFree = waiting.withLock { waiting in
      guard waiting[upstream] == nil else {
        waiting[upstream]!.append(granted)
        return false
      }
      waiting[upstream] = []
      return true
    }
    if isFree { granted() }
  }

  func end(_ upstream: String) {
    let next = waiting.withLock { waiting -> (@Sendable () -> Void)? in
      guard waiting[upstream]?.isEmpty == false else {
        waiting[upstream] = nil
        return nil
      }
      return waiting[upstream]!.removeFirst()
    }
    next?()
  }
}
