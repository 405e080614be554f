// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Mail

@Suite("Sender rewriting") struct SenderRewritingTests {
  private static let account = "gate@acct.example"

  /// Header blocks without their empty line, before and after.
  static let table: [(name: String, before: String, after: String)] = [
    (
      "an accepted author", "From: Gate <gate@acct.example>\r\nTo: a@b\r\n",
      "From: Gate <gate@acct.example>\r\nTo: a@b\r\n"
    ),
    ("a name", "From: Bob <bob@x.example>\r\n", "From: Bob <gate@acct.example>\r\nReply-To: Bob <bob@x.example>\r\n"),
    ("no name", "From: bob@x.example\r\n", "From: <gate@acct.example>\r\nReply-To: bob@x.example\r\n"),
    ("no space, odd case", "fROM :bob@x.example\r\n", "From: <gate@acct.example>\r\nReply-To: bob@x.example\r\n"),
    (
      "a quoted name with signs", "From: \"Doe, \\\"J\\\" <x@y>\" <bob@x.example>\r\n",
      "From: \"Doe, \\\"J\\\" <x@y>\" <gate@acct.example>\r\nReply-To: \"Doe, \\\"J\\\" <x@y>\" <bob@x.example>\r\n"
    ),
    (
      "encoded words, folded",
      "From: =?utf-8?q?J=C3=B6rg?=\r\n =?utf-8?q?_Meier?=\r\n\t<joerg@x.example>\r\nTo: a@b\r\n",
      """
      From: =?utf-8?q?J=C3=B6rg?=\r
       =?utf-8?q?_Meier?= <gate@acct.example>\r
      To: a@b\r
      Reply-To: =?utf-8?q?J=C3=B6rg?=\r
       =?utf-8?q?_Meier?=\r
      \t<joerg@x.example>\r\n
      """
    ),
    (
      "a name that is UTF-8", "From: Jörg <j@x.example>\r\n",
      "From: Jörg <gate@acct.example>\r\nReply-To: Jörg <j@x.example>\r\n"
    ),
    (
      "a name with a dot and a comment", "From: J. (the boss) Doe <j@x.example>\r\n",
      "From: J. (the boss) Doe <gate@acct.example>\r\nReply-To: J. (the boss) Doe <j@x.example>\r\n"
    ),
    (
      "a name behind the address", "From: bob@x.example (Bob (B) Doe)\r\n",
      "From: Bob (B) Doe <gate@acct.example>\r\nReply-To: bob@x.example (Bob (B) Doe)\r\n"
    ),
    (
      "a name that is an address", "From: bob@x.example <bob@x.example>\r\n",
      "From: \"bob@x.example\" <gate@acct.example>\r\nReply-To: bob@x.example <bob@x.example>\r\n"
    ),
    ("a user without domain", "From: root (Cron Daemon)\r\n", "From: root (Cron Daemon) <gate@acct.example>\r\n"),
    ("nothing", "From:\r\n", "From: <gate@acct.example>\r\n"),
    ("empty brackets", "From: Bob <>\r\n", "From: Bob <gate@acct.example>\r\n"),
    (
      "several authors", "From: A <a@x.example>, B <b@x.example>\r\nSender: A <a@x.example>\r\n",
      "From: A <gate@acct.example>\r\nReply-To: A <a@x.example>, B <b@x.example>\r\n"
    ),
    (
      "several authors, one of them accepted", "From: gate@acct.example,\r\n B <b@x.example>\r\n",
      "From: B <gate@acct.example>\r\nReply-To: gate@acct.example,\r\n B <b@x.example>\r\n"
    ),
    (
      "a group", "From: Sales: A <a@x.example>, b@x.example;\r\n",
      "From: Sales <gate@acct.example>\r\nReply-To: Sales: A <a@x.example>, b@x.example;\r\n"
    ),
    ("a group without members", "From: Nobody:;\r\n", "From: Nobody <gate@acct.example>\r\n"),
    (
      "several fields", "From: a@x.example\r\nfrom: b@x.example\r\n c\r\n",
      "From: <gate@acct.example>\r\nReply-To: a@x.example\r\n"
    ),
    (
      "several fields, the first accepted", "From: gate@acct.example\r\nFrom: b@x.example\r\n",
      "From: gate@acct.example\r\n"
    ),
    (
      "two pairs of brackets", "From: Gate <gate@acct.example> <b@x.example>\r\n",
      "From: Gate <gate@acct.example>\r\nReply-To: Gate <gate@acct.example> <b@x.example>\r\n"
    ),
    (
      "brackets in a comment", "From: gate@acct.example (<b@x.example>)\r\n",
      "From: gate@acct.example (<b@x.example>)\r\n"
    ),
    (
      "a source route and a quoted local part", "From: <@r.example,@s.example:\"a>b\"@x.example>\r\n",
      "From: <gate@acct.example>\r\nReply-To: <@r.example,@s.example:\"a>b\"@x.example>\r\n"
    ),
    (
      "a source route to the account", "From: <@r.example:gate@acct.example>\r\n",
      "From: <@r.example:gate@acct.example>\r\n"
    ),
    (
      "an unclosed quote", "From: \"Bob <bob@x.example>\r\n",
      "From: <gate@acct.example>\r\nReply-To: \"Bob <bob@x.example>\r\n"
    ),
    (
      "an unclosed comment", "From: Bob (x\\) <bob@x.example>\r\n",
      "From: \"Bob (x) <bob@x.example>\" <gate@acct.example>\r\n"
    ),
    (
      "a Reply-To before it", "Reply-To: c@x.example\r\nFrom: b@x.example\r\n",
      "Reply-To: c@x.example\r\nFrom: <gate@acct.example>\r\n"
    ),
    (
      "a Reply-To behind it", "From: b@x.example\r\nREPLY-TO : c@x.example\r\n",
      "From: <gate@acct.example>\r\nREPLY-TO : c@x.example\r\n"
    ),
    (
      "a foreign Sender of an accepted author", "Sender: s@x.example\r\n t\r\nFrom: gate@acct.example\r\nTo: a@b\r\n",
      "From: gate@acct.example\r\nTo: a@b\r\nSender: <gate@acct.example>\r\n"
    ),
    (
      "an accepted Sender", "Sender: gate@acct.example\r\nFrom: a@x.example\r\n",
      "Sender: gate@acct.example\r\nFrom: <gate@acct.example>\r\nReply-To: a@x.example\r\n"
    ),
    ("no author", "To: a@b\r\nSubject: c\r\n", "To: a@b\r\nSubject: c\r\nFrom: <gate@acct.example>\r\n"),
    (
      "no author, but who sends and who is answered", "Sender: s@x.example\r\nReply-To: c@x.example\r\n",
      "Reply-To: c@x.example\r\nFrom: <gate@acct.example>\r\n"
    ),
    (
      "what was resent and signed",
      "Resent-From: r@x.example\r\nDKIM-Signature: v=1;\r\n h=from\r\nFrom: a@x.example\r\n",
      "Resent-From: r@x.example\r\nDKIM-Signature: v=1;\r\n h=from\r\nFrom: <gate@acct.example>\r\nReply-To: a@x.example\r\n"
    ),
    (
      "a mailbox line", "From x@y Sat Jan  1\r\nFrom: a@x.example\r\n",
      "From x@y Sat Jan  1\r\nFrom: <gate@acct.example>\r\nReply-To: a@x.example\r\n"
    ),
    (
      "a broken line behind it", "From: a@x.example\r\nbroken\r\n c\r\n",
      "From: <gate@acct.example>\r\nbroken\r\n c\r\nReply-To: a@x.example\r\n"
    ),
    (
      "a long name", "From: \(String(repeating: "n", count: 70)) <a@x.example>\r\n",
      """
      From: \(String(repeating: "n", count: 70))\r
       <gate@acct.example>\r
      Reply-To: \(String(repeating: "n", count: 70)) <a@x.example>\r\n
      """
    ),
    (
      "a name that is too long for a line", "From: \(String(repeating: "n", count: 970)) <a@x.example>\r\n",
      "From: <gate@acct.example>\r\nReply-To:\r\n \(String(repeating: "n", count: 970)) <a@x.example>\r\n"
    ),
    (
      "a colon far behind its name", "From\(String(repeating: " ", count: 1_200)): a@x.example\r\nTo: a@b\r\n",
      "From: <gate@acct.example>\r\nTo: a@b\r\nReply-To: a@x.example\r\n"
    ),
    (
      "no colon at all", "Subject: x\r\nFrom\(String(repeating: " ", count: 1_200))\r\nTo: a@b\r\n",
      "Subject: x\r\nFrom\(String(repeating: " ", count: 1_200))\r\nTo: a@b\r\nFrom: <gate@acct.example>\r\n"
    ),
    (
      "a field that is too long", "From: \(String(repeating: "a@x.example,\r\n ", count: 2000))\r\nTo: a@b\r\n",
      "From: <gate@acct.example>\r\nTo: a@b\r\n"
    ),
  ]

