// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import struct NIOCore.ByteBuffer

/// A message: its envelope, its content, and what the upstream says to both.
extension ClientSession {
  /// Begins a transaction on an idle dialogue. `content` is the whole, if the caller has it at hand: then it may go along
  /// with the envelope.
  package mutating func deliver(
    _ message: ClientTransaction, content: [UInt8]? = nil, into output: inout ByteBuffer
  ) -> Action {
    precondition(isIdle, "a dialogue carries one transaction at a time")
    if let refusal = refusal(of: message) {
      return .finished(message.envelope.recipients.map { _ in .failed(refusal) })
    }
    let flown = mayFly && content.map { $0.count <= Limits.flightOctetsMax } == true ? content : nil
    let form: MailTransaction.Form = flown != nil ? .flight : mayFly ? .chunks : .data
    let begun = MailTransaction(message, form: form, offers: extensions)
    guard !begun.asked.isEmpty else { return .finished(begun.results { .delivered($0) }) }
    transaction = begun
    unsent = needsReset ? [.rset, .mail] : [.mail]
    needsReset = false
    unsent += begun.asked.map { .recipient($0) }
    if form == .data { unsent.append(.data) }
    if let flown { output.reserveCapacity(minimumWritableBytes: flown.count + Self.flightHeadOctets) }
    sendNext(into: &output)
    guard let flown else { return .wait }
    transaction?.write(flown, isLast: true, into: &output)
    return .sendFlight
  }

  /// Room for the commands in front of the content of most messages.
  private static let flightHeadOctets = 256

  /// Chunks are sent without waiting for replies, and that wants an upstream that discards what it refuses.
  private var mayFly: Bool {
    guard case .allowed = oneFlight else { return false }
    return extensions.pipelining && extensions.chunking
  }

  /// The upstream has not refused the content yet.
  package var wantsContent: Bool { transaction?.wantsContent == true }

  /// The next piece of content, asked for by `sendContent`. Behind the last one the outcome is unknown.
  package mutating func content(_ octets: [UInt8], isLast: Bool, into output: inout ByteBuffer) {
    guard wantsContent else { return }
    transaction?.write(octets, isLast: isLast, into: &output)
    if !isLast, transaction?.form == .chunks { expected.append(.chunk) }
  }

  /// The end of the content is written. A reply to it that came before is none.
  package mutating func contentSent() {
    if transaction?.isContentSent == true { expected.append(.endOfContent) }
  }

  /// The content cannot be read, or the log refuses: the message goes no further on this connection, which must close
  /// without the end so that nothing of it is delivered.
  package mutating func contentUnavailable() -> Action {
    defer { transaction = nil }
    let results = transaction?.recipientReplies.map { _ in RecipientResult.untried } ?? []
    return .failed(UpstreamTrouble(.broken, at: "content", "the message could not be read from the queue"), results)
  }

  // MARK: replies

  mutating func takeEnvelope(_ reply: Reply, for command: Expected, into output: inout ByteBuffer) -> Action {
    guard let isRefused = transaction?.isRefused else { return fail(.broken, PeerText("a reply to no command")) }
    if !isRefused {
      if isAccounts(reply) { return fail(at: command.stage, reply, isRefused: command == .mail) }
      if command != .data, reply.code < 400, !reply.isPositive {
        return fail(.broken, at: command.stage, reply.text, reply)
      }
    }
    switch command {
    case .mail: transaction?.mailReply = reply
    case .recipient(let index): transaction?.recipientReplies[index] = reply
    default: break
    }
    // In a flight the content is on its way, and the reply to it ends the transaction.
    guard let current = transaction, current.form != .flight else { return .wait }
    if command == .data { return takeData(reply, into: &output) }
    if command == .mail, !reply.isPositive { unsent = [] }
    if expected.isEmpty, unsent == [.data], !current.hasAcceptedRecipient { unsent = [] }
    sendNext(into: &output)
    guard expected.isEmpty else { return .wait }
    return current.form == .chunks && current.hasAcceptedRecipient ? .sendContent : finishWithoutContent()
  }

  private mutating func takeData(_ reply: Reply, into output: inout ByteBuffer) -> Action {
    let isWanted = transaction?.mailReply?.isPositive == true && transaction?.hasAcceptedRecipient == true
    // Whatever other digits follow (RFC 5321 section 4.2).
    if reply.isIntermediate {
      if isWanted { return .sendContent }
      // Nobody is left to send to, but it waits for content (RFC 2920 section 3.1): an empty one, whose reply is void.
      output.writeString(".\r\n")
      expected.append(.emptyContent)
      return .wait
    }
    guard isWanted else { return finishWithoutContent() }
    guard !reply.isPositive, reply.code >= 400 else { return fail(.broken, at: "data", reply.text, reply) }
    needsReset = true
    return finish { _ in RecipientResult(reply) }
  }

