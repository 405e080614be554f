// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What decides a dialogue: a seed, or octets in front of it, one for each choice, so that a fuzzer that changes one of
/// them changes one choice.
package struct DialogueDice: RandomNumberGenerator, Sendable {
  private var octets: ArraySlice<UInt8>
  private var generator: SeededGenerator

  package init(seed: UInt64) {
    octets = []
    generator = SeededGenerator(seed: seed)
  }

  package init(octets: [UInt8]) {
    self.octets = octets[...]
    generator = SeededGenerator(seed: UInt64(octets.count))
  }

  package mutating func next() -> UInt64 {
    guard let octet = octets.popFirst() else { return generator.next() }
    // Choices go by the upper end of a number.
    return UInt64(octet) << 56 | 0x0080_0000_0000_0000
  }

  mutating func below(_ count: Int) -> Int { Int.random(in: 0..<count, using: &self) }

  mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }
}
