// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import SMTP
import TLS

/// Which user a client's certificate is for, found once a handshake. Whether that user may log in is looked at again when
/// the client asks to.
struct CertificateLogin {
  let certificate: ClientCertificate
  /// Why the certificate lets nobody in, for the log; nil: it does, or there is none.
  let fault: PeerText?

  init(_ shown: ShownCertificate?, users: UsersFile) {
    switch shown {
    case nil: self.init(.notAsked)
    case .some(.none): self.init(.missing)
    case .refused(let reason): self.init(.refused, fault: reason)
    case .accepted(let names):
      // Octet for octet, as with any other login.
      let known = names.compactMap { users.user(named: $0) }
      if let user = known.first(where: { !$0.isDisabled }) {
        self.init(.user(user.name))
      } else if let user = known.first {
        self.init(.refused, fault: "user \(user.name) is disabled")
      } else {
        self.init(.refused, fault: "no user has its name \(names.joined(separator: ", or "))")
      }
    }
  }

  private init(_ certificate: ClientCertificate, fault: String? = nil) {
    self.certificate = certificate
    self.fault = fault.map { PeerText($0) }
  }
}
