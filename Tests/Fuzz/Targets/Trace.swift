// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import TestKit

@testable import Mail

extension FuzzTarget {
  /// The trace field that we put in front of a message: exactly one field, in short lines of printable ASCII, whatever
  /// the client calls itself, us, its cipher or its recipient; and Date and Message-ID likewise.
  static let trace = FuzzTarget(name: "trace", octetsMax: 1_024) { octets in
    var input = FuzzInput(octets)
    let flags = input.octet()
    var generator = SeededGenerator(seed: UInt64(input.octet()))
    let field = TraceField(
      helo: input.text(), address: input.text(), hostname: input.text(), isExtended: flags & 1 == 1,
      isUTF8: flags & 2 == 2, isAuthenticated: flags & 4 == 4, tls: flags & 8 == 8 ? input.text() : nil,
      id: input.text() + "7", recipients: (0..<Int(flags >> 6)).map { _ in input.text() },
      unixSeconds: Int64.random(in: .min ... .max, using: &generator),
      zoneOffsetSeconds: Int.random(in: .min ... .max, using: &generator))
    isHeader(Array(field.text().utf8), [.received])
    var scanner = HeaderScanner(hostname: field.hostname)
    scanner.consume(Array(field.text().utf8).span.bytes)
    scanner.finish()
    check(scanner.ownTraceCount == 1, "not known as our own")
    var header = HeaderScanner()
    header.consume(Array("Subject: x\r\n\r\n".utf8).span.bytes)
    header.finish()
    isHeader(Origination.prefix(trace: field, header: header), [.received, .date, .messageID])
  }

  private static func isHeader(_ octets: [UInt8], _ names: [FieldName]) {
    let text = String(decoding: octets, as: UTF8.self)
    check(HeaderBlock(octets, octetsMax: .max, isWhole: true).fields.map(\.name) == names, "the fields of \(text)")
    check(hasProperLineEnds(octets) && octets.last == 0x0A, "the line ends of \(text)")
    for line in octets.split(separator: 0x0A) {
      check(line.count <= MailLimits.lineOctetsMax + 1, "a line of \(line.count)")
      check(line.dropLast().allSatisfy { (0x20...0x7E).contains($0) || $0 == 0x09 }, "the octets of \(text)")
    }
  }
}