  @Test("gives one author that is accepted, and says nothing else anew, wherever the content is cut")
  func everyCut() {
    for (name, before, after) in Self.table {
      for body in ["\r\nFrom: b@x.example\r\n\r\nbody", "\r\n", ""] {
        let octets = Array((before + body).utf8)
        let expected = Array((after + body).utf8)
        let whole = Self.filter(octets, cuts: [])
        #expect(whole == expected, "\(name): \(String(decoding: whole, as: UTF8.self))")
        #expect(Self.filter(octets, cuts: Array(octets.indices)) == expected, "\(name), octet by octet")
        for cut in octets.indices where octets.count < 200 {
          #expect(Self.filter(octets, cuts: [cut]) == expected, "\(name), cut at \(cut)")
        }
      }
    }
  }

  @Test("takes no field for accepted that another reader reads otherwise, where it has to be exact")
  func exact() {
    for (field, isKept) in [
      ("From: d@acct.example", true), ("From: D <d@acct.example>", true),
      ("From: d@acct.example (x <ceo@x.example>", false), ("From: <d@acct.example (x <ceo@x.example>)>", true),
    ] {
      var rewriting = SenderRewriting(account: "d@acct.example", isExact: true) { $0 == "d@acct.example" }
      let out = rewriting.filter(Array("\(field)\r\n\r\nbody".utf8)) + rewriting.finish()
      #expect((String(decoding: out, as: UTF8.self) == "\(field)\r\n\r\nbody") == isKept, "\(field)")
    }
  }

