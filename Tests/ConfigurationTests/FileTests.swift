// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Foundation
import Testing

@Suite("A configuration file")
struct FileTests {
  private func said(_ prepare: (TemporaryDirectory) throws -> Void) throws -> String {
    let directory = try TemporaryDirectory(["postern.toml": smallest])
    try prepare(directory)
    let result = ConfigurationLoader.load(path: directory.file("postern.toml"), hostname: { "a" })
    guard case .failure(let errors) = result else { return "" }
    return errors.description.replacingOccurrences(of: directory.path + "/", with: "")
  }

  @Test("that is missing is named")
  func missing() throws {
    let text = try said { try FileManager.default.removeItem(atPath: $0.file("postern.toml")) }
    #expect(text == "postern.toml: error: cannot read the file: No such file or directory")
  }

  @Test("that is a directory, a link to nothing, or a FIFO is refused without waiting")
  func otherKinds() throws {
    #expect(
      try said {
        try FileManager.default.createDirectory(atPath: $0.file("conf.d/a.toml"), withIntermediateDirectories: true)
      }
        == "conf.d/a.toml: error: cannot read the file: it is not a regular file")
    let fifo = try said {
      try FileManager.default.createDirectory(atPath: $0.file("conf.d"), withIntermediateDirectories: true)
      #expect(mkfifo($0.file("conf.d/b.toml"), 0o600) == 0)
    }
    #expect(fifo == "conf.d/b.toml: error: cannot read the file: it is not a regular file")
    let loop = try said {
      try FileManager.default.removeItem(atPath: $0.file("postern.toml"))
      #expect(symlink("postern.toml", $0.file("postern.toml")) == 0)
    }
    #expect(loop == "postern.toml: error: cannot read the file: Too many levels of symbolic links")
  }

  @Test("that may not be read is named", .enabled(if: geteuid() != 0))
  func unreadable() throws {
    let text = try said { #expect(chmod($0.file("postern.toml"), 0) == 0) }
    #expect(text == "postern.toml: error: cannot read the file: Permission denied")
  }

  @Test("that is not UTF-8 is refused with the line")
  func notUTF8() throws {
    let text = try said {
      let octets = Data(smallest.utf8) + Data("# fünf\nhostname = \"g".utf8) + Data([0xE4, 0x74, 0x65, 0x22])
      try octets.write(to: URL(fileURLWithPath: $0.file("postern.toml")))
    }
    #expect(text == "postern.toml:7: error: the file is not UTF-8")
  }

  @Test("of one MiB is read, of an octet more not")
  func size() throws {
    let filled = smallest + String(repeating: "#", count: (1 << 20) - smallest.utf8.count)
    #expect(try said { try $0.write(filled, to: "postern.toml") } == "")
    #expect(
      try said { try $0.write(filled + "#", to: "postern.toml") }
        == "postern.toml: error: cannot read the file: it is larger than 1 MiB")
  }

  @Test("that is empty, begins with a mark of octet order, or has line ends of DOS is TOML")
  func forms() throws {
    #expect(try said { try $0.write("", to: "conf.d/a.toml") } == "")
    #expect(try said { try $0.write("\u{FEFF}" + smallest, to: "postern.toml") } == "")
    let dos = smallest.replacingOccurrences(of: "\n", with: "\r\n")
    #expect(try said { try $0.write(dos, to: "postern.toml") } == "")
  }

  @Test(
    "that would cost the stack is refused",
    arguments: [
      ("", "a.", 500_000, "b = 1\n"), ("[", "a.", 500_000, "b]\n"), ("a = ", "[", 1_000_000, ""),
      ("a = ", "{a=", 300_000, ""), ("a = {", "'a'.\"b\" . ", 90_000, "c = 1}\n"),
    ])
  func deep(_ head: String, _ part: String, _ count: Int, _ tail: String) throws {
    let told = try said { try $0.write(head + String(repeating: part, count: count) + tail, to: "postern.toml") }
    #expect(told.hasPrefix("postern.toml:1:"))
    #expect(told.utf8.count < 1000)
  }

  @Test(
    "that once stopped the parser gives an error",
    arguments: ["[=]\n", "[[[x]]]\n", "# \u{E4}\nhostnam\u{E4}\"", "x = 0\u{499}\n", "x = \"\"\"\\\u{E4}\"\"\"\n"])
  func parserFaults(_ text: String) throws {
    #expect(try said { try $0.write(text, to: "postern.toml") }.contains(": error: syntax error: "))
  }
}
