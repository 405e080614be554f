// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Configuration
import Crypto
import Queue
import SMTP

/// What the control sockets may ask of the gateway. The gateway implements it; tests have one of their own. Called on the
/// event loop of the admin's connection; what reads messages back may wait for the disk, so that loop should serve no
/// mail. `by` names who asked, for people.
package protocol Administration: AnyObject, Sendable {
  func status() -> StatusReply

  // MARK: Messages

  /// At most `limit` messages in order of their ids, behind `after`; empty at the end.
  func page(after: MessageID?, limit: Int) -> [MessageView]
  /// The message whose id is or begins with the text. Any length is asked for; what is too short is found out here.
  func show(_ prefix: String) -> ShowResult
  /// A message with what is read back from the log; nil if it is gone or cannot be read.
  func details(of id: MessageID) -> MessageDetails?
  /// What upstreams said that sent the message to others, as far as it is remembered.
  func detours(of id: MessageID) -> [Detours.Note]
  /// What an undelivered recipient of the message was last told, read back from the log; nil if there is nothing.
  func lastReply(of id: MessageID) -> Reply?
  /// Searches of the history, newest first; `completed` is called once, from any thread, perhaps seconds later. The prefix
  /// is in the form in which ids are written.
  func finished(
    among literals: [[Selector.Literal]],
    limit: Int, where isMeant: @escaping @Sendable (FinishedMessage) -> Bool,
    completed: @escaping @Sendable (HistoryFindings) -> Void)
  func finished(idPrefix: String, completed: @escaping @Sendable (HistoryFindings) -> Void)
  /// What a selector needs to know besides the message.
  var surroundings: Selector.Surroundings { get }

  /// These change what they can and return the number of messages that changed.
  func flush(_ ids: [MessageID]) -> Int
  /// `until` is wall time in milliseconds; nil holds until somebody releases.
  func hold(_ ids: [MessageID], until: Int64?, by: String, reason: String?) -> Int
  func release(_ ids: [MessageID]) -> Int
  /// `report`: the senders are told.
  func bounce(_ ids: [MessageID], reason: String?, report: Bool) -> Int
  /// Into this batch, or into a new one; nil if nothing was left to drop.
  func drop(_ ids: [MessageID], into batch: UInt64?, by: String) -> DroppedMail?
  func erase(_ ids: [MessageID]) -> Int
  func undrop(batch: UInt64) -> Int
  /// Batches that can be put back, with the number of their messages.
  func droppedBatches() -> [UInt64: Int]
  /// Milliseconds for which dropped mail is kept.
  var droppedKeep: Int64 { get }

  // MARK: The gateway

  /// All or nothing. `completed` is called once, from any thread.
  func reload(completed: @escaping @Sendable (ReloadReply) -> Void)
  func pause(_ target: PauseTarget, until: Int64?, by: String, reason: String?) throws(AdminError) -> PauseReply
  func resume(_ target: PauseTarget, by: String) throws(AdminError) -> PauseReply
  func upstreamNames() -> [String]
  func route(_ delivery: Configuration.Delivery) -> RouteReply
  func upstream(_ name: String) throws(AdminError) -> UpstreamReply
  /// Of a reply to mail that goes through one of these upstreams; nil if nobody knows.
  func meaning(of reply: Reply, from upstreams: [String]) -> ReplyMeaning?
  /// Of what was last wrong with an upstream.
  func meaning(ofTroubleOf upstream: String) -> ReplyMeaning?
  func credentials() -> [CredentialReply]
  /// `completed` is called once, from any thread, after up to 40 s.
  func setCredential(
    _ upstream: String, kind: CredentialKind?, secret: Secret, test: Bool, by: String,
    completed: @escaping @Sendable (Result<CredentialChangeReply, AdminError>) -> Void)
  /// `completed` is called once, from any thread: of these three within 40 s, when somebody has signed in or the time for
  /// that is over, and within 40 s.
  func beginSignIn(
    _ upstream: String, by: String, completed: @escaping @Sendable (Result<SignInReply, AdminError>) -> Void)
  func awaitSignIn(
    _ upstream: String, by: String, completed: @escaping @Sendable (Result<CredentialChangeReply, AdminError>) -> Void)
  func testCredential(
    _ upstream: String, by: String, completed: @escaping @Sendable (Result<CredentialChangeReply, AdminError>) -> Void)
  /// Who was here since the start, those first that cannot get in.
  func clients() -> [ClientReply]
  /// Of every `[[client]]`, here or not, in the order of the file.
  func clientNames() -> [String]
  /// What is known of an address, or of the clients of a `[[client]]`; nil if the word is neither.
  func clientFindings(_ subject: String) -> ClientFindings?
  /// The users of the file, with their last login since the start.
  func logins() -> [LoginReply]
}

package enum ShowResult: Sendable {
  case found(MessageReply)
  case ambiguous([MessageID])
  case unknown
}

package struct DroppedMail: Sendable {
  package var batch: UInt64
  package var count: Int
  /// Wall time in milliseconds.
  package var until: Int64

  package init(batch: UInt64, count: Int, until: Int64) {
    self.batch = batch
    self.count = count
    self.until = until
  }
}

/// What `pause` and `resume` are about.
package enum PauseTarget: Sendable, Hashable {
  case incoming
  case outgoing
  case upstream(String)
}
