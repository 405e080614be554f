// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing

@testable import Systemd

@Suite
struct CredentialsTests {
  @Test("the service directory comes before the fall-back, our prefix before the bare name")
  func order() throws {
    let place = try Place()
    try place.write("fallback\n", to: "fallback/gmail.password")
    #expect(try place.read("gmail.password") == "fallback")
    try place.write("bare", to: "service/gmail.password")
    #expect(try place.read("gmail.password") == "bare")
    try place.write("prefixed", to: "service/postern.gmail.password")
    #expect(try place.read("gmail.password") == "prefixed")
  }

  /// A loop, since the arguments of a test are printed as they are.
  @Test("exactly one final line end is not part of the secret")
  func finalNewline() throws {
    let place = try Place()
    let files = [("secret", "secret"), ("secret\n", "secret"), ("secret\n\n", "secret\n"), (" secret \n", " secret ")]
    for (file, secret) in files {
      try place.write(file, to: "fallback/ses.password")
      #expect(try place.read("ses.password") == secret)
    }
  }

  @Test("a missing credential names every place that was tried")
  func missing() throws {
    let place = try Place()
    let searched = ["service/postern.m365.client-secret", "service/m365.client-secret", "fallback/m365.client-secret"]
    let expected = SystemdError.credentialMissing(
      "m365.client-secret", searched: searched.map { "\(place.root)/\($0)" })
    #expect(throws: expected) { try place.read("m365.client-secret") }
    for path in searched { #expect(expected.description.contains(path)) }
  }

  @Test("an empty file is an error and hides the fall-back")
  func empty() throws {
    let place = try Place()
    try place.write("old secret", to: "fallback/gmail.password")
    let path = "\(place.root)/service/gmail.password"
    for file in ["", "\n"] {
      try place.write(file, to: "service/gmail.password")
      #expect(throws: SystemdError.credentialEmpty("gmail.password", path: path)) { try place.read("gmail.password") }
    }
  }

  @Test("64 KiB is the largest secret")
  func size() throws {
    let place = try Place()
    let largest = String(repeating: "x", count: Credentials.octetsMax)
    try place.write(largest, to: "fallback/tls.key")
    #expect(try place.read("tls.key") == largest)
    try place.write(largest + "x", to: "fallback/tls.key")
    let path = "\(place.root)/fallback/tls.key"
    #expect(throws: SystemdError.credentialTooLarge("tls.key", path: path, octetsMax: 65_536)) {
      try place.read("tls.key")
    }
  }

  @Test("a directory in the place of a secret is unreadable, not missing")
  func directory() throws {
    let place = try Place()
    mkdir("\(place.root)/fallback/tls.key", 0o700)
    let path = "\(place.root)/fallback/tls.key"
    #expect(throws: SystemdError.credentialUnreadable("tls.key", path: path, errno: EISDIR)) {
      try place.read("tls.key")
    }
  }

  @Test("names that could leave the directory or hide in it are refused")
  func names() throws {
    let place = try Place()
    let names = [
      "", "gmail", ".password", "gmail.", "../passwd.x", "a/b.password", "gmail.pass word", "gmail.pass\u{0}word",
      "gm\u{E4}il.password",
    ]
    for name in names {
      #expect(throws: SystemdError.credentialNameInvalid(name)) { try place.read(name) }
    }
  }
}

/// The two directories, alive for one test.
private final class Place {
  let root: String

  init() throws {
    var template = Array("/tmp/postern-credentials-XXXXXX".utf8CString)
    let made = try #require(mkdtemp(&template))
    root = String(cString: made)
    mkdir("\(root)/service", 0o700)
    mkdir("\(root)/fallback", 0o700)
  }

  func read(_ name: String) throws -> String {
    let credentials = Credentials(serviceDirectory: "\(root)/service", fallbackDirectory: "\(root)/fallback")
    return String(decoding: try credentials.read(name), as: UTF8.self)
  }

  func write(_ text: String, to file: String) throws {
    let stream = try #require(fopen("\(root)/\(file)", "w"))
    fputs(text, stream)
    fclose(stream)
  }

  deinit {
    for directory in ["service", "fallback"] {
      for name in Self.names(in: "\(root)/\(directory)") { remove("\(root)/\(directory)/\(name)") }
      rmdir("\(root)/\(directory)")
    }
    rmdir(root)
  }
  private static func names(in directory: String) -> [String] {
    guard let list = opendir(directory) else { return [] }
    defer { closedir(list) }
    var names: [String] = []
    while let entry = readdir(list) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }
}
