// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Foundation
import SMTP
import Testing

@Suite("The users file")
struct UsersFileTests {
  private static func verifier(_ seed: UInt8) -> SCRAMVerifier {
    let salt = Data(repeating: seed, count: 16).base64EncodedString()
    let key = Data(repeating: seed, count: 32).base64EncodedString()
    return SCRAMVerifier("SCRAM-SHA-256$4096:\(salt)$\(key):\(key)")!
  }

  private let one = Self.verifier(1)
  private let two = Self.verifier(2)

  private func parse(_ text: String) throws(ConfigurationErrors) -> UsersFile {
    try UsersFile(parsing: text, path: "users")
  }

  @Test("gives each user by name")
  func lookup() throws {
    let users = try parse("# LAN\n\nalice \(one.text)\n  printer-2\t\(two.text)   disabled  \r\n")
    #expect(users.user(named: "alice") == UsersFile.User(name: "alice", verifier: one))
    #expect(users.user(named: "printer-2") == UsersFile.User(name: "printer-2", verifier: two, isDisabled: true))
    #expect(users.user(named: "Alice") == nil)
    #expect(users.user(named: "#") == nil)
    #expect(users.users.map(\.name) == ["alice", "printer-2"])
  }

  @Test("shows no verifier in an error, where a space in front of one is missing either")
  func hidesVerifiers() throws {
    for line in [
      "alice\(one.text)", "a\(one.text) \(one.text) x", "a \(one.text) address=\(one.text)",
      "a \(one.text) \(two.text)",
    ] {
      let error = try #require(throws: ConfigurationErrors.self) { try parse(line + "\n") }
      #expect(!error.description.contains("$") || error.description.contains("SCRAM-SHA-256$N:"))
      #expect(!error.description.contains(one.text.suffix(20)) && !error.description.contains(two.text.suffix(20)))
    }
  }

  @Test("keeps comments, empty lines and order when it is changed")
  func changing() throws {
    let text = "# LAN users\n\na \(one.text)\n# printers\nb \(one.text) disabled\nc \(one.text)\n\n# end\n"
    var users = try parse(text)
    #expect(users.text == text)

    var b = try #require(users.user(named: "b"))
    b.verifier = two
    b.isDisabled = false
    users.set(b)
    let removed = [users.remove("a"), users.remove("a")]
    #expect(removed == [true, false])
    let newcomers = try ["d", "c"].map { try #require(UsersFile.User(name: $0, verifier: two)) }
    let added = newcomers.map { users.add($0) }
    #expect(added == [true, false])
    #expect(
      users.text
        == "# LAN users\n\n# printers\nb \(two.text)\nc \(one.text)\n\n# end\nd \(two.text)\n")
    for name in ["b", "c", "d"] { #expect(users.user(named: name)?.name == name) }
    #expect(users.user(named: "a") == nil)
    #expect(try parse(users.text) == users)
  }

  @Test("knows as whom a user may send, and writes it down again")
  func addresses() throws {
    let text = "a \(one.text) address=a@example.com,@example.org disabled\nb@example.com \(two.text)\nc \(two.text)\n"
    let users = try parse(text)
    #expect(users.text == text)
    #expect(users.user(named: "a")?.own.map(\.description) == ["a@example.com", "@example.org"])
    #expect(users.user(named: "b@example.com")?.own.map(\.description) == ["b@example.com"])
    #expect(users.user(named: "c")?.own == [])
    for wrong in ["address=", "address=a", "address=<>", "address=a@b,", "disabled address=a@b"] {
      #expect(throws: ConfigurationErrors.self, "\(wrong)") { try parse("a \(one.text) \(wrong)") }
    }
  }

  @Test("needs no line end at its end, and may be empty")
  func ends() throws {
    #expect(try parse("") == UsersFile())
    #expect(try parse("a \(one.text)").text == "a \(one.text)\n")
    #expect(try parse("#").text == "#\n")
  }

  @Test("tells all that is wrong with line numbers, and never shows a line")
  func wrong() {
    let text = """
      alice \(one.text)
      bob
      # alice
      carol hunter2
      dave \(one.text) enabled
      erin \(one.text) disabled disabled
      alice \(two.text)
      fr\u{E9}d \(one.text)
      \(String(repeating: "g", count: 65)) \(one.text)
      """
    let errors = #expect(throws: ConfigurationErrors.self) { try parse(text) }
    #expect(
      errors?.errors.map(\.summary) == [
        "users:2: user 'bob' has no verifier",
        "users:4: the verifier of user 'carol' is not of the form SCRAM-SHA-256$N:SALT$KEY:KEY; "
          + "set a new password: postern users add carol",
        "users:5: unknown word 'enabled' behind user 'dave'; "
          + "only 'address=…', and 'disabled' behind it, may stand there",
        "users:6: unknown word 'disabled' behind user 'erin'; "
          + "only 'address=…', and 'disabled' behind it, may stand there",
        "users:7: user 'alice' stands in line 1 already",
        "users:8: 'fréd' cannot be the name of a user; printable ASCII without space, at most 64 octets",
        "users:9: '\(String(repeating: "g", count: 65))' cannot be the name of a user; "
          + "printable ASCII without space, at most 64 octets",
      ])
    #expect(errors?.description.contains("hunter2") == false)
  }

