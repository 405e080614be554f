// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import struct NIOCore.ByteBuffer

/// CHUNKING (RFC 3030 section 2). Each BDAT gets one reply, and the octets that it announced are never taken for commands:
/// those of a chunk that is refused are read and thrown away.
extension ServerSession {
  /// `octets` is nil where the command did not say it in a way that can be read: what follows cannot be told from
  /// commands then, so the session ends.
  mutating func beginChunk(_ octets: UInt64?, isLast: Bool, into output: inout ByteBuffer) -> Action? {
    guard let octets else {
      say(.badChunkSize, to: "BDAT", into: &output)
      state = .closed
      return .close
    }
    if octets < Limits.smallChunkOctets, !isLast, !countIdleCommand(into: &output) { return .close }
    if chunks == nil, let reply = refusalOfContent {
      guard octets <= policy.messageOctetsMax else {
        say(.tooBig(limit: policy.messageOctetsMax), to: "BDAT", into: &output)
        state = .closed
        return .close
      }
      guard countIdleCommand(into: &output) else { return .close }
      // What is missing at the beginning is missing for good: later chunks hear the same.
      if transaction != nil {
        chunks = ChunkReader()
        refusal = reply
      }
      state = .discarding(octets, reply, endsMessage: isLast)
      return nil
    }
    var reader = chunks ?? ChunkReader()
    chunks = reader
    // What was wrong with an earlier chunk is wrong with the message.
    if let refusal {
      state = .discarding(octets, refusal, endsMessage: isLast)
      return nil
    }
    guard octets <= policy.messageOctetsMax, reader.octets + octets <= policy.messageOctetsMax else {
      let reply = Reply.tooBig(limit: policy.messageOctetsMax)
      // At once: who asks before sending is spared the octets.
      say(reply, to: "BDAT", into: &output)
      let mustAbandon = forgetContent()
      refusal = reply
      // Nobody sends so much in good faith.
      guard octets / 16 <= policy.messageOctetsMax else {
        state = .closed
        return .close
      }
      state = .discarding(octets, nil, endsMessage: isLast)
      return mustAbandon ? .abandon : nil
    }
    reader.begin(octets)
    state = .readingContent(.chunk(reader, isLast: isLast))
    return nil
  }

  mutating func discard(
    _ octets: UInt64, _ reply: Reply?, endsMessage: Bool, _ input: inout ByteBuffer, into output: inout ByteBuffer
  ) -> Action? {
    let count = min(input.readableBytes, Int(clamping: octets))
    input.moveReaderIndex(forwardBy: count)
    let rest = octets - UInt64(count)
    contentOctets += UInt64(count)
    guard rest == 0 else {
      state = .discarding(rest, reply, endsMessage: endsMessage)
      return .wait
    }
    if let reply { say(reply, to: "BDAT", into: &output) }
    state = .awaitingCommand
    return endsMessage ? dropTransaction() : nil
  }

  /// A chunk that is not the last has come. Its reply is no promise: nothing is durable before the last one's.
  mutating func chunkEnded(_ reader: ChunkReader, into output: inout ByteBuffer) -> Action? {
    chunks = reader
    state = .awaitingCommand
    guard let refusal else {
      say(.chunkTaken(reader.octets), into: &output)
      return nil
    }
    say(refusal, to: "BDAT", into: &output)
    return forgetContent() ? .abandon : nil
  }

  /// Of a message that is refused although its client may still send of it; true: some of it is stored.
  private mutating func forgetContent() -> Bool {
    defer { hasStoredContent = false }
    content.clear()
    return hasStoredContent
  }
}
