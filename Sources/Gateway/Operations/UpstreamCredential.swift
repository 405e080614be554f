// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Crypto
import Glibc
import Queue
import SMTP
import Systemd

/// The secret for a login at an upstream, and where it came from. Part of `Settings`; never changed, but replaced by a
/// reload or by `creds set`.
package struct UpstreamCredential: Sendable {
  package enum Source: Sendable {
    /// `modified` is wall milliseconds.
    case file(path: String, modified: Int64, owner: String)
    /// By `creds set`, at a wall time, when the files held `replaced`.
    case set(by: String, at: Int64, replaced: FileContent)
    /// There is no secret, for this reason.
    case missing(String)
  }

  /// What the files of a credential hold, as far as it must be known again.
  package enum FileContent: Sendable, Equatable {
    case digest(Secret)
    case unusable(String)

    init(_ found: Result<Credentials.Found, SystemdError>) {
      switch found {
      case .success(let found): self = .digest(Secret(SHA256.digest(found.octets)))
      case .failure(let error): self = .unusable(error.description)
      }
    }
  }

  /// OWNER.KIND, as `gmail.password`.
  package let name: String
  /// nil: mail for the upstream waits.
  package let secret: Secret?
  package let source: Source

  private init(name: String, secret: Secret?, source: Source) {
    self.name = name
    self.secret = secret
    self.source = source
  }

  /// From the files. What `creds set` put in force stays until their content is another one, because systemd copies them
  /// once, at the start of the service. A secret that is in force is not given up for a file that is missing or empty:
  /// that is an error, unless there was none before or this is the start (`old` is nil).
  static func load(
    _ name: String, replacing old: Settings?, from credentials: Credentials
  ) throws(SystemdError) -> UpstreamCredential {
    let found = Result { () throws(SystemdError) in try credentials.find(name) }
    let previous = old?.upstreams.lazy.compactMap(\.credential).first { $0.name == name }
    if let previous, case .set(_, _, let replaced) = previous.source, replaced == FileContent(found) { return previous }
    switch found {
    case .success(let found):
      return UpstreamCredential(
        name: name, secret: Secret(found.octets),
        source: .file(path: found.path, modified: found.modified, owner: Self.userName(found.owner)))
    case .failure(let error):
      guard old == nil || (previous != nil && previous?.secret == nil) else { throw error }
      return UpstreamCredential(name: name, secret: nil, source: .missing(error.description))
    }
  }

  /// What `creds set` brings.
  static func set(
    _ name: String, to secret: Secret, by: String, at wall: Int64, over credentials: Credentials
  ) -> UpstreamCredential {
    let found = Result { () throws(SystemdError) in try credentials.find(name) }
    return UpstreamCredential(
      name: name, secret: secret, source: .set(by: PeerText(by).text, at: wall, replaced: FileContent(found)))
  }

  /// There is none that could be used.
  static func missing(_ name: String, _ reason: String) -> UpstreamCredential {
    UpstreamCredential(name: name, secret: nil, source: .missing(reason))
  }

  private static func userName(_ user: uid_t) -> String {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 16_384)
    return buffer.withUnsafeMutableBufferPointer { buffer in
      guard getpwuid_r(user, &entry, buffer.baseAddress!, buffer.count, &found) == 0, found != nil else {
        return "uid \(user)"
      }
      return PeerText(String(cString: entry.pw_name)).text
    }
  }
}

extension UpstreamCredential {
  /// The longest password or token that fits into one AUTH line (RFC 4954 section 4), Base64 and names counted in.
  static let octetsMax = 8_192

  /// Why these octets cannot be a secret; nil if they can.
  static func fault(in secret: Secret) -> String? {
    let octets = secret.octets
    if octets.isEmpty { return "the secret is empty" }
    if octets.count > octetsMax { return "the secret is longer than \(octetsMax) octets" }
    if octets.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
      return "the secret holds a control character, perhaps a line end or a tab that was pasted with it"
    }
    return nil
  }
}
