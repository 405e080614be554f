// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Admin

@Suite
struct LineFramerTests {
  @Test("lines come out whole, however the octets come in", arguments: [1, 2, 3, 7, 100])
  func chunks(octets: Int) throws {
    let stream = Array("one\n\ntwo \r\nthree\nrest".utf8)
    var framer = LineFramer()
    var lines: [String] = []
    for start in stride(from: 0, to: stream.count, by: octets) {
      framer.append(stream[start..<min(start + octets, stream.count)])
      while let line = try framer.next() { lines.append(String(decoding: line, as: UTF8.self)) }
    }
    #expect(lines == ["one", "", "two \r", "three"])
    #expect(framer.hasRest)
  }

  @Test("64 KiB are a line, one octet more is not, whether its end has come or not")
  func bound() throws {
    let largest = [UInt8](repeating: 0x61, count: ControlLine.octetsMax)
    var framer = LineFramer()
    framer.append(largest)
    #expect(try framer.next() == nil)
    framer.append(Array("\n".utf8))
    #expect(try framer.next() == largest)
    #expect(!framer.hasRest)
    framer.append(largest + [0x61, 0x0A])
    #expect(throws: AdminError.self) { try framer.next() }
    var endless = LineFramer()
    endless.append(largest + [0x61])
    #expect(throws: AdminError.self) { try endless.next() }
  }
}