  @Test("leaves content alone that has no header")
  func noHeader() {
    for content in ["", "\r\nFrom: b@x.example\r\n", "hello\r\nFrom: b@x.example\r\n", " x\r\nFrom: b@x.example\r\n"] {
      #expect(Self.filter(Array(content.utf8), cuts: []) == Array(content.utf8))
    }
  }

  @Test("ends a header block that has no line end before it adds to it")
  func cutOff() {
    for (before, after) in [
      ("From: a@x.example", "From: <gate@acct.example>\r\nReply-To: a@x.example\r\n"),
      ("From: a@x.example\r\nSubj", "From: <gate@acct.example>\r\nSubj\r\nReply-To: a@x.example\r\n"),
      ("From: gate@acct.example\r\nSubj", "From: gate@acct.example\r\nSubj"),
      ("From: a@x.example\r\nTo: b", "From: <gate@acct.example>\r\nTo: b\r\nReply-To: a@x.example\r\n"),
    ] {
      #expect(Self.filter(Array(before.utf8), cuts: []) == Array(after.utf8))
    }
  }

  @Test(
    "of random authors makes one From with one accepted address, and leaves the body as it is", arguments: [1, 2, 3, 4])
  func random(seed: UInt64) {
    var generator = SeededGenerator(state: seed)
    let parts = [
      "From:", "Sender:", "Reply-To: r@x.example", "To: t@x.example", "a@x.example", "gate@acct.example", "<", ">",
      "\"", "(",
      ")", "\\", ",", ";", ":", "@", "Bob", "=?utf-8?q?=C3=B6?=", " ", "\t", "\r\n", "\r\n", "\r\n ", "ö", ".", "[",
      "]", "\u{1}",
    ]
    let body = Array("\r\n\r\nFrom: x@x.example\r\n\u{0}\r\n\r\nbody".utf8)
    for _ in 0..<1000 {
      let header = "X: y\r\nFrom: " + generator.string(of: parts, countMax: 24)
      let content = Array(header.utf8) + body
      let result = Self.filter(content, cuts: [])
      let cuts = (0..<4).map { _ in Int.random(in: 0...content.count, using: &generator) }.sorted()
      let isSame = Self.filter(content, cuts: cuts) == result
      guard let problem = isSame ? Self.problem(of: result, content) : "cut at \(cuts)" else { continue }
      Issue.record(
        "\(problem): \(header.debugDescription) gives \(String(decoding: result, as: UTF8.self).debugDescription)")
      return
    }
  }

