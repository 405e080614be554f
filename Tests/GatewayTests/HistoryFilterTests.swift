// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import SMTP
import Testing

@testable import Gateway
@testable import Queue

/// Which lines of the history are decoded for a selector: all that it means, however they are written, and few others.
@Suite("History filter")
struct HistoryFilterTests {
  private static let now: Int64 = 1_795_268_402_113

  /// One recipient each, so that a message is one line.
  private static let messages: [FinishedMessage] = [
    message(1, to: "bob@example.org"),
    message(
      2, to: "BOB@Example.ORG", .failed, Reply(550, EnhancedStatus(5, 1, 1), "Kein Kätzchen \"da\" / over Quota")),
    message(3, to: #""b\"o\\b/x"@example.org"#, from: nil, .expired, Reply(451, nil, "🐌 grün\\slow?"), "Jürgen/büro"),
    message(4, to: "postmaster", .dropped, nil, #"DOMAIN\nas"#),
    message(
      5, to: "bob@example.org.net", from: "Bob+tag@sub.example.org", .sent, Reply(250, EnhancedStatus(2, 0, 0), "")),
  ]

  private static func message(
    _ number: UInt64, to recipient: String, from sender: String? = "alice@example.com", _ state: FinishedState = .sent,
    _ reply: Reply? = Reply(250, EnhancedStatus(2, 0, 0), "Ok: queued as 4X7b"), _ submitter: String = "nas"
  ) -> FinishedMessage {
    FinishedMessage(
      id: MessageID(number: number), sender: sender.map { Address($0)! },
      recipients: [
        FinishedRecipient(
          index: 0, address: Address(recipient)!, state: state, attempts: 2, reply: reply, finished: now,
          upstream: "Gmail/eu")
      ],
      size: 4198, received: now - 60_000, submitter: submitter)
  }

  private static let selectors: [String] = [
    "state:sent", "state:sent to:bob@example.org", "state:sent to:BOB@EXAMPLE.org", "state:failed,sent to:@example.ORG",
    "state:failed to:b*b@example.org", "state:expired to:*o\\*x*@example.org", "state:expired from:<>",
    "state:sent from:*TAG@*", "state:expired reason:grün", "state:expired reason:/🐌*slow/",
    "state:failed reason:kätzchen",
    "state:failed reason:\"da\"", "state:failed reason:quota", "state:failed code:5.1.1", "state:failed code:550",
    "state:sent code:2.*", "state:dropped to:postmaster", "state:dropped user:domain\\nas",
    "state:dropped client:DOMAIN*", "state:expired user:jürgen/büro", "state:expired user:J*/B*",
    "state:sent upstream:gmail/EU", "state:sent tries:2", "state:sent age:<1h size:>1K", "state:sent -to:@example.org",
    "state:sent to:bob@example.org,@example.org.net", "state:queued,sent", "state:sent tries:2 -reason:*",
    "state:sent,failed,expired,dropped \(messages[2].id) ",
    "state:sent \(messages[0].id.description.prefix(5).lowercased())",
    "state:expired reason:slow?", "state:sent to:*", "state:sent to:***@***", "state:sent next:<1h",
  ]

  /// As we write it, as others do, and with every octet that can be escaped.
  private func lines(_ message: FinishedMessage) throws -> [[UInt8]] {
    var ours: [UInt8] = []
    HistoryLine.append(message, upstream: "Gmail/eu", to: &ours)
    ours.removeLast()
    let object = try JSONSerialization.jsonObject(with: Data(ours))
    let others = Array(try JSONSerialization.data(withJSONObject: object))
    var escaped = ""
    var isInString = false
    var units = String(decoding: others, as: UTF8.self).utf16.makeIterator()
    while let unit = units.next() {
      if unit == UInt16(UInt8(ascii: "\"")) { isInString.toggle() }
      if unit == UInt16(UInt8(ascii: "\\")) {
        escaped += "\\" + String(Unicode.Scalar(units.next()!)!)
      } else if isInString, unit != UInt16(UInt8(ascii: "\"")) {
        let digits = String(unit, radix: 16)
        escaped += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      } else {
        escaped += String(Unicode.Scalar(unit)!)
      }
    }
    return [ours, others, Array(escaped.utf8)]
  }

  @Test("no line that a selector means is passed over: escapes, upper case, UTF-8, other writers", arguments: selectors)
  func nothingIsMissed(text: String) throws {
    let selector = try Selector(text)
    let filter = HistoryFilter(selector.finishedLiterals)
    for message in Self.messages {
      for line in try lines(message) {
        let (mayMatch, decoded) = line.withUnsafeBytes { (filter.mayMatch($0), HistoryLine.message($0)) }
        #expect(decoded == message)
        if selector.matches(message, now: Self.now) { #expect(mayMatch, "\(String(decoding: line, as: UTF8.self))") }
      }
    }
  }

  @Test(
    "a line that cannot be meant is not decoded",
    arguments: [
      ("state:sent to:bob@example.org", [1, 5]), ("state:failed", [2]), ("state:expired from:<>", [3]),
      ("state:sent to:nobody@example.org", []), ("state:sent reason:quota", []), ("state:dropped user:*\\nas", [4]),
      ("state:sent,failed to:bob@example.org code:550", [2]), ("state:queued,sent from:@sub.example.org", [5]),
    ] as [(String, [UInt64])])
  func others(text: String, numbers: [UInt64]) throws {
    let filter = HistoryFilter(try Selector(text).finishedLiterals)
    let passed = try Self.messages.filter { message in
      try lines(message)[0].withUnsafeBytes { filter.mayMatch($0) }
    }
    #expect(passed.map(\.id.number) == numbers)
  }

  @Test("a needle at the very end, a line shorter than the needle, and an escape that is cut are no trouble")
  func ends() throws {
    let filter = HistoryFilter([[.pattern(Array("bob".utf8))]])
    for (line, mayMatch) in [
      ("", false), ("b", false), ("bo", false), ("bob", true), ("xBoB", true), ("bobo", true), ("boxbo", false),
      ("\\", false),
      ("\\u0", false), ("\\u006", true), ("\\u001b", false), ("\\\\u0062ob", true),
    ] {
      #expect(Array(line.utf8).withUnsafeBytes { filter.mayMatch($0) } == mayMatch, "\(line)")
    }
  }
}
