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

  @Test("is a configuration or gives errors, and never stops the program", arguments: 0..<8 as Range<UInt64>)
  func damaged(seed: UInt64) throws {
    var random = Seeded(state: seed)
    let whole = try exampleLines().map { enabledKey($0) ?? $0 }.joined(separator: "\n")
    let pieces = [
      "[", "]", "[[", "=", ".", "\"", "'''", "\n", "{", "}", "#", "-1", "\u{1B}", "é", "/", "\r", "none", " ",
    ]
    let directory = try TemporaryDirectory()
    for _ in 0..<40 {
      var octets = Array(whole.utf8)
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let start = Int.random(in: 0..<octets.count, using: &random)
        let end = min(octets.count, start + Int.random(in: 0...12, using: &random))
        octets.replaceSubrange(start..<end, with: Array(pieces.randomElement(using: &random)!.utf8))
      }
      try Data(octets).write(to: URL(fileURLWithPath: directory.file("postern.toml")))
      let result = ConfigurationLoader.load(path: directory.file("postern.toml"), hostname: { "a" })
      guard case .failure(let errors) = result else { continue }
      #expect(!errors.errors.isEmpty)
      let isPlain = errors.description.unicodeScalars.allSatisfy {
        $0 == "\n" || $0.properties.generalCategory != .control
      }
      #expect(isPlain, "seed \(seed)")
    }
  }
}
