// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Mail

@Suite struct BccRemovalTests {
  static let table: [(name: String, content: String, kept: String)] = [
    ("in the middle", "To: a\r\nBcc: b\r\nSubject: c\r\n\r\nbody\r\n", "To: a\r\nSubject: c\r\n\r\nbody\r\n"),
    ("at the head", "Bcc: b\r\nTo: a\r\n\r\nbody\r\n", "To: a\r\n\r\nbody\r\n"),
    ("at the end", "To: a\r\nBcc: b\r\n\r\nbody\r\n", "To: a\r\n\r\nbody\r\n"),
    ("alone", "Bcc: b\r\n\r\nbody\r\n", "\r\nbody\r\n"),
    (
      "folded", "To: a\r\nBCC: b,\r\n c,\r\n\td\r\n \r\nSubject: e\r\n f\r\n\r\nx\r\n",
      "To: a\r\nSubject: e\r\n f\r\n\r\nx\r\n"
    ),
    ("any case, space before the colon", "bCc \t : b\r\nBcc:\r\nTo: a\r\n\r\n", "To: a\r\n\r\n"),
    ("several", "Bcc: b\r\nTo: a\r\nBcc: c\r\nBcc: d\r\n\r\nbody", "To: a\r\n\r\nbody"),
    ("resent", "Resent-Bcc: b\r\n c\r\nResent-To: a\r\n\r\nbody", "Resent-To: a\r\n\r\nbody"),
    ("body only", "To: a\r\n\r\nBcc: b\r\n c\r\n", "To: a\r\n\r\nBcc: b\r\n c\r\n"),
    ("no header", "\r\nBcc: b\r\n", "\r\nBcc: b\r\n"),
    ("not a header", "hello\r\nBcc: b\r\n", "hello\r\nBcc: b\r\n"),
    (
      "other names", "Bccc: a\r\nXBcc: b\r\nBc: c\r\nX-Bcc: d\r\n\r\n",
      "Bccc: a\r\nXBcc: b\r\nBc: c\r\nX-Bcc: d\r\n\r\n"
    ),
    ("in a value", "Subject: x\r\n Bcc: b\r\n\r\n", "Subject: x\r\n Bcc: b\r\n\r\n"),
    ("block without end", "To: a\r\nBcc: b\r\n", "To: a\r\n"),
    ("block without end, cut short", "To: a\r\nBcc: b", "To: a\r\n"),
    ("name without end", "To: a\r\nBcc ", "To: a\r\nBcc "),
    ("after a broken line", "To: a\r\nbroken\r\nBcc: b\r\n\r\n", "To: a\r\nbroken\r\n\r\n"),
    ("broken line behind it", "Bcc: b\r\nbroken\r\n\r\n", "broken\r\n\r\n"),
    ("no colon", "To: a\r\nBcc b\r\nBcc\r\n\r\n", "To: a\r\nBcc b\r\nBcc\r\n\r\n"),
    ("behind a mailbox line", "From x Sat\r\nBcc: b\r\nTo: a\r\n\r\n", "From x Sat\r\nTo: a\r\n\r\n"),
    (
      "long name", String(repeating: "b", count: 2000) + ": x\r\nBcc: b\r\n\r\n",
      String(repeating: "b", count: 2000) + ": x\r\nBcc: b\r\n\r\n"
    ),
    ("nothing", "", ""),
  ]

  @Test("Bcc fields go, everything else stays, wherever the content is cut")
  func everyCut() {
    for (name, content, kept) in Self.table {
      let octets = Array(content.utf8)
      let expected = Array(kept.utf8)
      #expect(filter(octets, cuts: []) == expected, "\(name)")
      #expect(filter(octets, cuts: Array(octets.indices)) == expected, "\(name), octet by octet")
      for cut in octets.indices {
        #expect(filter(octets, cuts: [cut]) == expected, "\(name), cut at \(cut)")
        #expect(filter(octets, cuts: [cut, min(cut + 3, octets.count)]) == expected, "\(name), cuts at \(cut)")
      }
    }
  }

  @Test("Random headers in random pieces come out as line by line filtering says", arguments: [1, 2, 3, 4])
  func random(seed: UInt64) {
    var generator = SeededGenerator(state: seed)
    let parts = [
      "Bcc", "bcc", "B", "To", "Resent-Bcc", ":", ": x", " ", "\t", "\r\n", "\r\n", "\r\n ", "From", "\u{e9}", ",",
    ]
    for _ in 0..<4000 {
      let content = Array(("To: a\r\n" + generator.string(of: parts, countMax: 25) + "\r\n").utf8)
      let cuts = (0..<4).map { _ in Int.random(in: 0...content.count, using: &generator) }.sorted()
      let result = filter(content, cuts: cuts)
      guard result == reference(content) else {
        Issue.record("\(String(decoding: content, as: UTF8.self).debugDescription) cut at \(cuts)")
        return
      }
    }
  }

  @Test("A body passes as it is, in the chunks that it came in")
  func body() {
    var removal = BccRemoval()
    #expect(removal.filter(Array("Bcc: x\r\n\r\n".utf8)) == Array("\r\n".utf8))
    let body = (0..<70_000).map { UInt8(truncatingIfNeeded: $0) }
    #expect(removal.filter(body) == body)
    #expect(removal.filter([]).isEmpty)
    #expect(removal.finish().isEmpty)
  }

  private func filter(_ octets: [UInt8], cuts: [Int]) -> [UInt8] {
    var removal = BccRemoval()
    var kept: [UInt8] = []
    var start = 0
    for end in cuts + [octets.count] {
      kept += removal.filter(Array(octets[start..<end]))
      start = end
    }
    return kept + removal.finish()
  }

  /// The same rule over whole lines, for content that begins with a field.
  private func reference(_ content: [UInt8]) -> [UInt8] {
    var kept: [UInt8] = []
    var isBody = false
    var isDropping = false
    for line in content.split(separator: 0x0A, omittingEmptySubsequences: false) {
      if line == [0x0D] { isBody = true }
      if !isBody, line.first != 0x20, line.first != 0x09 {
        let text = String(decoding: line, as: UTF8.self)
        let name = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        var bare = name[0].lowercased()
        while bare.last == " " || bare.last == "\t" { bare.removeLast() }
        isDropping = name.count == 2 && (bare == "bcc" || bare == "resent-bcc")
      }
      if isBody || !isDropping { kept += line + [0x0A] }
    }
    // The last piece has no line feed of its own.
    if isBody || !isDropping { kept.removeLast() }
    return kept
  }
}
