// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Foundation
import Testing

/// A file with mistakes, completed by the tables of `smallest` that it lacks, and all that is said about it.
struct WrongFile: Sendable, CustomTestStringConvertible {
  let name: String
  let text: String
  let said: String

  init(_ name: String, _ text: String, _ said: String) {
    self.name = name
    self.text = text
    self.said = said
  }

  var testDescription: String { name }
}

@Suite("A wrong configuration")
struct WrongFileTests {
  @Test(
    "is told whole, with places",
    arguments: WrongFile.names + WrongFile.values + WrongFile.rules + WrongFile.upstreams + WrongFile.form)
  func isTold(_ file: WrongFile) throws {
    #expect(try rendered(["postern.toml": completed(file.text)]) == file.said)
  }

  @Test("names each file, in the order of reading")
  func namesFiles() throws {
    let said = try rendered([
      "postern.toml": smallest + "[upstream.second]\nhost = 5\n",
      "conf.d/20-b.toml": "[queue]\nlifetime = \"3\"\n",
      "conf.d/10-a.toml": "\n[log]\nlevel = \"loud\"\n",
    ])
    #expect(
      said == #"""
        postern.toml:7:8: error: 'host' must be a host name or an address, not 5
          7 | host = 5
            |        ^
        conf.d/10-a.toml:3:9: error: 'level' must be "error", "warning", "notice", "info" or "debug", not "loud"
          3 | level = "loud"
            |         ^^^^^^
        conf.d/20-b.toml:2:12: error: 'lifetime' must be a duration such as "5m" (s, m, h or d), not "3"
          2 | lifetime = "3"
            |            ^^^
        """#)
  }

  @Test("with syntax errors in several files tells each of them, and nothing that might only follow from them")
  func syntaxErrors() throws {
    let said = try rendered([
      "postern.toml": "[upstream.relay\n", "conf.d/a.toml": "[log]\nlevel = 'x\n", "conf.d/b.toml": "[bog]\n",
    ])
    #expect(said.components(separatedBy: ": error: ").count == 3)
    #expect(said.hasPrefix("postern.toml:1:16: error: syntax error: "))
    #expect(said.contains("\nconf.d/a.toml:2:11: error: syntax error: "))
  }

  @Test("has a form of one line")
  func summary() throws {
    guard case .failure(let errors) = try load("[queue]\nlifetme = \"3d\"\n") else {
      Issue.record("the file is wrong")
      return
    }
    #expect(errors.errors.map(\.line) == [2])
    #expect(errors.errors[0].summary.hasSuffix(":2:1: unknown key 'lifetme' in [queue]; did you mean 'lifetime'?"))
    #expect(errors.tally == "1 error")
  }

  @Test("with a thousand mistakes tells a hundred")
  func manyErrors() throws {
    let list = String(repeating: "\"x\",", count: 1000)
    guard case .failure(let errors) = try load("[access]\ntrusted = [\(list)]\n") else {
      Issue.record("the file is wrong")
      return
    }
    #expect(errors.errors.count == 100)
    #expect(errors.tally == "100 errors or more")
  }

  @Test("never shows a password", arguments: ["password", "Passwort", "pasword", "client-secret", "smtp_passwd"])
  func noPassword(key: String) throws {
    for text in [
      "\(key) = \"geheim\"\n", "\(key) = geheim\n", "\(key): geheim\n",
      "[upstream.relay]\nhost=\"a\"\n\(key)=\"geheim\"\n",
      "[x]\ny = { a = 1, \(key) = \"geheim\" }\n", "[[y]]\n\(key) = [\"geheim\", 3\n", "\"\(key)\" = '''\ngeheim\n",
    ] {
      let said = try rendered(["postern.toml": completed(text)])
      #expect(said.contains("error:"))
      #expect(!said.contains("geheim"))
    }
  }
}
