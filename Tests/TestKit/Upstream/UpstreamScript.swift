// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What a scripted upstream offers, and where it does not behave.
package struct UpstreamScript: Sendable {
  /// A place in the dialogue at which the upstream has to say something.
  package enum Stage: String, Sendable, Hashable, CaseIterable {
    case greeting, ehlo, startTLS, secondEHLO, auth, authStep, probe, reset, mail, firstRecipient, lastRecipient
    case data
    /// Content has begun to arrive, half of it is there, or all but its end.
    case bodyBegins, bodyHalf
    /// The dot, `BDAT LAST`, or a chunk before that.
    case end, chunk
    case quit
  }

  /// What it does, one after the other; what arrives meanwhile waits.
  package enum Act: Sendable {
    /// A reply, its lines already in order, without the last CRLF.
    case say(String)
    case octets([UInt8])
    /// The line again and again.
    case flood(String, times: Int)
    /// One line of so many octets, without end.
    case longLine(Int)
    /// Octet by octet, with so many seconds before each.
    case drip(String, seconds: Int64)
    case wait(milliseconds: Int64)
    /// FIN.
    case hangUp
    case reset
    /// FIN beneath TLS, without close_notify.
    case truncate
    /// Octets beneath TLS: an alert, or no record at all.
    case underTLS([UInt8])
  }

  /// Keywords of the EHLO answer; STARTTLS stands among those of the first only, AUTH among those of the second.
  package var offers = ["PIPELINING", "8BITMIME", "SIZE 1000000"]
  package var offersTLS = false
  /// TLS comes first.
  package var isImplicitTLS = false
  package var mechanisms: [String] = []
  /// What it does instead. Stages that are not named are answered as they should be.
  package var acts: [Stage: [Act]] = [:]
  /// The transaction in which it does not behave, the first being 1; the others go as they should.
  package var transaction = 1
  /// Takes the octets of a chunk that it has refused for commands.
  package var obeysRefusedChunks = false
  /// Octets of a message of which the half is half.
  package var contentOctets = 0

  package init() {}
}

/// What a scripted upstream saw.
package struct UpstreamRecord: Sendable {
  /// Commands and answers to challenges, in order, without CRLF.
  package var lines: [String] = []
  /// Each message that was answered 2yz.
  package var taken: [[UInt8]] = []
  package var connections = 0
  package var handshakes = 0

  package init() {}
}
