// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import NIOCore

/// Bounds of the control socket. The length of a line is `ControlLine.octetsMax`.
enum AdminLimits {
  /// Of one level. Who may connect is trusted, so this only stops a loop gone wild from taking the descriptors of the
  /// mail.
  static let sessionsMax = 128
  /// Messages that are looked at in one turn of the event loop and under one lock of the queue.
  static let pageMessages = 64
  /// A reader that takes nothing for so long has gone.
  static let writeStallMax = TimeAmount.seconds(30)
  /// Octets that may wait for a slow reader; the answer is produced as they leave.
  static let waitingOctets = ChannelOptions.Types.WriteBufferWaterMark(low: 32_768, high: 131_072)
  /// Lines of a failed reload's reasons; all of them have to fit into one line of the protocol.
  static let problemOctetsMax = 32_768
  /// What the log keeps of a command.
  static let auditCharactersMax = 512
  /// Finished messages in one answer, which is held in memory as a whole.
  static let finishedMax = 1000
  /// Ids that an error about an ambiguous one lists.
  static let ambiguousMax = 5
  /// Weak clients that `status` lists, all in one line of the protocol, and those that its screen has a line for.
  static let weakClientsMax = 20
  static let weakClientsShown = 5
  /// What fits a screen or two; who sees more types one more character.
  static let candidatesMax = 100
  /// Pages that a completion looks at: the oldest mail, which is what people ask about.
  static let completionPagesMax = 16
  /// Of one message, for a completion.
  static let completionRecipientsMax = 100
}
