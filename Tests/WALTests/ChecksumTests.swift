// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import CSupport
import TestKit
import Testing
import WAL

@Suite struct ChecksumTests {
  private static let vectors: [([UInt8], UInt32)] = [
    (Array("123456789".utf8), 0xE306_9283),
    ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
    ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
    (Array(0..<32), 0x46DD_794E),
    ([], 0),
  ]

  @Test("the check value and the vectors of RFC 3720", arguments: vectors)
  func knownValues(octets: [UInt8], expected: UInt32) {
    #expect(Checksum.crc32c(octets) == expected)
    #expect(octets.withUnsafeBytes { csupport_crc32c_portable(0, $0.baseAddress, $0.count) } == expected)
  }

  @Test("the processor's instruction and the portable form agree at every length and alignment, whole and in parts")
  func formsAgree() {
    var generator = SeededGenerator(seed: 1)
    let octets = generator.octets(200)
    for start in 0..<9 {
      for end in start...octets.count {
        octets[start..<end].withUnsafeBytes { part in
          let whole = csupport_crc32c_portable(0, part.baseAddress, part.count)
          #expect(csupport_crc32c(0, part.baseAddress, part.count) == whole)
          let cut = part.count / 3
          let first = csupport_crc32c(0, part.baseAddress, cut)
          #expect(csupport_crc32c_portable(first, part.baseAddress.map { $0 + cut }, part.count - cut) == whole)
        }
      }
    }
  }

  @Test(
    "so they do where the instruction reads three stretches at a time",
    arguments: [8_159, 8_160, 8_161, 16_320, 70_001])
  func longFormsAgree(octets: Int) {
    var generator = SeededGenerator(seed: 3)
    for start in 0..<9 {
      generator.octets(octets + start)[start...].withUnsafeBytes { part in
        #expect(
          csupport_crc32c(7, part.baseAddress, part.count) == csupport_crc32c_portable(7, part.baseAddress, part.count))
      }
    }
  }

  @Test("in parts of any length and alignment, each by either form, the checksum is that of the whole")
  func chained() {
    typealias Form = (UInt32, UnsafeRawPointer?, Int) -> UInt32
    let forms: [Form] = [{ csupport_crc32c($0, $1, $2) }, { csupport_crc32c_portable($0, $1, $2) }]
    var generator = SeededGenerator(seed: 2)
    let octets = generator.octets(10_000)
    for _ in 0..<2000 {
      let start = Int.random(in: 0..<64, using: &generator)
      let end = Int.random(
        in: start...[start + 300, octets.count].randomElement(using: &generator)!, using: &generator)
      octets.withUnsafeBytes { all in
        var (crc, place) = (UInt32(0), start)
        while place < end {
          let count = Int.random(in: 0...(end - place), using: &generator)
          crc = forms.randomElement(using: &generator)!(crc, all.baseAddress! + place, count)
          place += count
          if count == 0, generator.oneIn(2) {
            crc = forms.randomElement(using: &generator)!(crc, all.baseAddress! + place, end - place)
            place = end
          }
        }
        for form in forms { #expect(form(0, all.baseAddress! + start, end - start) == crc) }
      }
    }
  }

  @Test("the scan finds a magic only at multiples of eight")
  func findMagic() {
    var octets = [UInt8](repeating: 0, count: 64)
    octets.replaceSubrange(20..<24, with: [1, 2, 3, 4])
    let magic = UInt32(littleEndian: 0x0403_0201)
    #expect(octets.withUnsafeBytes { csupport_find_magic($0.baseAddress, 64, magic) } == 64)
    octets.replaceSubrange(40..<44, with: [1, 2, 3, 4])
    #expect(octets.withUnsafeBytes { csupport_find_magic($0.baseAddress, 64, magic) } == 40)
    #expect(!octets.withUnsafeBytes { csupport_is_zero($0.baseAddress, 64) })
    #expect(octets.withUnsafeBytes { csupport_is_zero($0.baseAddress, 20) })
  }
}
