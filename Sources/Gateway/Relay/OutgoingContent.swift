// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Mail
import Queue
import SMTP

/// The content of one message on its way to an upstream: the stored chunks in order, without what the others must not
/// see, and from an author that the upstream takes. `UpstreamHandler` reads the chunks and sends what comes out; nothing
/// here reads or writes.
struct OutgoingContent {
  let stored: StoredContent
  /// The chunk to read next.
  private(set) var nextChunk = 0
  private var changes: OutgoingChanges
  /// What has been read and may be sent.
  private(set) var gathered: [UInt8] = []
  /// By how much it is longer than what is stored; shorter, where this is negative.
  private var growth = 0

  /// `rewriting` is nil where every author is taken.
  init(_ stored: StoredContent, rewriting: SenderRewriting?) {
    self.stored = stored
    changes = OutgoingChanges(rewriting: rewriting)
  }

  /// Nothing is left to read.
  var isWhole: Bool { nextChunk == stored.chunkCount }

  /// Enough to begin with: the whole of a small message, so that it can go in one flight; of a larger one the beginning,
  /// which with the header shows how many octets will go.
  var isGathered: Bool { isWhole || (octets > Limits.flightOctetsMax && nextChunk > 1) }

  /// The octets that are sent, as far as the header has been seen: RFC 1870 section 6.1 takes an estimate.
  var octets: Int { stored.octets + growth }

  mutating func take(_ chunk: [UInt8]) {
    let before = gathered.count + changes.heldOctets
    gathered += changes.filter(chunk)
    nextChunk += 1
    if isWhole { gathered += changes.finish() }
    growth += gathered.count + changes.heldOctets - before - chunk.count
  }

  /// What is gathered, and whether it is the end.
  mutating func handOver() -> (octets: [UInt8], isLast: Bool) {
    defer { gathered = [] }
    return (gathered, isWhole)
  }
}
