// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import TestKit

/// One reader of foreign octets, and what must hold whatever they are. `main` hands it to libFuzzer; each target is a
/// file with its name, and says above its `check` calls what it asks.
struct FuzzTarget: Sendable {
  let name: String
  /// Of an input. Small ones find more in the same time; limits of readers are lowered to fit where they can be.
  let octetsMax: Int
  let run: @Sendable ([UInt8]) -> Void

  static let all: [FuzzTarget] = [
    .commands, .parameters, .addresses, .lines, .content, .chunks, .sasl, .upstreamLogin, .replies, .header, .trace,
    .report, .users, .tls, .admin, .configuration, .oauth, .serverDialogue, .upstreamDialogue,
  ]

  /// The one that the first argument names.
  static let chosen = CommandLine.arguments.dropFirst().first.flatMap { name in all.first { $0.name == name } }
}

/// Ends the process over a broken promise, so that libFuzzer keeps the input.
func check(_ isKept: Bool, _ promise: @autoclosure () -> String, line: Int = #line, file: String = #fileID) {
  if !isKept { fatalError("\(file):\(line): broken: \(promise())") }
}

/// An input from its beginning on: a few octets that choose, and the rest.
struct FuzzInput {
  private(set) var rest: ArraySlice<UInt8>

  init(_ octets: [UInt8]) {
    rest = octets[...]
  }

  /// 0 behind the end.
  mutating func octet() -> UInt8 { rest.popFirst() ?? 0 }

  mutating func flag() -> Bool { octet() & 1 == 1 }

  /// Up to a line feed or the end.
  mutating func word() -> [UInt8] {
    let word = rest.prefix { $0 != 0x0A }
    rest = rest.dropFirst(word.count + 1)
    return Array(word)
  }

  mutating func text() -> String { String(decoding: word(), as: UTF8.self) }
}

/// The octets in the pieces in which a network might bring them; 0: one at a time.
func pieces(of octets: some Collection<UInt8>, by seed: UInt8) -> [[UInt8]] {
  var generator = SeededGenerator(seed: UInt64(seed))
  var pieces: [[UInt8]] = []
  var rest = octets[...]
  while !rest.isEmpty {
    let piece = rest.prefix(seed == 0 ? 1 : Int.random(in: 1...Int(seed), using: &generator))
    pieces.append(Array(piece))
    rest = rest.dropFirst(piece.count)
  }
  return pieces
}

/// No CR without LF and no LF without CR.
func hasProperLineEnds(_ octets: some Collection<UInt8>) -> Bool {
  var last: UInt8 = 0
  for octet in octets {
    if (octet == 0x0A) != (last == 0x0D) { return false }
    last = octet
  }
  return last != 0x0D
}