  /// A refused chunk is the end of the message, but what was sent behind it is answered first.
  mutating func takeChunk(_ reply: Reply) -> Action {
    if reply.isPositive { return .wait }
    if isAccounts(reply) { return fail(at: "content", reply, isRefused: true) }
    guard reply.code >= 400, var current = transaction else { return fail(.broken, at: "content", reply.text, reply) }
    let refusal = current.chunkRefusal ?? reply
    current.chunkRefusal = refusal
    transaction = current
    needsReset = true
    return expected.isEmpty && !current.isContentSent ? finish { _ in RecipientResult(refusal) } : .wait
  }

  /// `isFollowed`: the upstream has said more than this, and no farewell.
  mutating func takeEndOfContent(_ reply: Reply, isFollowed: Bool) -> Action {
    guard let current = transaction else { return fail(.broken, PeerText("a reply to no command")) }
    if !current.isRefused, isAccounts(reply) { return fail(at: "content", reply, isRefused: true) }
    // Taken, though there is nobody to take it for, or not all of it: it answers something else than we asked.
    let isTakenInVain = !current.hasAcceptedRecipient || current.chunkRefusal != nil
    // In a flight no 354 shows that replies and commands go together. A reply too many in front of this one leaves one
    // behind it, or makes this one speak of an address (RFC 3463 section 3.2).
    let isShifted = current.form == .flight && (isFollowed || (reply.isPositive && reply.status?.subject == 1))
    guard !isShifted, reply.isPositive ? !isTakenInVain : reply.code >= 400 else {
      return fail(.broken, at: "content", reply.text, reply)
    }
    if current.form != .data, !reply.isPositive { needsReset = true }
    if current.form == .flight {
      isBehindFlight = true
      oneFlight = .allowed(lost: 0)
    }
    let decisive = current.chunkRefusal ?? reply
    return finish { _ in RecipientResult(decisive) }
  }

  /// The envelope left nobody to send content to.
  mutating func finishWithoutContent() -> Action {
    if transaction?.mailReply?.isPositive == true { needsReset = true }
    return finish { _ in .untried }
  }

  /// Ends the transaction; `accepted` says what becomes of the recipients that the upstream had taken.
  private mutating func finish(_ accepted: (Reply) -> RecipientResult) -> Action {
    guard let current = transaction.take() else { return .close }
    return .finished(current.results(accepted))
  }

  // MARK: commands

  mutating func sendNext(into output: inout ByteBuffer) {
    while !unsent.isEmpty, expected.isEmpty || extensions.pipelining {
      let next = unsent.removeFirst()
      switch next {
      case .rset: output.writeString("RSET\r\n")
      case .mail: writeMail(into: &output)
      case .recipient(let index): writeRecipient(index, into: &output)
      case .data: output.writeString("DATA\r\n")
      default: break
      }
      expected.append(next)
    }
  }

  private func writeMail(into output: inout ByteBuffer) {
    guard let transaction else { return }
    let message = transaction.message
    output.writeString("MAIL FROM:<\(message.envelope.sender?.text ?? "")>")
    if extensions.size != nil { output.writeString(" SIZE=\(message.octets)") }
    if message.isEightBit && extensions.eightBitMIME { output.writeString(" BODY=8BITMIME") }
    if isUTF8(message) { output.writeString(" SMTPUTF8") }
    if transaction.isReportedBeyond { output.writeString(message.notification?.mailParameters ?? "") }
    output.writeString("\r\n")
  }

  private func writeRecipient(_ index: Int, into output: inout ByteBuffer) {
    guard let transaction else { return }
    let message = transaction.message
    output.writeString("RCPT TO:<\(message.envelope.recipients[index])>")
    if transaction.isReportedBeyond { output.writeString(recipientParameters(index, message)) }
    output.writeString("\r\n")
  }

  private func recipientParameters(_ index: Int, _ message: ClientTransaction) -> String {
    message.notification?.recipientParameters(index, isUTF8: isUTF8(message)) ?? ""
  }

  /// Of a transaction that is begun: recipients who would need it and cannot have it are no part of that.
  private func isUTF8(_ message: ClientTransaction) -> Bool {
    message.isUTF8 || extensions.smtpUTF8 && message.envelope.recipients.contains { !$0.isASCII }
  }

  /// What this upstream would refuse for certain is not sent to it. It is asked anew in each session: what it offers may
  /// have shrunk since the message came.
  private func refusal(of message: ClientTransaction) -> Reply? {
    if let limit = extensions.size, limit > 0, message.octets > limit {
      return .notSent(
        552, EnhancedStatus(5, 3, 4), "the message has \(message.octets) octets, the upstream takes \(limit)")
    }
    if message.isUTF8, !extensions.smtpUTF8 {
      let place = message.needsUTF8 ? "header" : "sender's address"
      return .notSent(
        550, EnhancedStatus(5, 6, 7),
        "the message needs UTF-8 in its \(place) and the upstream does not offer SMTPUTF8")
    }
    if message.isEightBit, !extensions.eightBitMIME {
      return .notSent(554, EnhancedStatus(5, 6, 3), "the message is 8-bit and the upstream does not offer 8BITMIME")
    }
    return nil
  }
}
