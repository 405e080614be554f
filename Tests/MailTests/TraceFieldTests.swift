// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Mail

@Suite struct TraceFieldTests {
  static let ordinary = TraceField(
    helo: "printer.example.com", address: "192.0.2.7", hostname: "gate.example.com", isExtended: true,
    isAuthenticated: true, tls: "TLSv1.3 TLS_AES_256_GCM_SHA384", id: "7KQ3M2XAB", recipients: ["bob@example.net"],
    unixSeconds: 1_795_230_000, zoneOffsetSeconds: 3600)

  @Test("An ordinary session gives the field of RFC 5321 section 4.4")
  func ordinary() {
    #expect(
      Self.ordinary.text()
        == "Received: from printer.example.com ([192.0.2.7]) by gate.example.com (Postern)\r\n"
        + "\twith ESMTPSA (TLSv1.3 TLS_AES_256_GCM_SHA384) id 7KQ3M2XAB\r\n"
        + "\tfor <bob@example.net>; Sat, 21 Nov 2026 04:00:00 +0100\r\n")
  }

  @Test("Who asked for SMTPUTF8 is traced with the words of RFC 6531 section 4.3")
  func unicode() {
    var trace = Self.ordinary
    trace.isUTF8 = true
    trace.recipients = ["b\u{f6}b@example.net"]
    #expect(trace.text().contains("\twith UTF8SMTPSA (TLSv1.3 TLS_AES_256_GCM_SHA384) id 7KQ3M2XAB;"))
    trace.tls = nil
    trace.isAuthenticated = false
    #expect(trace.text().contains("with UTF8SMTP id 7KQ3M2XAB;"))
  }

  @Test(
    "The protocol is the registered word of RFC 3848",
    arguments: [
      (false, false, false, "SMTP"), (false, true, false, "SMTP"), (true, false, false, "ESMTP"),
      (true, true, false, "ESMTPS"), (true, false, true, "ESMTPA"), (true, true, true, "ESMTPSA"),
    ])
  func transmissionType(isExtended: Bool, isEncrypted: Bool, isAuthenticated: Bool, word: String) {
    var field = Self.ordinary
    field.isExtended = isExtended
    field.isAuthenticated = isAuthenticated
    field.tls = isEncrypted ? "TLSv1.2 X" : nil
    let text = unfold(field.text())
    #expect(text.contains(isEncrypted ? " with \(word) (TLSv1.2 X) id " : " with \(word) id "))
  }

  @Test("A recipient is named only when it is alone and plain")
  func recipients() {
    let shown: [([String], Bool)] = [
      (["bob@example.net"], true), (["a@b", "c@d"], false), ([], false), (["\"a b\"@example.net"], false),
      (["b\u{f6}b@example.net"], false), (["postmaster"], false), (["a>b@example.net"], false),
      (["a@[192.0.2.1]"], true),
    ]
    for (recipients, isShown) in shown {
      var field = Self.ordinary
      field.recipients = recipients
      let text = field.text()
      #expect(text.contains(" for <") || text.contains("\tfor <") ? isShown : !isShown, "\(recipients)")
      for recipient in recipients where !isShown { #expect(!text.contains(recipient)) }
    }
  }

  @Test("A hidden client leaves a field of the same form", arguments: ["printer.example.com", "", "a) by evil (x"])
  func hidden(helo: String) {
    var field = Self.ordinary
    (field.hidesClient, field.helo) = (true, helo)
    #expect(
      field.text()
        == "Received: from client.invalid by gate.example.com (Postern)\r\n"
        + "\twith ESMTPSA (TLSv1.3 TLS_AES_256_GCM_SHA384) id 7KQ3M2XAB\r\n"
        + "\tfor <bob@example.net>; Sat, 21 Nov 2026 04:00:00 +0100\r\n")
  }

  @Test(
    "The client's address is a literal of its family",
    arguments: [
      ("2001:db8::1", "([IPv6:2001:db8::1])"), ("fe80::1%eth0", "([IPv6:fe80::1])"),
      ("::ffff:192.0.2.1", "([192.0.2.1])"), ("192.0.2.1", "([192.0.2.1])"),
    ])
  func addressLiteral(address: String, literal: String) {
    var field = Self.ordinary
    field.address = address
    #expect(unfold(field.text()).hasPrefix("Received: from printer.example.com \(literal) by "))
  }

  @Test("A HELO that is no domain becomes a comment, and an address literal stays")
  func helo() {
    let starts = [
      "a) by evil (x": "from [192.0.2.7] ([192.0.2.7]) (greeted as a??by?evil??x) by gate",
      "<x>;": "from [192.0.2.7] ([192.0.2.7]) (greeted as ?x??) by gate",
      "": "from [192.0.2.7] ([192.0.2.7]) by gate", "[10.0.0.5]": "from [10.0.0.5] ([192.0.2.7]) by gate",
      "[IPv6:::1]": "from [IPv6:::1] ([192.0.2.7]) by gate",
      "a..b": "from [192.0.2.7] ([192.0.2.7]) (greeted as a..b) by",
      "DESKTOP_7": "from DESKTOP_7 ([192.0.2.7]) by gate",
      "caf\u{e9}": "from [192.0.2.7] ([192.0.2.7]) (greeted as caf??) by",
    ]
    for (helo, start) in starts {
      var field = Self.ordinary
      field.helo = helo
      #expect(unfold(field.text()).hasPrefix("Received: " + start), "\(helo)")
    }
  }

  @Test("Whatever peers say, the result is one legal field", arguments: Array(UInt64(1)...8))
  func hostile(seed: UInt64) {
    var generator = SeededGenerator(state: seed)
    let parts = [
      "a", "Z", "0", ".", "-", "_", "(", ")", "<", ">", "[", "]", ";", ":", "@", "\\", "\"", ",", " ", "\t", "\r", "\n",
      "\0",
      "\u{7f}", "\u{1b}", "\u{e9}", "\u{202e}", " by ", " for <x@y>", "; Sat, 1 Jan 2000", "example.com", "IPv6:",
      String(repeating: "x", count: 70), String(repeating: "y.", count: 100),
    ]
    for _ in 0..<1500 {
      let field = TraceField(
        helo: generator.string(of: parts, countMax: 12), address: generator.string(of: parts, countMax: 4),
        hostname: generator.string(of: parts, countMax: 6), isExtended: .random(using: &generator),
        isAuthenticated: .random(using: &generator),
        tls: .random(using: &generator) ? generator.string(of: parts, countMax: 12) : nil,
        id: "x" + generator.string(of: parts, countMax: 3),
        recipients: (0..<Int.random(in: 0...2, using: &generator)).map { _ in
          generator.string(of: parts, countMax: 4) + "@" + generator.string(of: parts, countMax: 4)
        }, unixSeconds: .random(in: -10...1 << 40, using: &generator), zoneOffsetSeconds: 3600)
      if let fault = fault(in: field.text()) {
        Issue.record("\(fault): \(field.text().debugDescription) from \(field)")
        return
      }
    }
  }

  @Test("Lines stay within 78 octets unless one word is longer")
  func folding() {
    var field = Self.ordinary
    for length in 1...250 {
      field.helo = String(repeating: "h", count: length)
      field.recipients = [String(repeating: "r", count: min(length, 64)) + "@example.net"]
      for line in field.text().split(separator: "\r\n") {
        #expect(line.utf8.count <= 78 || line.split(whereSeparator: { $0 == " " || $0 == "\t" }).count == 1, "\(line)")
      }
    }
  }

  private func unfold(_ text: String) -> String {
    text.split(separator: "\r\n").joined().split(separator: "\t").joined(separator: " ")
  }

  /// An independent reading by the grammar of RFC 5321 section 4.4; nil when the text is one legal field.
  private func fault(in text: String) -> String? {
    guard text.hasSuffix("\r\n"), text.utf8.allSatisfy({ $0 == 9 || $0 == 10 || $0 == 13 || (32...126).contains($0) })
    else {
      return "octets"
    }
    let lines = text.dropLast(1).split(separator: "\r\n", omittingEmptySubsequences: false)
    guard lines.allSatisfy({ $0.utf8.count <= 998 && !$0.contains { $0.isNewline } }) else { return "line" }
    guard lines[0].hasPrefix("Received:"), lines.dropFirst().allSatisfy({ $0.hasPrefix("\t") && $0.count > 1 }) else {
      return "folding"
    }
    let stamp = unfold(text).dropFirst("Received: ".count)
    guard stamp.split(separator: ";", omittingEmptySubsequences: false).count == 2 else { return "semicolons" }
    // Comments never nest here; take them out and look at the words that are left.
    var words = ""
    var isComment = false
    for character in stamp {
      switch character {
      case "(":
        if isComment { return "nested comment" }
        isComment = true
      case ")":
        if !isComment { return "stray parenthesis" }
        isComment = false
      default: if !isComment { words.append(character) }
      }
    }
    if isComment { return "open comment" }
    let clauses = words.split(separator: ";")[0].split(separator: " ")
    guard clauses.count == 8 || clauses.count == 10 else { return "clauses" }
    guard clauses[0] == "from", clauses[2] == "by", clauses[4] == "with", clauses[6] == "id" else { return "keywords" }
    guard ["SMTP", "ESMTP", "ESMTPS", "ESMTPA", "ESMTPSA"].contains(clauses[5]) else { return "protocol" }
    if clauses.count == 10 {
      guard clauses[8] == "for", clauses[9].hasPrefix("<"), clauses[9].hasSuffix(">") else { return "for" }
    }
    let plain = clauses.count == 10 ? clauses.dropLast() : clauses[...]
    guard !plain.contains(where: { $0.contains { "<>\"\\,".contains($0) } }) else { return "specials" }
    return nil
  }
}