  @Test(
    "takes names of printable ASCII without space",
    arguments: [
      ("a", true), ("printer-2@lan.example", true), ("!~", true), ("", false), ("#a", false), ("a b", false),
      ("a\n", false), ("a\u{7F}", false), ("ä", false),
    ])
  func names(_ name: String, _ isValid: Bool) {
    #expect(UsersFile.isValidName(name) == isValid)
    #expect((UsersFile.User(name: name, verifier: one) != nil) == isValid)
  }

  @Test("is replaced whole, with mode 0640, and leaves nothing beside it")
  func writing() throws {
    let directory = try TemporaryDirectory(["users": "# old\n"])
    let path = directory.file("users")
    #expect(chmod(path, 0o666) == 0)
    let old = try inode(path)
    let users = try parse("a \(one.text)\n")
    try users.write(to: path)
    #expect(try directory.contents(of: "users") == users.text)
    #expect(try UsersFile.read(path) == users)
    var status = stat()
    #expect(stat(path, &status) == 0)
    #expect(status.st_mode & 0o7777 == 0o640)
    #expect(status.st_ino != old)
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["users"])
  }

  @Test(
    "keeps owner and group when it is replaced, and takes the directory's group when it is new",
    .enabled(if: geteuid() == 0))
  func owner() throws {
    let directory = try TemporaryDirectory(["users": ""])
    #expect(chown(directory.path, 0, 4321) == 0)
    #expect(chown(directory.file("users"), 1234, 5678) == 0)
    try UsersFile().write(to: directory.file("users"))
    try UsersFile().write(to: directory.file("new"))
    var status = stat()
    #expect(stat(directory.file("users"), &status) == 0)
    #expect((status.st_uid, status.st_gid) == (1234, 5678))
    #expect(stat(directory.file("new"), &status) == 0)
    #expect((status.st_uid, status.st_gid) == (0, 4321))
  }

  @Test("is written through a symbolic link")
  func link() throws {
    let directory = try TemporaryDirectory(["real/users": ""])
    #expect(symlink("real/users", directory.file("users")) == 0)
    let users = try parse("a \(one.text)\n")
    try users.write(to: directory.file("users"))
    #expect(try directory.contents(of: "real/users") == users.text)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: directory.file("users")) == "real/users")
  }

  @Test("says where it cannot be written")
  func unwritable() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("none/users")
    let errors = #expect(throws: ConfigurationErrors.self) { try UsersFile().write(to: path) }
    #expect(
      errors?.description
        == "\(path): error: cannot write the file: creating a file in \(directory.path)/none: No such file or directory"
    )
    #expect(throws: ConfigurationErrors.self) { try UsersFile.edit(path) { _ in } }
  }

  @Test("is made by the first edit, and left alone by one that changes nothing or fails")
  func editing() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("users")
    #expect(try UsersFile.read(path) == nil)
    let user = try #require(UsersFile.User(name: "a", verifier: one))
    let isNew = try UsersFile.edit(path) { users in users.add(user) }
    #expect(isNew)
    #expect(try UsersFile.read(path)?.users == [user])

    let before = try inode(path)
    let isNewAgain = try UsersFile.edit(path) { users in users.add(user) }
    #expect(!isNewAgain)
    #expect(throws: CancellationError.self) {
      try UsersFile.edit(path) { users in
        _ = users.remove("a")
        throw CancellationError()
      }
    }
    #expect(try inode(path) == before)
  }

  @Test("loses no edit of several at the same time")
  func concurrentEdits() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("users")
    let verifier = one
    DispatchQueue.concurrentPerform(iterations: 16) { index in
      _ = try? UsersFile.edit(path) { $0.add(UsersFile.User(name: "user\(index)", verifier: verifier)!) }
    }
    #expect(try UsersFile.read(path)?.users.count == 16)
  }

  private func inode(_ path: String) throws -> UInt {
    var status = stat()
    try #require(stat(path, &status) == 0)
    return UInt(status.st_ino)
  }
}
