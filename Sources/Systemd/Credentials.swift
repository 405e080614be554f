// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Finds secrets by name, where systemd put them or in the fall-back directory (systemd.exec(5), Credentials).
///
/// A credential is called OWNER.KIND (`gmail.password`). It is read anew at each call and never kept here: the caller
/// wraps the octets in a type that does not print them.
package struct Credentials: Sendable {
  /// `$CREDENTIALS_DIRECTORY`: made by systemd for this start of the service.
  private let serviceDirectory: String?
  private let fallbackDirectory: String

  /// Private keys and tokens are far below; a wrong file name should not fill the memory.
  package static let octetsMax = 65_536

  package init(serviceDirectory: String?, fallbackDirectory: String) {
    self.serviceDirectory = serviceDirectory
    self.fallbackDirectory = fallbackDirectory
  }

  /// As the environment of this process says.
  package init(fallbackDirectory: String) {
    self.init(
      serviceDirectory: getenv("CREDENTIALS_DIRECTORY").map { String(cString: $0) },
      fallbackDirectory: fallbackDirectory)
  }

  /// A secret, and the file that it was read from.
  package struct Found: Sendable {
    /// Without one final line end.
    package let octets: [UInt8]
    package let path: String
    /// Wall milliseconds.
    package let modified: Int64
    package let owner: uid_t
  }

  /// The secret without one final line end.
  package func read(_ name: String) throws(SystemdError) -> [UInt8] {
    try find(name).octets
  }

  /// The first file that exists decides, also if it is bad: a secret that is half
  /// replaced must not let an older one through.
  package func find(_ name: String) throws(SystemdError) -> Found {
    guard Self.isValid(name) else { throw .credentialNameInvalid(name) }
    let paths = searchPaths(of: name)
    for path in paths {
      if let found = try Self.contents(of: path, name: name) { return found }
    }
    throw .credentialMissing(name, searched: paths)
  }

  /// Files under systemd bear our name in front, so that `ImportCredential=postern.*` takes them all.
  private func searchPaths(of name: String) -> [String] {
    let service = serviceDirectory.map { ["\($0)/postern.\(name)", "\($0)/\(name)"] } ?? []
    return service + ["\(fallbackDirectory)/\(name)"]
  }

  /// The name becomes a file name, so it holds no slash and hides nothing. OWNER is any name that the configuration
  /// allows for an upstream.
  package static func isValid(_ name: String) -> Bool {
    let parts = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return name.utf8.count <= 128 && parts.count >= 2 && parts.first?.isEmpty == false && parts.last?.isEmpty == false
      && name.utf8.allSatisfy { octet in
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"):
          true
        case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
      }
  }

  /// nil if there is no such file.
  private static func contents(of path: String, name: String) throws(SystemdError) -> Found? {
    // O_NONBLOCK: a pipe with that name must not stop the daemon.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw .credentialUnreadable(name, path: path, errno: errno)
    }
    defer { close(descriptor) }
    var octets = [UInt8](repeating: 0, count: octetsMax + 1)
    var count = 0
    while count < octets.count {
      let got = octets.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + count, $0.count - count) }
      if got < 0 {
        if errno == EINTR { continue }
        throw .credentialUnreadable(name, path: path, errno: errno)
      }
      if got == 0 { break }
      count += got
    }
    guard count <= octetsMax else { throw .credentialTooLarge(name, path: path, octetsMax: octetsMax) }
    octets.removeLast(octets.count - count)
    if octets.last == UInt8(ascii: "\n") { octets.removeLast() }
    if octets.last == UInt8(ascii: "\r") { octets.removeLast() }
    guard !octets.isEmpty else { throw .credentialEmpty(name, path: path) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .credentialUnreadable(name, path: path, errno: errno) }
    let modified = Int64(status.st_mtim.tv_sec) * 1000 + Int64(status.st_mtim.tv_nsec) / 1_000_000
    return Found(octets: octets, path: path, modified: modified, owner: status.st_uid)
  }
}
