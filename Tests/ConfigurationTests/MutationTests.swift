// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Foundation
import Testing

@Suite("A damaged configuration")
struct MutationTests {
  /// Numbers that only the seed decides (SplitMix64).
  private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }
  }

  private static let pieces = [
    "[", "]", "[[", "=", ".", "\"", "'''", "\n", "{", "}", "#", "-1", "\u{1B}", "é", "/", "\r", "none", " ",
  ]

  private func damaged(_ text: String, _ random: inout Seeded) -> Data {
    var octets = Array(text.utf8)
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let start = Int.random(in: 0..<octets.count, using: &random)
      let end = min(octets.count, start + Int.random(in: 0...12, using: &random))
      octets.replaceSubrange(start..<end, with: Array(Self.pieces.randomElement(using: &random)!.utf8))
    }
    return Data(octets)
  }

  private func isPlain(_ errors: ConfigurationErrors) -> Bool {
    !errors.errors.isEmpty
      && errors.description.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control }
  }

  @Test("is a configuration or gives errors, and never stops the program", arguments: 0..<8 as Range<UInt64>)
  func damaged(seed: UInt64) throws {
    var random = Seeded(state: seed)
    let whole = try exampleLines().map { enabledKey($0) ?? $0 }.joined(separator: "\n")
    let directory = try TemporaryDirectory()
    for _ in 0..<40 {
      try damaged(whole, &random).write(to: URL(fileURLWithPath: directory.file("postern.toml")))
      let result = ConfigurationLoader.load(
        path: directory.file("postern.toml"), share: shareDirectory, hostname: { "a" })
      if case .failure(let errors) = result { #expect(isPlain(errors), "seed \(seed)") }
    }
  }

  @Test("by its data files gives errors likewise", arguments: 0..<4 as Range<UInt64>)
  func damagedData(seed: UInt64) throws {
    var random = Seeded(state: seed)
    let directory = try TemporaryDirectory([
      "postern.toml": "[upstream.mailgun]\nusername = \"a@b.example\"\n[listen.smtp]\nport = 25\ntls = \"none\"\n",
      "providers/mailgun.toml": "", "explain/m365.toml": "",
    ])
    func text(_ name: String) throws -> String {
      try String(contentsOf: URL(fileURLWithPath: "\(shareDirectory)/\(name)"), encoding: .utf8)
    }
    let preset = try text("providers/mailgun.toml")
    let rules = try text("explain/m365.toml")
    let path = directory.file("postern.toml")
    for _ in 0..<40 {
      try damaged(preset, &random).write(to: URL(fileURLWithPath: directory.file("providers/mailgun.toml")))
      if case .failure(let errors) = ConfigurationLoader.load(path: path, share: nil, hostname: { "a" }) {
        #expect(isPlain(errors), "seed \(seed)")
      }
      try damaged(rules, &random).write(to: URL(fileURLWithPath: directory.file("explain/m365.toml")))
      if case .failure(let errors) = ExplainRules.load(configurationPath: path, share: nil) {
        #expect(isPlain(errors), "seed \(seed)")
      }
    }
  }
}
