// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Queue

/// What the control socket may ask of the gateway. The gateway implements it; tests have one of their own. Called on the
/// event loop of the admin's connection; `show` and `origin` may wait for the disk, so that loop should serve no mail.
package protocol Administration: AnyObject, Sendable {
  func status() -> StatusReply
  /// At most `limit` messages in order of their ids, behind `after`; empty at the end.
  func page(after: MessageID?, limit: Int) -> [MessageView]
  /// The message whose id is or begins with the text. Any length is asked for; what is too short is found out here.
  func show(_ prefix: String) -> ShowResult
  /// Who submitted a message, read back from the log; nil if it is gone or cannot be read.
  func origin(of id: MessageID) -> Origin?
  /// Makes deferred recipients ready now; returns how many of the messages had some.
  func flush(_ ids: [MessageID]) -> Int
  /// All or nothing. `completed` is called once, from any thread.
  func reload(completed: @escaping @Sendable (ReloadReply) -> Void)
}

package enum ShowResult: Sendable {
  case found(MessageReply)
  case ambiguous([MessageID])
  case unknown
}
