// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import struct NIOCore.ByteBuffer

/// One transaction at an upstream: the message, the replies so far, and what they mean for each recipient. `ClientSession`
/// owns it while it lasts.
struct MailTransaction: Sendable {
  enum Form: Sendable {
    /// Behind `354`, up to the dot.
    case data
    /// In chunks behind the envelope's replies, each with its size in front (RFC 3030).
    case chunks
    /// In one chunk right behind the envelope.
    case flight
  }

  let message: ClientTransaction
  let form: Form
  /// The upstream offers DSN: it reports what becomes of the message from here on, to who sent it.
  let isReportedBeyond: Bool
  var mailReply: Reply?
  var recipientReplies: [Reply?]
  /// The end of the content is written: from here until the reply the outcome is unknown.
  var isContentSent = false
  /// The upstream's first refusal of a chunk.
  var chunkRefusal: Reply?
  private var stuffing = DotStuffing()
  private var lastOctet: UInt8 = 0x0A

  init(_ message: ClientTransaction, form: Form, offers: Extensions) {
    self.message = message
    self.form = form
    isReportedBeyond = offers.dsn && !message.isSenderReplaced
    recipientReplies = message.envelope.recipients.map { offers.smtpUTF8 || $0.isASCII ? nil : .addressNeedsUTF8 }
  }

  /// Recipients that the upstream is asked for; the others have our answer.
  var asked: [Int] { recipientReplies.indices.filter { recipientReplies[$0] == nil } }

  /// The upstream has refused MAIL: what it says to the rest counts for nothing (RFC 2920 section 3.1).
  var isRefused: Bool { mailReply?.isPositive == false }

  var hasAcceptedRecipient: Bool { !isRefused && recipientReplies.contains { $0?.isPositive == true } }

  // MARK: content

  /// More of it is of use.
  var wantsContent: Bool { form != .flight && chunkRefusal == nil && !isContentSent }

  /// Writes a piece of content in this transaction's form. The last one gets a line end if it has none.
  mutating func write(_ octets: [UInt8], isLast: Bool, into output: inout ByteBuffer) {
    if isLast { isContentSent = true }
    guard form != .data else {
      stuffing.write(octets, into: &output)
      if isLast { stuffing.end(into: &output) }
      return
    }
    lastOctet = octets.last ?? lastOctet
    let missing = isLast && lastOctet != 0x0A ? "\r\n" : ""
    output.writeString("BDAT \(octets.count + missing.utf8.count)\(isLast ? " LAST" : "")\r\n")
    output.writeBytes(octets)
    output.writeString(missing)
  }

  // MARK: results

  /// What became of each recipient. `accepted` says it of those that the upstream had taken, `unanswered` is for those
  /// that it had said nothing of.
  func results(
    unanswered: RecipientResult = .untried, _ accepted: (Reply) -> RecipientResult
  ) -> [RecipientResult] {
    if let reply = mailReply, !reply.isPositive { return recipientReplies.map { _ in RecipientResult(reply) } }
    return recipientReplies.enumerated().map { index, reply in
      guard let reply else { return unanswered }
      if reply.isPositive { return told(accepted(reply), index) }
      // Too many recipients for one transaction (RFC 5321 section 4.5.3.1.10): the rest goes in the next, at once.
      if hasAcceptedRecipient, reply.code == 452 || reply.code == 552 { return .untried }
      return RecipientResult(reply)
    }
  }

  private func told(_ result: RecipientResult, _ index: Int) -> RecipientResult {
    guard case .delivered(let reply) = result, !isReportedBeyond, message.wantsSuccess(index) else { return result }
    return .relayed(reply)
  }

  /// The connection ended at `stage`, over `reply` if there was one. `isRefused`: that reply says that the upstream has not
  /// taken the message.
  func lost(at stage: String, _ text: PeerText, _ reply: Reply?, isRefused: Bool) -> [RecipientResult] {
    // A message at which an upstream hangs up or says 421 must not lead the queue again at once; any other reply about
    // the account is not its fault.
    let isMessages = mailReply?.isPositive == true && (reply == nil || reply?.code == 421)
    let lost = reply ?? Reply.lost(at: stage, text)
    let unfinished: RecipientResult =
      isContentSent && !isRefused ? .unknown(lost) : isMessages ? .deferred(lost) : .untried
    return results(unanswered: unfinished) { _ in unfinished }
  }
}

extension Reply {
  /// Ours: the upstream is not asked (RFC 6531 section 3.5).
  static let addressNeedsUTF8 = notSent(
    553, EnhancedStatus(5, 6, 7), "the address is not ASCII and the upstream does not offer SMTPUTF8")
}

extension RecipientResult {
  /// What a final reply decides.
  init(_ reply: Reply) {
    switch reply.code / 100 {
    case 2: self = .delivered(reply)
    case 5: self = .failed(reply)
    default: self = .deferred(reply)
    }
  }
}
