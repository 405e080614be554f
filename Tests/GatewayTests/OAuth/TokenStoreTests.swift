// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import Glibc
import OAuth
import SMTP
import Synchronization
import Testing

@testable import Gateway

@Suite("The file of tokens on a disk")
struct TokenStoreTests {
  private let directory: String
  private var path: String { "\(directory)/tokens" }

  init() throws {
    var template = Array("/tmp/postern-tokens-XXXXXX".utf8CString)
    directory = String(cString: try #require(mkdtemp(&template)))
  }

  private func remove() {
    for name in ["tokens", "tokens.damaged", "elsewhere"] { unlink("\(directory)/\(name)") }
    rmdir(directory)
  }

  private func grant(_ upstream: String, _ token: String) -> KeptGrant {
    KeptGrant(
      upstream: upstream, tokenAddress: "https://login.test/token", clientID: "c", refreshToken: Secret(token),
      account: nil, signedIn: 1, renewed: 2, by: PeerText("root"))
  }

  private func read() -> [UInt8] {
    let file = open(path, O_RDONLY)
    defer { close(file) }
    var octets = [UInt8](repeating: 0, count: 65_536)
    let count = Glibc.read(file, &octets, octets.count)
    return Array(octets.prefix(max(0, count)))
  }

  private func write(_ octets: [UInt8]) {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer { close(file) }
    _ = Glibc.write(file, octets, octets.count)
  }

  private func mode() -> mode_t {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
  }

  @Test("what a kill left of a replacement is removed at the start; nothing else is")
  func remains() throws {
    defer {
      for name in ["link", "target", "other"] { unlink("\(directory)/\(name)") }
      remove()
    }
    let names = [
      ".tokens.aB3xYz", ".tokens.000000", ".tokens.short", ".tokens.sevenxx", ".tokens.aB-xYz", ".quotas.aB3xYz",
      "tokens.aB3xYz", "target",
    ]
    for name in names { close(open("\(directory)/\(name)", O_WRONLY | O_CREAT, 0o600)) }
    mkdir("\(directory)/.tokens.folder", 0o700)
    symlink("\(directory)/target", "\(directory)/.tokens.linked")
    link("\(directory)/target", "\(directory)/.tokens.second")
    _ = TokenStore(path: path)
    func isThere(_ name: String) -> Bool {
      var status = stat()
      return lstat("\(directory)/\(name)", &status) == 0
    }
    #expect(names.filter(isThere) == Array(names.dropFirst(2)))
    #expect(isThere(".tokens.folder") && isThere(".tokens.linked"))
    // A second name of a file of ours is only that.
    #expect(!isThere(".tokens.second") && isThere("target"))
    for name in names + [".tokens.linked"] { unlink("\(directory)/\(name)") }
    rmdir("\(directory)/.tokens.folder")
  }

  @Test("what is kept is read back by the next start, and nobody else may read it")
  func roundTrip() throws {
    defer { remove() }
    let store = TokenStore(path: path)
    #expect(store.grant(for: "m365").grant == nil)
    #expect(store.grant(for: "m365").damage == nil)
    try store.keep(grant("m365", "r1"))
    try store.keep(grant("gmail", "g1"))
    try store.keep(grant("m365", "r2"))
    #expect(mode() == 0o600)
    let next = TokenStore(path: path)
    #expect(next.grant(for: "m365").grant == grant("m365", "r2"))
    #expect(next.grant(for: "gmail").grant == grant("gmail", "g1"))
    #expect(!String(decoding: read(), as: UTF8.self).contains("r1"))
  }

  @Test("if the disk does not take it, the file is as before")
  func failingDisk() throws {
    defer { remove() }
    let fails = Mutex(false)
    let store = TokenStore(path: path) { path, octets in
      if fails.withLock({ $0 }) { throw TokenStoreError("no space left") }
      try TokenStore.replaceFile(path, octets)
    }
    try store.keep(grant("m365", "r1"))
    let before = read()
    fails.withLock { $0 = true }
    #expect(throws: TokenStoreError("cannot keep a token in \(path): no space left")) {
      try store.keep(grant("m365", "hush"))
    }
    #expect(read() == before)
    // The newest one may be the only one that still holds: this process goes on with it.
    #expect(store.grant(for: "m365").grant == grant("m365", "hush"))
    #expect(TokenStore(path: path).grant(for: "m365").grant == grant("m365", "r1"))
    fails.withLock { $0 = false }
    try store.keep(grant("m365", "r2"))
    #expect(TokenStore(path: path).grant(for: "m365").grant == grant("m365", "r2"))
  }

  private final class Reader: Sendable {
    let store = Mutex<TokenStore?>(nil)
    let seen = Mutex<[KeptGrant?]>([])

    func look() {
      guard let store = store.withLock({ $0 }) else { return }
      let grant = store.grant(for: "m365").grant
      seen.withLock { $0.append(grant) }
    }
  }

  @Test("what is kept can be read while the disk takes its time")
  func slowDisk() throws {
    defer { remove() }
    let reader = Reader()
    let store = TokenStore(path: path) { _, _ in reader.look() }
    reader.store.withLock { $0 = store }
    try store.keep(grant("m365", "r1"))
    try store.keep(grant("m365", "r2"))
    #expect(reader.seen.withLock { $0 } == [nil, grant("m365", "r1")])
    #expect(store.grant(for: "m365").grant == grant("m365", "r2"))
  }

  @Test("a damaged line costs its upstream the sign-in, and the file as it was is set aside")
  func damage() throws {
    defer { remove() }
    let store = TokenStore(path: path)
    try store.keep(grant("gmail", "g1"))
    try store.keep(grant("m365", "r1"))
    var octets = read()
    octets[octets.count - 8] ^= 4
    write(octets)
    let next = TokenStore(path: path)
    #expect(next.grant(for: "gmail").grant == grant("gmail", "g1"))
    #expect(next.grant(for: "m365").grant == nil)
    #expect(next.grant(for: "m365").damage == "line 3 of \(path) is damaged")
    try next.keep(grant("m365", "r9"))
    #expect(next.grant(for: "m365").damage == nil)
    let last = TokenStore(path: path)
    #expect(last.grant(for: "gmail").grant == grant("gmail", "g1"))
    #expect(last.grant(for: "m365").grant == grant("m365", "r9"))
    #expect(access("\(path).damaged", F_OK) == 0)
  }

  @Test("a file that others may read, or that is a link, is neither used nor replaced")
  func openToOthers() throws {
    defer { remove() }
    try TokenStore(path: path).keep(grant("m365", "r1"))
    chmod(path, 0o640)
    let open = TokenStore(path: path)
    #expect(open.grant(for: "m365").damage == "others may read or write \(path): chmod 600 \(path)")
    #expect(throws: TokenStoreError.self) { try open.keep(grant("gmail", "g1")) }
    chmod(path, 0o600)
    #expect(TokenStore(path: path).grant(for: "m365").grant == grant("m365", "r1"))
    rename(path, "\(directory)/elsewhere")
    symlink("\(directory)/elsewhere", path)
    #expect(TokenStore(path: path).grant(for: "m365").grant == nil)
    #expect(throws: TokenStoreError.self) { try TokenStore(path: path).keep(grant("gmail", "g1")) }
  }
}
