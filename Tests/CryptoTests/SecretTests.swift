// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Crypto

@Suite struct SecretTests {
  struct Holder {
    var name = "alice"
    var password = Secret("hunter2")
  }

  @Test("No way of printing a secret, or what holds one, shows it")
  func unprintable() {
    let octets = Array("hunter2".utf8)
    var dumped = ""
    dump(Holder(), to: &dumped)
    var dumpedSecret = ""
    dump(Secret(octets), to: &dumpedSecret)
    let printed = [
      "\(Secret(octets))", String(reflecting: Secret(octets)), "\(Holder())", String(reflecting: Holder()),
      "\(Optional(Secret(octets)) as Any)", "\([Secret(octets)])", dumped, dumpedSecret,
    ]
    for text in printed {
      #expect(text.contains("<redacted>"))
      #expect(!text.contains("hunter2"))
      #expect(!text.contains("\(octets[0])"))
    }
  }

  @Test("Secrets compare by content, and their owner can read them")
  func equality() {
    #expect(Secret("a") == Secret([0x61]))
    #expect(Secret("a") != Secret("b"))
    #expect(Secret("a") != Secret("aa"))
    #expect(Secret("a").octets == [0x61])
  }
}
