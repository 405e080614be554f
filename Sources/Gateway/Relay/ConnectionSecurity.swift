// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import TLS

/// What TLS came to on a connection behind its handshake: for `upstream show`.
package struct ConnectionSecurity: Sendable, Hashable {
  package var facts: TLSFacts
  /// The upstream's; of a session that goes on, the one that it began with.
  package var certificate: CertificateFacts?
  /// It wanted to know who we are.
  package var isCertificateAsked: Bool

  package init(facts: TLSFacts, certificate: CertificateFacts?, isCertificateAsked: Bool) {
    self.facts = facts
    self.certificate = certificate
    self.isCertificateAsked = isCertificateAsked
  }
}
