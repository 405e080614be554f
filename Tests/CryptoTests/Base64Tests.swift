// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Crypto

@Suite struct Base64Tests {
  @Test(
    "The vectors of RFC 4648 section 10 hold in both directions",
    arguments: [
      ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
      ("foobar", "Zm9vYmFy"),
    ])
  func vectors(plain: String, encoded: String) {
    #expect(Base64.encode(Array(plain.utf8)) == encoded)
    #expect(Base64.decode(encoded.utf8) == Array(plain.utf8))
  }

  @Test("Every octet value and every length up to 300 survive the round trip")
  func roundTrip() {
    for count in 0...300 {
      let octets = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ count) }
      #expect(Base64.decode(Base64.encode(octets).utf8) == octets)
    }
    #expect(Base64.encode([0xFB, 0xFF, 0xBF]) == "+/+/")
  }

  @Test("What is not canonical is refused")
  func refused() {
    let texts = [
      "Z", "Zg", "Zg=", "Zm9v=", "Zm9vZg", "=", "==", "===", "====", "Z===", "=Zg=", "Zg=a", "Zg==Zg==", "Zm8=Zm8=",
      "Zh==", "Zm9=", "Zm9v\n", "Zm9v\r\n", " Zm9", "Zm 9", "Zm-_", "Zm9*", "Zm9\u{0}", "Zm\u{e9}", "*", "\r\n",
    ]
    for text in texts {
      #expect(Base64.decode(text.utf8) == nil, "\(text.debugDescription)")
    }
  }
}
