// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Mail

/// What a header costs grows as it does, and no faster: twice as much of the worst takes twice as long.
@Suite(.serialized) struct HeaderCostTests {
  /// Headers of about so many octets, each the worst for somebody.
  static let worst: [(name: String, make: @Sendable (Int) -> [UInt8])] = [
    ("fields", { make("X-A: b\r\n", $0) }), ("fields without a name", { make(": b\r\n", $0) }),
    ("one folded field", { Array("Subject:".utf8) + make(" folded\r\n", $0) }),
    ("one line", { Array("Subject: ".utf8) + make("x", $0) + [0x0D, 0x0A] }),
    ("no colon", { make("x", $0) + [0x0D, 0x0A] }), ("bare carriage returns", { Array("A: ".utf8) + make("\r", $0) }),
    ("Received", { make("Received: from a by b (Postern)\r\n\twith c; d\r\n", $0) }),
    ("by", { Array("Received: ".utf8) + make("by ", $0) + [0x0D, 0x0A] }),
    ("Message-ID", { make("Message-ID: <a@b>\r\n", $0) }),
    ("brackets", { Array("Message-ID: ".utf8) + make("<", $0) + [0x0D, 0x0A] }),
    ("parentheses", { Array("From: ".utf8) + make("(", $0) + [0x0D, 0x0A] }),
    ("quotes", { Array("From: ".utf8) + make("\"\\\"", $0) + [0x0D, 0x0A] }),
    ("commas", { Array("From: ".utf8) + make(",", $0) + [0x0D, 0x0A] }),
    ("Bcc", { make("Bcc: a@b\r\n c@d\r\n", $0) }), ("From", { make("From: a@b\r\n", $0) }),
  ]

  static func make(_ text: String, _ octets: Int) -> [UInt8] {
    Array(String(repeating: text, count: octets / text.utf8.count + 1).utf8)
  }

  @Test("of scanning", arguments: worst.indices)
  func scanner(index: Int) throws {
    try expectLinear(index) { octets in
      var scanner = HeaderScanner(hostname: "gate.test")
      for start in stride(from: 0, to: octets.count, by: 16_384) {
        scanner.consume(octets[start..<min(start + 16_384, octets.count)].span.bytes)
      }
      scanner.finish()
    }
  }

  @Test("of removing what nobody may see", arguments: worst.indices)
  func bccRemoval(index: Int) throws {
    try expectLinear(index) { octets in
      var removal = BccRemoval()
      var kept = 0
      for start in stride(from: 0, to: octets.count, by: 16_384) {
        kept += removal.filter(Array(octets[start..<min(start + 16_384, octets.count)])).count
      }
      #expect(kept <= octets.count)
    }
  }

  @Test("of making the author another one", arguments: worst.indices)
  func senderRewriting(index: Int) throws {
    try expectLinear(index) { octets in
      var rewriting = SenderRewriting(account: "gate@example.com") { _ in false }
      for start in stride(from: 0, to: octets.count, by: 16_384) {
        _ = rewriting.filter(Array(octets[start..<min(start + 16_384, octets.count)]))
      }
      _ = rewriting.finish()
    }
  }

  /// Compares 64 KiB with 256 KiB: four times as much may take nine times as long, so that only what grows with the
  /// square of it fails whatever else this machine does.
  private func expectLinear(_ index: Int, _ run: ([UInt8]) -> Void) throws {
    let make = Self.worst[index].make
    let (small, large) = (make(64 << 10), make(256 << 10))
    var ratio = Double.infinity
    for _ in 0..<5 where ratio > 9 {
      ratio = min(ratio, Self.time { run(large) } / max(Self.time { run(small) }, 0.000_01))
    }
    #expect(ratio < 9, "\(Self.worst[index].name): \(ratio)")
  }

  private static func time(_ work: () -> Void) -> Double {
    let clock = ContinuousClock()
    let duration = (0..<3).map { _ in clock.measure(work) }.min()!
    return Double(duration.components.attoseconds) / 1e18 + Double(duration.components.seconds)
  }
}