  /// What is wrong with a header block that went out; nil if nothing is.
  private static func problem(of result: [UInt8], _ content: [UInt8]) -> String? {
    let block = HeaderBlock(result, octetsMax: .max, isWhole: true)
    let authors = block.fields.filter { $0.name == .from }
    guard authors.count == 1 else { return "\(authors.count) From fields" }
    let colon = authors[0].octets.firstIndex(of: UInt8(ascii: ":"))!
    let mailboxes = MailboxList(authors[0].octets[(colon + 1)...])
    guard !mailboxes.addresses.isEmpty, mailboxes.addresses.allSatisfy({ $0 == account }) else {
      return "addresses \(mailboxes.addresses)"
    }
    for sender in block.fields where sender.name == .sender {
      let colon = sender.octets.firstIndex(of: UInt8(ascii: ":"))!
      guard MailboxList(sender.octets[(colon + 1)...]).addresses.allSatisfy({ $0 == account }) else { return "Sender" }
    }
    let before = HeaderBlock(content, octetsMax: .max, isWhole: true)
    guard result.suffix(result.count - block.count) == content.suffix(content.count - before.count) else {
      return "body"
    }
    guard authors[0].octets.split(separator: UInt8(ascii: "\n")).allSatisfy({ $0.count <= 999 }) else { return "line" }
    return nil
  }

  @Test("passes a body in the chunks that it came in")
  func body() {
    var rewriting = SenderRewriting(account: Self.account) { _ in true }
    #expect(rewriting.filter(Array("From: a@b\r\n\r\n".utf8)) == Array("From: a@b\r\n\r\n".utf8))
    let body = (0..<70_000).map { UInt8(truncatingIfNeeded: $0) }
    #expect(rewriting.filter(body) == body)
    #expect(rewriting.finish().isEmpty)
  }

  @Test("goes together with the removal of blind copies, in pieces of any size")
  func withBlindCopies() {
    let content = Array("Bcc: c@d\r\nFrom: a@x.example\r\nBcc: e@f\r\n g@h\r\n\r\nBcc: body\r\n".utf8)
    let expected = Array("From: <gate@acct.example>\r\nReply-To: a@x.example\r\n\r\nBcc: body\r\n".utf8)
    for size in 1...content.count {
      var outgoing = OutgoingChanges(rewriting: SenderRewriting(account: Self.account) { _ in false })
      let chunks = stride(from: 0, to: content.count, by: size).map { content[$0..<min($0 + size, content.count)] }
      #expect(chunks.flatMap { outgoing.filter(Array($0)) } + outgoing.finish() == expected)
    }
    var untouched = OutgoingChanges()
    #expect(
      untouched.filter(Array("From: a@x.example\r\nBcc".utf8)) + untouched.finish()
        == Array("From: a@x.example\r\nBcc".utf8))
  }

  private static func filter(_ octets: [UInt8], cuts: [Int]) -> [UInt8] {
    var rewriting = SenderRewriting(account: account) { $0.lowercased() == account }
    var kept: [UInt8] = []
    var start = 0
    for end in cuts + [octets.count] {
      kept += rewriting.filter(Array(octets[start..<end]))
      start = end
    }
    return kept + rewriting.finish()
  }
}
