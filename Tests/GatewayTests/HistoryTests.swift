// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Foundation
import SMTP
import Testing

@testable import Gateway
@testable import Queue

/// Lines, files and bounds of the history, in a directory that goes with the test.
@Suite("History")
final class HistoryTests {
  private static let now: Int64 = 1_795_268_402_113
  private static let day: Int64 = 86_400_000
  private let directory: HistoryDirectory

  init() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("history-\(UUID().uuidString)").path
    // Small, so that a few lines meet the bounds.
    directory = HistoryDirectory(path: path, octetsMax: 8192, fileOctetsMax: 2048)
  }

  deinit { try? FileManager.default.removeItem(atPath: directory.path) }

  private func message(
    _ number: UInt64, _ state: FinishedState = .sent, to recipients: [String] = ["ops@example.org"],
    from sender: String? = "backup@example.com", reply: Reply? = Reply(250, EnhancedStatus(2, 0, 0), "OK"),
    submitter: String = "nas", at finished: Int64 = HistoryTests.now
  ) -> FinishedMessage {
    FinishedMessage(
      id: MessageID(number: number), sender: sender.map { Address($0)! },
      recipients: recipients.enumerated().map { index, address in
        FinishedRecipient(
          index: index, address: Address(address)!, state: state, attempts: 2, reply: reply, finished: finished,
          upstream: "gmail")
      },
      size: 4198, received: Self.now - 60_000, submitter: submitter)
  }

  private func lines(_ message: FinishedMessage) -> [UInt8] {
    var octets: [UInt8] = []
    HistoryLine.append(message, upstream: "gmail", to: &octets)
    return octets
  }

  private func write(_ messages: [FinishedMessage], now: Int64 = HistoryTests.now, keep: Int64? = 7 * 86_400_000) throws
  {
    var book = HistoryBook(directory)
    try book.turn(keep: keep, now: now)
    for message in messages { try book.append(lines(message), now: now) }
  }

  private var search: HistorySearch { HistorySearch(directory: directory) }
  private var all: [FinishedMessage] { search.messages(limit: .max) { _ in true }.messages }
  private var names: [String] { (try? directory.files().map(\.name)) ?? [] }

  // MARK: Lines

  @Test("a line is one JSON object that anybody can read")
  func line() {
    let text = String(decoding: lines(message(4711)), as: UTF8.self)
    #expect(
      text == #"{"v":1,"id":"\#(MessageID(number: 4711))","received":"2026-11-21T13:39:02.113Z","#
        + #""finished":"2026-11-21T13:40:02.113Z","from":"backup@example.com","size":4198,"submitter":"nas","#
        + #""upstream":"gmail","recipients":[{"n":1,"to":"ops@example.org","state":"sent","attempts":2,"#
        + #""code":250,"dsn":"2.0.0","reply":"OK"}]}"# + "\n")
  }

  @Test("what comes back is what was written, whatever peers said")
  func roundTrip() throws {
    let hostile = "\"},{\"id\":\"x\" \\ \n\r\u{1B}[2J\u{202E}\u{85}\u{2028} grün 🐌 \u{0}"
    var messages = [
      message(1), message(2, .failed, from: nil, reply: Reply(550, nil, hostile), submitter: PeerText(hostile).text),
      message(3, .expired, to: [#""a\"b}\\"@example.org"#, "postmaster"]), message(4, .dropped, reply: nil),
    ]
    messages[2].recipients[1].isUncertain = true
    messages[3].recipients[0].isOrdered = true
    messages[3].recipients[0].upstream = nil
    for message in messages {
      let octets = lines(message)
      #expect(octets.filter { $0 == UInt8(ascii: "\n") }.count == 1)
      #expect(octets.dropLast().allSatisfy { $0 >= 0x20 && $0 != 0x7F })
      #expect(!String(decoding: octets, as: UTF8.self).contains("\u{202E}"))
      #expect(octets.dropLast().withUnsafeBytes { HistoryLine.message($0) } == message)
    }
  }

  @Test("a message of many recipients has lines that stay short, and is found as one")
  func manyRecipients() throws {
    let many = message(
      1, to: (0..<100).map { "user\($0)@example.org" }, reply: Reply(250, nil, String(repeating: "\"", count: 512)))
    let octets = lines(many)
    let parts = octets.split(separator: UInt8(ascii: "\n"))
    #expect(parts.count == 5 && parts.allSatisfy { $0.count < 65_536 })
    try FileManager.default.createDirectory(atPath: directory.path, withIntermediateDirectories: true)
    try Data(octets).write(to: URL(fileURLWithPath: directory.path + "/20261121"))
    #expect(all == [many])
  }

  // MARK: Files

  @Test("the directory and its files are ours alone, a day has one file until it is full")
  func files() throws {
    try write([message(1)])
    try write([message(2)], now: Self.now + Self.day)
    #expect(names == ["20261121", "20261122"])
    #expect(try mode("") == 0o700)
    #expect(try mode("/20261121") == 0o600)
    #expect(all.map(\.id.number) == [2, 1])
  }

  private func mode(_ name: String) throws -> Int {
    try FileManager.default.attributesOfItem(atPath: directory.path + name)[.posixPermissions] as! Int
  }

  @Test("the oldest lines go before there are too many octets, and the newest stay")
  func octets() throws {
    try write((1...100).map { message($0) })
    let sizes = try directory.files().map(directory.size)
    #expect(sizes.reduce(0, +) <= directory.octetsMax && sizes.allSatisfy { $0 <= directory.fileOctetsMax })
    #expect(names.first?.hasPrefix("20261121.") == true)
    let numbers = all.map(\.id.number)
    #expect(numbers == Array(((101 - UInt64(numbers.count))...100).reversed()) && numbers.count > 15)
  }

  @Test("parts of a day are counted on after a restart, and in the order of numbers")
  func parts() throws {
    for number in 1...70 { try write([message(UInt64(number))]) }
    #expect(names.last.flatMap { $0.split(separator: ".").last }.flatMap { Int($0) } ?? 0 > 8)
    #expect(all.first?.id.number == 70)
    #expect(all.map(\.id.number) == all.map(\.id.number).sorted(by: >))
  }

  @Test("what is older than history_keep goes with the day, and files of others stay")
  func age() throws {
    try write([message(1)])
    let other = directory.path + "/notes"
    try Data("mine".utf8).write(to: URL(fileURLWithPath: other))
    try write([message(2)], now: Self.now + 7 * Self.day)
    #expect(names == ["20261121", "20261128"])
    try write([message(3)], now: Self.now + 8 * Self.day)
    #expect(names == ["20261128", "20261129"])
    var book = HistoryBook(directory)
    try book.turn(keep: nil, now: Self.now)
    #expect(names == [])
    #expect(FileManager.default.fileExists(atPath: other))
  }

  @Test("a line that a crash cut is passed over, and the next one begins behind it")
  func tornLine() throws {
    try write([message(1), message(2)])
    let path = directory.path + "/20261121"
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    for cut in stride(from: 1, to: whole.count, by: 7) {
      try whole.prefix(cut).write(to: URL(fileURLWithPath: path))
      let before = all.map(\.id.number)
      #expect(before == (whole.prefix(cut).contains(UInt8(ascii: "\n")) ? [1] : []))
      try write([message(3)])
      // A line that lacks its line feed alone is whole.
      #expect([[3] + before, [3, 1], [3, 2, 1]].contains(all.map(\.id.number)))
    }
  }

  @Test("what is no line of ours is passed over: octets, other objects, and what is no message")
  func foreignLines() throws {
    try write([message(1)])
    let path = directory.path + "/20261121"
    let junk = [
      "", "{}", "null", "[]", #"{"v":1,"id":"7KQ2M9XF4"}"#,
      // Number 0, which no message has.
      String(decoding: lines(message(2)).dropLast(), as: UTF8.self)
        .replacing("\(MessageID(number: 2))", with: "000000000"),
      #"{"v":1,"id":"!!!","recipients":[]}"#, "\u{0}\u{0}",
      String(decoding: lines(message(2)).dropLast(), as: UTF8.self).replacing("ops@example.org", with: "no address"),
    ].joined(separator: "\n")
    var octets = try Data(contentsOf: URL(fileURLWithPath: path))
    octets.append(contentsOf: Array(junk.utf8) + [0xFF, 0xFE, UInt8(ascii: "\n")])
    try octets.write(to: URL(fileURLWithPath: path))
    #expect(all.map(\.id.number) == [1])
  }

  @Test("a line without an end, and one that is longer than any of ours, hide no other line")
  func endlessLine() throws {
    try write([message(1)])
    let path = directory.path + "/20261121"
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    let padding = Data(repeating: UInt8(ascii: " "), count: HistoryLine.octetsMax)
    // JSON that the decoder would take, and only its length tells that it is not ours.
    let long = lines(message(2)).dropLast(2) + padding + Data("}\n".utf8)
    let endless = Data(repeating: UInt8(ascii: "x"), count: 1 << 20)
    try (whole + long + whole + endless).write(to: URL(fileURLWithPath: path))
    #expect(all.map(\.id.number) == [1])
    // Larger than what is read of a file: from the end, and what was cut at its beginning is no line.
    let far = Data(repeating: UInt8(ascii: "y"), count: 2 * HistoryDirectory.fileOctetsMax)
    try (whole + far + Data("\n".utf8) + Data(lines(message(3)))).write(to: URL(fileURLWithPath: path))
    #expect(all.map(\.id.number) == [3])
  }

  @Test("whatever octet of a line is damaged, the lines around it are found")
  func damagedLine() throws {
    try write([message(1), message(2), message(3)])
    let path = directory.path + "/20261121"
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    let middle = lines(message(1)).count..<(2 * lines(message(1)).count - 1)
    for place in middle {
      var damaged = whole
      damaged[place] ^= 1 << UInt8(place % 8)
      try damaged.write(to: URL(fileURLWithPath: path))
      let found = all.map(\.id.number)
      #expect(found.first == 3 && found.last == 1 && found.count <= 3, "octet \(place): \(found)")
    }
  }

  // MARK: Search

  @Test("as many as were asked for, the last first, and whether there are more")
  func limit() throws {
    try write((1...12).map { message($0) })
    let found = search.messages(limit: 5) { $0.id.number % 2 == 0 }
    #expect(found.messages.map(\.id.number) == [12, 10, 8, 6, 4] && found.isCut)
    #expect(!search.messages(limit: 6) { $0.id.number % 2 == 0 }.isCut)
    let none = HistorySearch(directory: HistoryDirectory(path: "/nonexistent")).messages(limit: 1) { _ in true }
    #expect(none.problem == nil && none.messages.isEmpty)
  }

  @Test("a message that ended in steps is one, with each recipient as it ended")
  func steps() throws {
    var first = message(1, to: ["a@example.org", "b@example.org"])
    let second = first.recipients.removeLast()
    var later = first
    later.recipients = [second]
    later.recipients[0].state = .failed
    try write([first, message(2), later])
    let found = all
    #expect(found.map(\.id.number) == [1, 2])
    let ends = found[0].recipients.map { "\($0.index) \($0.address) \($0.state)" }
    #expect(ends == ["0 a@example.org sent", "1 b@example.org failed"])
    #expect(search.messages(idPrefix: String(first.id.description.prefix(5)), limit: 5).messages == [found[0]])
    #expect(search.messages(idPrefix: "ZZZZZ", limit: 5).messages.isEmpty)
  }
}
