// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What the gateway can take at the moment. Its handler shows it to the session, which asks at MAIL and again at DATA:
/// who is refused there has sent no content in vain, and a message that has begun to arrive is not cut off for it.
package struct Intake: Equatable, Sendable {
  /// What a client hears instead; nil: mail is taken.
  package var refusal: Reply?
  /// There is no room for a message of more octets.
  package var octetsMax: UInt64
  /// So many messages are arriving that their content is all that memory has room for: none begins now.
  package var isCrowded: Bool

  package init(refusal: Reply? = nil, octetsMax: UInt64 = .max, isCrowded: Bool = false) {
    self.refusal = refusal
    self.octetsMax = octetsMax
    self.isCrowded = isCrowded
  }

  package static let everything = Intake()

  /// Of a message of so many octets; nil: it is taken. RFC 1870 section 6.3 for a size that does not fit now.
  func refusal(of octets: UInt64?) -> Reply? {
    refusal ?? (octets ?? 0 > octetsMax ? .noRoom : nil)
  }

  /// The same when its content is about to begin.
  func refusalOfContent(of octets: UInt64?) -> Reply? {
    refusal(of: octets) ?? (isCrowded ? .tooManyMessagesAtOnce : nil)
  }
}
