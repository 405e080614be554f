// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import NIOCore

/// Bounds of the control socket. The length of a line is `ControlLine.octetsMax`.
enum AdminLimits {
  /// Who may connect is root or ourselves, so this only stops a loop gone wild from taking the descriptors of the mail.
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
  /// Ids that an error about an ambiguous one lists.
  static let candidatesMax = 5
}
