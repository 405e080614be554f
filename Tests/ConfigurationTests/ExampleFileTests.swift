// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Foundation
import Testing

/// The lines of `etc/postern.toml`.
func exampleLines() throws -> [String] {
  let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  return try String(contentsOf: root.appendingPathComponent("etc/postern.toml"), encoding: .utf8)
    .components(separatedBy: "\n")
}

/// A commented key or table of the example, without its mark; nil for any other line.
func enabledKey(_ line: String) -> String? {
  line.wholeMatch(of: /# ((?:[a-z_]+ = |\[).*)/).map { String($0.1) }
}

/// `etc/postern.toml`. Its lines of "# key = value" and "# [table]" are the commented keys.
@Suite("The example file")
struct ExampleFileTests {
  private let lines: [String]

  init() throws {
    lines = try exampleLines()
  }

  private func configuration(_ lines: [String]) throws -> Configuration {
    try load(["postern.toml": lines.joined(separator: "\n")]).get()
  }

  @Test("is a configuration as it is printed")
  func printed() throws {
    let configuration = try configuration(lines)
    #expect(configuration.upstream.username == "alerts@example.com")
  }

  @Test("shows the code's default in every commented key")
  func defaults() throws {
    var all = try configuration(lines.map { enabledKey($0) ?? $0 })
    // The one commented key that is an example, having no default.
    #expect(all.clients.map(\.name) == ["printer-2nd-floor"])
    #expect(all.clients.first?.allow == [.noAuth, .plaintext])
    (all.clients, all.clientsFile) = ([], nil)
    #expect(all.routes.map(\.from) == [[.domain("shop.example")]])
    all.routes = []
    #expect(all.namesListeners)
    all.namesListeners = false
    #expect(try all == configuration(lines))
  }

  @Test("has every key of this version in its table")
  func complete() throws {
    var table = ""
    var keys: [String: Set<String>] = [:]
    for line in lines.map({ enabledKey($0) ?? $0 }) {
      if let header = line.prefixMatch(of: /\[+([a-z]+)(\.[a-z]+)?(\.[a-z]+)?\]/) {
        table = header.1 + (header.2 == nil ? "" : ".NAME") + (header.3 ?? "")
      } else if let key = line.prefixMatch(of: #/([a-z_]+) = /#) {
        keys[table, default: []].insert(String(key.1))
      }
    }
    for (table, known) in KnownKeys.configuration.tables {
      // A table is no key of a line.
      let known = table.isEmpty ? ["hostname", "postmaster"] : Set(known).subtracting(["oauth"])
      #expect(keys.removeValue(forKey: table) == known)
    }
    #expect(keys.isEmpty)
  }

  @Test("begins with the smallest file that works")
  func smallest() throws {
    let small = lines.prefix { !$0.isEmpty }.compactMap { $0.hasPrefix("#     ") ? String($0.dropFirst(6)) : nil }
    #expect(small.count == 6)
    #expect(try configuration(small) == configuration(lines))
    for index in small.indices where !small[index].contains("username") {
      var less = small
      less.remove(at: index)
      #expect(throws: ConfigurationErrors.self) { try configuration(less) }
    }
  }
}
