// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Whether a message may go to an upstream in one flight: MAIL, each RCPT and the whole content as `BDAT LAST`, without
/// waiting in between.
///
/// RFC 3030 section 2 would have us wait for the replies to the envelope, because an upstream that does not discard the
/// octets of a refused chunk takes them for commands. So each is asked once, by `ClientSession`, and what it showed is
/// kept by the pool from one connection to the next.
package enum OneFlight: Sendable, Equatable {
  case untried
  /// It discards. So many flights in a row ended with the connection.
  case allowed(lost: Int)
  /// It does not, or has answered otherwise than it should, or something in between takes offence.
  case forbidden

  /// What another connection knows. A bad experience counts, and none does not.
  package mutating func learn(_ other: OneFlight) {
    if self != .forbidden, other != .untried { self = other }
  }

  /// A connection ended before the last reply of a flight. That happens; again and again it does not.
  mutating func lost() {
    guard case .allowed(let lost) = self else { return }
    self = lost + 1 < Limits.lostFlightsMax ? .allowed(lost: lost + 1) : .forbidden
  }
}
