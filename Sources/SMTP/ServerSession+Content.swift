// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import struct NIOCore.ByteBuffer

/// The content of a message on its way in: behind DATA up to the dot, or in chunks. What is wrong with it is said at its
/// end, because until then nobody listens.
extension ServerSession {
  enum ContentSource: Equatable, Sendable {
    case data(ContentReader)
    case chunk(ChunkReader, isLast: Bool)

    var octets: UInt64 {
      switch self {
      case .data(let reader): reader.octets
      case .chunk(let reader, _): reader.octets
      }
    }

    mutating func read(
      _ input: inout ByteBuffer, into content: inout ByteBuffer, isDiscarding: Bool
    ) -> ContentReader.Progress {
      let limit = Limits.chunkOctetsMax
      switch self {
      case .data(var reader):
        defer { self = .data(reader) }
        return reader.read(&input, into: &content, limit: limit, isDiscarding: isDiscarding)
      case .chunk(var reader, let isLast):
        defer { self = .chunk(reader, isLast: isLast) }
        let progress = reader.read(&input, into: &content, limit: limit, isDiscarding: isDiscarding)
        if progress == .ended, isLast { reader.finish() }
        return progress
      }
    }

    /// What a message must not hold, or be.
    func fault(limit: UInt64) -> Reply? {
      let (hasBareLineEnd, hasNUL) =
        switch self {
        case .data(let reader): (reader.hasBareLineEnd, reader.hasNUL)
        case .chunk(let reader, _): (reader.hasBareLineEnd, reader.hasNUL)
        }
      if hasBareLineEnd { return .bareLineEnd }
      if hasNUL { return .nulInContent }
      return octets > limit ? .tooBig(limit: limit) : nil
    }
  }

  /// Who has sent content along with DATA, and may not send it, has it taken for commands by nobody: what stands in a
  /// message may have been written by anybody.
  mutating func beginContent(unprocessed: Int, into output: inout ByteBuffer) throws(Reply) -> Action? {
    if let reply = refusalOfData {
      guard unprocessed > 0 else { throw reply }
      say(reply, to: "DATA", into: &output)
      return end(.contentUninvited, into: &output)
    }
    say(.startContent, into: &output)
    refusal = nil
    state = .readingContent(.data(ContentReader(mendsLineEnds: rights.mayEndLinesInLF)))
    return nil
  }

  private var refusalOfData: Reply? {
    chunks == nil ? refusalOfContent : .contentBegun
  }

  /// Why no content may come now; nil: it may.
  var refusalOfContent: Reply? {
    guard let transaction else { return .mailFirst }
    guard !transaction.recipients.isEmpty else { return .recipientFirst }
    return intake.refusalOfContent(of: declaredOctets)
  }

  mutating func readContent(
    _ source: ContentSource, _ input: inout ByteBuffer, into output: inout ByteBuffer
  ) -> Action? {
    var source = source
    if content.capacity == 0, input.readableBytes < Limits.keptRunOctets {
      content.reserveCapacity(input.readableBytes)
    }
    let before = source.octets
    let outcome = source.read(&input, into: &content, isDiscarding: refusal != nil)
    contentOctets += source.octets - before
    if refusal == nil { refusal = source.fault(limit: octetsMax) }
    if refusal != nil { content.clear() }
    switch outcome {
    case .needsInput:
      state = .readingContent(source)
      return .wait
    case .full:
      guard refusal == nil else {
        state = .readingContent(source)
        return nil
      }
      state = .storing(source)
      hasStoredContent = true
      return .store(takeContent())
    case .ended:
      if case .chunk(let reader, isLast: false) = source { return chunkEnded(reader, into: &output) }
      if case .data(let reader) = source, reader.hasMendedLineEnd { usedRights.insert(.endedLinesInLF) }
      return contentEnded(into: &output)
    }
  }

  private mutating func contentEnded(into output: inout ByteBuffer) -> Action? {
    if let refusal {
      say(refusal, into: &output)
      idleCommands = 0
      return dropTransaction()
    }
    guard let envelope = transaction else { return nil }
    state = .committing
    return .commit(envelope, takeContent())
  }

  private mutating func takeContent() -> ByteBuffer {
    let taken = content
    content = ByteBuffer()
    return taken
  }

  /// Forgets the message, and has what is stored of it forgotten.
  mutating func dropTransaction() -> Action? {
    let mustAbandon = hasStoredContent
    endTransaction()
    return mustAbandon ? .abandon : nil
  }

  /// All of a message came, whatever became of it.
  mutating func messageEnded() {
    endTransaction()
    idleCommands = 0
  }

  private mutating func endTransaction() {
    transaction = nil
    places = [:]
    refusal = nil
    chunks = nil
    content = ByteBuffer()
    hasStoredContent = false
    state = .awaitingCommand
  }
}
