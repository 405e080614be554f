// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// All that is changed in a message on its way to one upstream: blind copies go, and an author that the upstream does not
/// accept is rewritten. The relay feeds the stored chunks in order and sends what comes back.
package struct OutgoingChanges: Sendable {
  private var bcc = BccRemoval()
  private var rewriting: SenderRewriting?

  /// `rewriting` is nil where every author is accepted. Notifications have an author too, the gateway: an upstream that
  /// takes only some takes his no more than others, whatever their null sender (RFC 5321 section 4.5.5) is good for.
  package init(rewriting: SenderRewriting? = nil) {
    self.rewriting = rewriting
  }

  /// Octets that `filter` has taken and that it may still return.
  package var heldOctets: Int { bcc.heldOctets + (rewriting?.heldOctets ?? 0) }

  package mutating func filter(_ octets: [UInt8]) -> [UInt8] {
    let kept = bcc.filter(octets)
    return rewriting?.filter(kept) ?? kept
  }

  /// The content is complete: returns what was still held back.
  package mutating func finish() -> [UInt8] {
    let kept = bcc.finish()
    guard rewriting != nil else { return kept }
    return rewriting!.filter(kept) + rewriting!.finish()
  }
}
