// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import TestKit
import Testing

@Suite struct MessageIDTests {
  @Test("an id is nine characters, read back in any case, with O, I and L as digits")
  func form() throws {
    #expect(MessageID(number: 0).description == "000000000")
    for number in [1, 2, 3, 1_000_000, MessageID.numberMax] as [UInt64] {
      let id = MessageID(number: number)
      #expect(id.description.utf8.count == 9)
      #expect(MessageID(id.description) == id)
      #expect(MessageID(id.description.lowercased()) == id)
      #expect(MessageID(id.description.replacing("0", with: "o").replacing("1", with: "l")) == id)
    }
  }

  @Test("the numbers that follow one another have different ids that begin differently")
  func mixed() {
    let ids = (1...5000).map { MessageID(number: UInt64($0)).description }
    #expect(Set(ids).count == 5000)
    #expect(Set(ids.map { $0.prefix(4) }).count > 4900)
  }

  @Test(
    "the bijection never changes: ids are printed in other people's logs",
    arguments: [
      (1, "7N210058N"), (2, "MXYESQYJP"), (1_000_000, "GEPZD109T"),
    ] as [(UInt64, String)])
  func fixed(number: UInt64, expected: String) {
    #expect(MessageID(number: number).description == expected)
  }

  @Test(
    "what is no id is refused",
    arguments: ["", "7KQ2", "0123456789", "U00000000", "00000 000", "0000000-0", "ÄÄÄÄÄÄÄÄÄ"])
  func refused(text: String) {
    #expect(MessageID(text) == nil)
  }
}
