// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Glibc

/// What can go wrong between us and the service manager. Every case is this machine's or its operator's to mend.
package enum SystemdError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The service manager asked to be told and did not take the message.
  case notificationFailed(state: String, errno: Int32)
  /// The service manager's account of the sockets that it hands over cannot be read.
  case socketsUnreadable(errno: Int32)
  case socketUnusable(_ name: String, errno: Int32)
  case credentialNameInvalid(String)
  case credentialMissing(String, searched: [String])
  /// A file that is being replaced in place is empty for a moment, so nothing further down the search path is tried.
  case credentialEmpty(String, path: String)
  case credentialTooLarge(String, path: String, octetsMax: Int)
  case credentialUnreadable(String, path: String, errno: Int32)

  package var description: String {
    switch self {
    case .notificationFailed(let state, let errno):
      "cannot tell the service manager '\(state)': \(Self.text(errno))"
    case .socketsUnreadable(let errno):
      "cannot read LISTEN_FDS and LISTEN_FDNAMES of the service manager: \(Self.text(errno))"
    case .socketUnusable(let name, let errno):
      "cannot duplicate the socket '\(name)' of the service manager: \(Self.text(errno))"
    case .credentialNameInvalid(let name):
      "credential name '\(name)' is invalid: OWNER.KIND of letters, digits, '.', '_' and '-', not beginning with '.'"
    case .credentialMissing(let name, let searched):
      "credential '\(name)' not found, looked for \(searched.joined(separator: ", "))"
    case .credentialEmpty(let name, let path):
      "credential '\(name)' is empty: \(path)"
    case .credentialTooLarge(let name, let path, let octetsMax):
      "credential '\(name)' is larger than \(octetsMax) octets: \(path)"
    case .credentialUnreadable(let name, let path, let errno):
      "cannot read credential '\(name)': \(path): \(Self.text(errno))"
    }
  }

  private static func text(_ errno: Int32) -> String { String(cString: strerror(errno)) }
}
