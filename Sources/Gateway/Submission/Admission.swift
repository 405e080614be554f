// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import Synchronization

/// Whether mail is taken, for every session of every event loop: `SpaceWatch` says so now and then, sessions look, and
/// nobody waits for the disk.
package final class Admission: Sendable {
  private struct State {
    var intake = Intake.everything
    /// Messages for which the queue has room until the next word of the watch.
    var messagesLeft = Int.max
    /// Messages whose content is on its way.
    var arriving = 0
    /// By a session, since the last word of the watch.
    var isAsked = false
    /// Waits for the next session that asks.
    var called: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())

  package init() {}

  package var intake: Intake {
    let (intake, called) = state.withLock { state in
      defer {
        state.isAsked = true
        state.called = nil
      }
      return (Self.intake(state), state.called)
    }
    called?()
    return intake
  }

  private static func intake(_ state: State) -> Intake {
    if state.intake.refusal == nil, state.messagesLeft <= 0 { return Intake(refusal: .queueFull) }
    var intake = state.intake
    intake.isCrowded = state.arriving >= Limits.arrivingMessagesMax
    return intake
  }

  /// Whether a session has asked since the last word.
  func publish(_ intake: Intake, messagesLeft: Int) -> Bool {
    state.withLock { state in
      defer { state.isAsked = false }
      state.intake = intake
      state.messagesLeft = messagesLeft
      return state.isAsked
    }
  }

  /// Calls once, on the session's event loop, when the next session asks; false, and no call, if one has asked since the
  /// last word.
  func callWhenAsked(_ call: @escaping @Sendable () -> Void) -> Bool {
    state.withLock { state in
      guard !state.isAsked else { return false }
      state.called = call
      return true
    }
  }

  /// A session holds content in memory from now on, and until `messageHasArrived`. Sessions of several event loops that
  /// begin at the same moment may be one too many each.
  func messageArrives() {
    state.withLock { $0.arriving += 1 }
  }

  func messageHasArrived() {
    state.withLock { $0.arriving -= 1 }
  }

  /// So few messages arrive that each may have more memory.
  var hasRoomForLongReads: Bool { state.withLock { $0.arriving <= Limits.longReadersMax } }

  /// A message more is in the queue.
  func accepted() {
    state.withLock { $0.messagesLeft -= 1 }
  }

  /// The disk had no room for a message: until the watch has looked, nobody else sends content in vain.
  func filled() {
    state.withLock { $0.intake.refusal = .diskFull }
  }
}
