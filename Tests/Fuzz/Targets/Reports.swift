// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

@testable import Mail

extension FuzzTarget {
  /// A notification about whatever message, to and about whomever: short lines, a header of its own fields alone, parts
  /// that its boundary keeps apart, and 7-bit where somebody might need that.
  static let report = FuzzTarget(name: "report", octetsMax: 2_048) { octets in
    var input = FuzzInput(octets)
    let flags = input.octet()
    let count = Int(input.octet() % 4)
    let recipients = (0..<count).map { _ in recipient(&input) }
    let told = (0..<Int(input.octet() % 3)).map { _ in input.text() }
    let report = DeliveryStatusReport(
      kind: flags & 1 == 1 ? .failed : flags & 2 == 2 ? .delayed(until: 1_790_000_000) : .relayed,
      hostname: input.text(), id: input.text(), messageID: input.text(), sender: input.text(), told: told,
      arrival: 1_780_000_000, now: 1_780_000_100, zoneOffset: { _ in 3_600 },
      remote: flags & 4 == 4 ? input.text() : nil,
      recipients: recipients, original: original(&input, flags), returned: flags & 64 == 64 ? .full : nil,
      envelopeID: flags & 128 == 128 ? "abc" : nil)
    isMessage(report.octets(), report)
  }

  private static func recipient(_ input: inout FuzzInput) -> DeliveryStatusReport.Recipient {
    let flags = input.octet()
    return DeliveryStatusReport.Recipient(
      address: input.text(),
      original: flags & 1 == 1 ? .init(type: input.text(), address: input.text()) : nil,
      code: flags & 2 == 2 ? 550 : 0, status: flags & 4 == 4 ? input.text() : nil, text: input.text(),
      isAnswer: flags & 8 == 8, isExpired: flags & 16 == 16, lastAttempt: flags & 32 == 32 ? 1_780_000_050 : nil)
  }

  private static func original(_ input: inout FuzzInput, _ flags: UInt8) -> DeliveryStatusReport.Original {
    // As the queue holds it.
    let octets = input.rest.filter { $0 != 0x0D }.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] }
    return flags & 8 == 8 ? .unreadable : flags & 16 == 16 ? .beginning(octets) : .whole(octets)
  }

  private static func isMessage(_ octets: [UInt8], _ report: DeliveryStatusReport) {
    check(hasProperLineEnds(octets), "a bare CR or LF")
    for line in octets.split(separator: 0x0A) {
      check(line.count <= MailLimits.lineOctetsMax + 1, "a line of \(line.count)")
    }
    check(report.isUnicode || octets.allSatisfy { $0 < 0x80 }, "eight bits for somebody without SMTPUTF8")
    let header = HeaderBlock(octets, octetsMax: .max, isWhole: true)
    let names = header.fields.map { $0.octets.prefix { $0 != 0x3A } }.map { String(decoding: $0, as: UTF8.self) }
    let known = [
      "Date", "From", "To", "Subject", "Message-ID", "In-Reply-To", "References", "Auto-Submitted", "MIME-Version",
      "Content-Type", "Content-Transfer-Encoding",
    ]
    check(Set(names).count == names.count && Set(names).isSubset(of: known), "the fields \(names)")
    isDivided(octets, isWhole: report.original != .unreadable)
  }

  /// Three parts, or two without anything to return.
  private static func isDivided(_ octets: [UInt8], isWhole: Bool) {
    let text = String(decoding: octets, as: UTF8.self)
    // Others may write the word too, in what becomes a line of the header before this one.
    guard let type = text.firstRange(of: "\r\nContent-Type: multipart/report;"),
      let mark = text[type.upperBound...].firstRange(of: "boundary=\""),
      let boundary = text[mark.upperBound...].split(separator: "\"").first
    else { return check(false, "no boundary") }
    let lines = octets.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
    let marks = lines.count { $0.hasPrefix("--\(boundary)") }
    check(marks == 3 || marks == 4, "\(marks) lines begin with the boundary \(boundary)")
    check(text.utf8.reversed().starts(with: "--\r\n".utf8.reversed()), "no end")
  }
}
