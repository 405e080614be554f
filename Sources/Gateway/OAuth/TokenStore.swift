// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Glibc
import OAuth
import Synchronization

/// The file `tokens` of the state directory, and what it holds. `keep` may wait for the disk and is never called on an
/// event loop; `grant` is answered from memory and waits for nobody. Nobody else writes the file.
package final class TokenStore: Sendable {
  private struct State {
    var file = TokenFile()
    /// It is there and cannot be read, so it must not be replaced.
    var obstacle: String?
    /// What the disk has refused. It is newer than what is in the file, which may hold no more.
    var unwritten: [String: KeptGrant] = [:]
  }

  private let path: String
  private let state: Mutex<State>
  /// Held while the file is written.
  private let writing = Mutex(())
  /// Of those who use what is kept.
  let turns = GrantTurns()
  /// Puts octets durably in the place of the file; a test lets it fail.
  private let replace: @Sendable (_ path: String, _ octets: [UInt8]) throws -> Void

  /// Far above what a hundred upstreams take.
  static let octetsMax = 4 << 20

  package init(
    path: String,
    replace: @escaping @Sendable (_ path: String, _ octets: [UInt8]) throws -> Void = TokenStore.replaceFile
  ) {
    self.path = path
    self.replace = replace
    Self.removeRemains(of: path)
    state = Mutex(Self.load(path))
  }

  /// Beside the queue; where systemd made a state directory, there.
  package static func path(queueDirectory: String) -> String {
    let directory =
      getenv("STATE_DIRECTORY").map { String(cString: $0) }?.split(separator: ":").first.map(String.init)
      ?? FileReplacement.directory(of: queueDirectory)
    return directory == "/" ? "/tokens" : "\(directory)/tokens"
  }

  // MARK: what is kept

  /// What is kept for an upstream, or why that is not known; both nil: nothing was ever kept.
  package func grant(for upstream: String) -> (grant: KeptGrant?, damage: String?) {
    state.withLock { state in
      if let grant = state.unwritten[upstream] { return (grant, nil) }
      if let grant = state.file[upstream] { return (grant, nil) }
      if let obstacle = state.obstacle { return (nil, obstacle) }
      guard let line = state.file.damagedLines.first else { return (nil, nil) }
      return (nil, "line \(line) of \(path) is damaged")
    }
  }

  /// Durable when it returns; otherwise only this process knows it.
  package func keep(_ grant: KeptGrant) throws(TokenStoreError) {
    do throws(TokenStoreError) {
      try writing.withLock { _ throws(TokenStoreError) in
        let (file, obstacle) = state.withLock { ($0.file, $0.obstacle) }
        if let obstacle { throw TokenStoreError(obstacle) }
        let new = try write(grant, into: file)
        state.withLock { state in
          state.file = new
          state.unwritten[grant.upstream] = nil
        }
      }
    } catch {
      state.withLock { $0.unwritten[grant.upstream] = grant }
      throw error
    }
  }

  /// The file as it is then.
  private func write(_ grant: KeptGrant, into file: TokenFile) throws(TokenStoreError) -> TokenFile {
    var new = file
    new[grant.upstream] = grant
    if !new.damagedLines.isEmpty {
      try setAside()
      new.forgetDamage()
    }
    do {
      try replace(path, new.text.octets)
    } catch {
      throw TokenStoreError("cannot keep a token in \(path): \(error)")
    }
    return new
  }

  /// What was damaged stays for whoever can read more out of it. The name is a second one until the file is replaced.
  private func setAside() throws(TokenStoreError) {
    let aside = "\(path).damaged"
    guard unlink(aside) == 0 || errno == ENOENT, link(path, aside) == 0 else {
      throw TokenStoreError("cannot keep the damaged \(path) as \(aside): \(String(cString: strerror(errno)))")
    }
  }

  package static func replaceFile(_ path: String, _ octets: [UInt8]) throws {
    try FileReplacement(of: path, mode: 0o600, followsLinks: false).commit(octets)
  }

  // MARK: the start

  /// Whoever is killed between the steps of a replacement leaves the new file beside the old one, with tokens in it. Only
  /// files of that name that are ours go, and nothing that a link leads to. Nobody else replaces the file at this time.
  private static func removeRemains(of path: String) {
    let directory = FileReplacement.directory(of: path)
    guard let name = path.split(separator: "/").last, let entries = opendir(directory) else { return }
    defer { closedir(entries) }
    let prefix = ".\(name)."
    while let entry = readdir(entries) {
      let found = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      // mkstemp(3) draws six letters and digits.
      guard found.hasPrefix(prefix), found.utf8.count == prefix.utf8.count + 6,
        found.dropFirst(prefix.count).allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) })
      else { continue }
      var status = stat()
      guard fstatat(dirfd(entries), found, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT == S_IFREG,
        status.st_uid == geteuid()
      else { continue }
      _ = unlinkat(dirfd(entries), found, 0)
    }
  }

  private static func load(_ path: String) -> State {
    var state = State()
    do throws(TokenStoreError) {
      if let octets = try read(path) { state.file = TokenFile(parsing: octets) }
    } catch {
      state.obstacle = error.description
    }
    return state
  }

  /// nil if there is no file.
  private static func read(_ path: String) throws(TokenStoreError) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw failure("open", path)
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("look at", path) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw TokenStoreError("\(path) is not a regular file") }
    guard status.st_uid == geteuid() else {
      throw TokenStoreError("\(path) belongs to uid \(status.st_uid), not to us: chown \(geteuid()) \(path)")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw TokenStoreError("others may read or write \(path): chmod 600 \(path)")
    }
    var octets: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while octets.count <= octetsMax {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure("read", path) }
      if count == 0 { return octets }
      octets += buffer[..<count]
    }
    throw TokenStoreError("\(path) has more than \(octetsMax) octets")
  }

  private static func failure(_ attempt: String, _ path: String) -> TokenStoreError {
    TokenStoreError("cannot \(attempt) \(path): \(String(cString: strerror(errno)))")
  }
}

/// Why a token cannot be kept or read back; never the token.
package struct TokenStoreError: Error, Sendable, Equatable, CustomStringConvertible {
  package let description: String

  init(_ description: String) {
    self.description = description
  }
}
