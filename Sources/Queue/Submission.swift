// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// A message that a client has handed over completely, without its content.
package struct Submission: Sendable {
  /// From `MessageQueue.makeID`, used once.
  package var id: MessageID
  package var envelope: Envelope
  package var origin: Origin
  /// Header fields that we add in front: Received, and what was missing.
  package var prefix: [UInt8]
  package var hints: ContentHints

  package init(
    id: MessageID, envelope: Envelope, origin: Origin, prefix: [UInt8] = [], hints: ContentHints = ContentHints()
  ) {
    self.id = id
    self.envelope = envelope
    self.origin = origin
    self.prefix = prefix
    self.hints = hints
  }
}

/// What the client was when it submitted. Text of peers has passed `PeerText` before.
package struct Origin: Sendable, Hashable {
  package var login: String?
  package var address: String
  package var helo: String
  /// Name of the `[[client]]` that matched.
  package var client: String?
  package var listener: String
  /// Version and cipher, or nil without TLS.
  package var tls: String?

  package init(
    login: String? = nil, address: String, helo: String = "", client: String? = nil, listener: String = "",
    tls: String? = nil
  ) {
    self.login = login
    self.address = address
    self.helo = helo
    self.client = client
    self.listener = listener
    self.tls = tls
  }

  /// Among whom mail is served in turn.
  package var submitter: String { login ?? client ?? address }
}

/// What was learnt while the content came by.
package struct ContentHints: Sendable, Hashable {
  /// Some octet is above 127.
  package var isEightBit: Bool
  /// Some octet of the header is.
  package var isHeaderEightBit: Bool
  /// Octets of the client's header block with its empty line; 0 if unknown.
  package var headerOctets: Int

  package init(isEightBit: Bool = false, isHeaderEightBit: Bool = false, headerOctets: Int = 0) {
    self.isEightBit = isEightBit
    self.isHeaderEightBit = isHeaderEightBit
    self.headerOctets = headerOctets
  }
}
