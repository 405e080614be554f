// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// A 4yz or 5yz that a client got from us, for the log and for who asks what the client heard.
package struct Refusal: Sendable, Equatable {
  /// What was refused: a verb, `END-OF-MESSAGE` for content, `COMMAND` for anything else. One of ours, not the client's.
  package let command: String
  package let reply: Reply
  /// The login that was refused because TLS was off.
  package let clearLogin: ClearLogin?

  package init(command: String, reply: Reply, clearLogin: ClearLogin? = nil) {
    self.command = command
    self.reply = reply
    self.clearLogin = clearLogin
  }
}
