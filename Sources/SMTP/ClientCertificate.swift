// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Who a client is by the certificate that it showed in the handshake, for AUTH EXTERNAL (RFC 4422 appendix A). The
/// handler says it with the handshake; it belongs to that one connection.
package enum ClientCertificate: Sendable, Equatable {
  /// Clients are asked for none: there is no EXTERNAL.
  case notAsked
  case missing
  /// It is not accepted, or is no user's; which, the log says.
  case refused
  /// It is accepted, and has the name of this user.
  case user(String)

  var isUsers: Bool { if case .user = self { true } else { false } }
}
