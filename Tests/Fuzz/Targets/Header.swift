// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

@testable import Mail

extension FuzzTarget {
  /// What changes a message on its way out. Cutting it anywhere changes nothing, nor does doing it twice; no blind copy
  /// and no author that the upstream would refuse are left; the body is what it was.
  static let header = FuzzTarget(name: "header", octetsMax: 1_024) { octets in
    var input = FuzzInput(octets)
    let seed = input.octet()
    // As the queue holds it: other line ends are refused at the door, and our trace stands in front.
    let text =
      Array("Received: x\r\n".utf8)
      + String(decoding: input.rest, as: UTF8.self).utf8.filter { $0 != 0x0D }
      .flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] }
    scans(text, seed)
    let kept = removed([text])
    check(removed(pieces(of: text, by: seed)) == kept, "other fields go where it is cut")
    check(removed([kept]) == kept, "more goes the second time")
    check(!names(kept).contains(.bcc), "a blind copy is left")
    check(kept.count <= text.count && hasProperLineEnds(kept), "removing adds")
    let sent = changed([text])
    check(changed(pieces(of: text, by: seed)) == sent, "another author where it is cut")
    check(hasProperLineEnds(sent) && !names(sent).contains(.bcc), "a broken header")
    check(sent.count <= text.count + 2 * MailLimits.senderFieldOctetsMax, "grows to \(sent.count)")
    check(body(sent) == body(text), "another body")
    let authors = names(sent).count { $0 == .from }
    check(authors <= 1 || names(text).first == nil, "\(authors) authors")
    if let author = block(sent).value(of: .from) {
      let addresses = MailboxList(author[...]).addresses
      check(!addresses.isEmpty && addresses.allSatisfy(isAccepted), "the author is \(addresses)")
    }
    check(changed([sent]) == sent, "changes more the second time")
  }

  private static func isAccepted(_ address: String) -> Bool { address == "gate@own.example" }

  private static func removed(_ pieces: [[UInt8]]) -> [UInt8] {
    var removal = BccRemoval()
    var kept: [UInt8] = []
    for piece in pieces {
      kept += removal.filter(piece)
      check(removal.heldOctets <= MailLimits.fieldNameOctetsMax, "holds \(removal.heldOctets) octets")
    }
    return kept + removal.finish()
  }

  private static func changed(_ pieces: [[UInt8]]) -> [UInt8] {
    var changes = OutgoingChanges(rewriting: SenderRewriting(account: "gate@own.example", accepts: isAccepted))
    return pieces.flatMap { changes.filter($0) } + changes.finish()
  }

  private static func scans(_ text: [UInt8], _ seed: UInt8) {
    func scan(_ pieces: [[UInt8]]) -> [String] {
      var scanner = HeaderScanner(hostname: "gate.example")
      for piece in pieces { scanner.consume(piece.span.bytes) }
      scanner.finish()
      return [
        "\(scanner.hasDate) \(scanner.hasMessageID) \(scanner.hasFrom) \(scanner.receivedCount)",
        "\(scanner.ownTraceCount) \(scanner.headerOctets) \(scanner.isEightBit) \(scanner.isHeaderEightBit)",
        "\(scanner.startsWithMailboxLine) \(scanner.isBodyOnly) \(scanner.messageID ?? "")",
      ]
    }
    check(scan([text]) == scan(pieces(of: text, by: seed)), "another header where it is cut")
  }

  private static func block(_ text: [UInt8]) -> HeaderBlock {
    HeaderBlock(isBodyOnly(text) ? [] : text, octetsMax: .max, isWhole: true)
  }

  private static func names(_ text: [UInt8]) -> [FieldName] { block(text).fields.compactMap(\.name) }

  private static func isBodyOnly(_ text: [UInt8]) -> Bool {
    var scanner = HeaderScanner()
    scanner.consume(text.span.bytes)
    scanner.finish()
    return scanner.isBodyOnly
  }

  /// Behind the first empty line, or all of it where there is no header.
  private static func body(_ text: [UInt8]) -> [UInt8]? {
    if isBodyOnly(text) { return text }
    var start = 0
    while start < text.count {
      guard let end = text[start...].firstIndex(of: 0x0A) else { return nil }
      if end == start + 1 { return Array(text[end...]) }
      start = end + 1
    }
    return nil
  }
}
