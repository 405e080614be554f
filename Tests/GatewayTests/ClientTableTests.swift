// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Queue
import SMTP
import TLS
import Testing

@testable import Gateway

@Suite("The table of clients")
struct ClientTableTests {
  static let start = Instant(wall: 1_790_000_000_000, monotonic: 5_000_000)

  static func address(_ number: Int, _ network: String = "192.0.2") -> IPAddress {
    IPAddress("\(network).\(number)")!
  }

  static func at(_ seconds: Int64) -> Instant {
    Instant(wall: start.wall + seconds * 1000, monotonic: start.monotonic + seconds * 1000)
  }

  private static func seen(
    _ address: IPAddress, _ seconds: Int64, in table: inout ClientTable, isExpected: Bool = false, accepts: Bool = false
  ) {
    table.note(address, at(seconds), isExpected: { isExpected }) { record in
      record.connected(to: "submission", at(seconds))
      if accepts { record.accepted(used: [], at(seconds)) }
    }
  }

  @Test("keeps the office's devices through a flood from more addresses than it holds")
  func flood() {
    var table = ClientTable()
    for number in 1...200 { Self.seen(Self.address(number, "10.0.0"), 0, in: &table, accepts: true) }
    Self.seen(Self.address(1, "10.0.1"), 0, in: &table, isExpected: true)
    for number in 0..<20_000 {
      Self.seen(IPAddress("198.51.\(number / 250).\(number % 250)")!, Int64(number), in: &table)
    }
    #expect(table.count == 201 + ClientTable.strangersMax)
    for number in 1...200 { #expect(table[Self.address(number, "10.0.0")]?.accepted == 1) }
    #expect(table[Self.address(1, "10.0.1")] != nil)
    // Neither does one from addresses that could be the office's.
    for number in 0..<5_000 {
      Self.seen(IPAddress("10.9.\(number / 250).\(number % 250)")!, Int64(number), in: &table, isExpected: true)
    }
    #expect(table.count == 200 + ClientTable.expectedMax + ClientTable.strangersMax)
    for number in 1...200 { #expect(table[Self.address(number, "10.0.0")]?.accepted == 1) }
  }

  @Test("who was seen longest ago goes first, and who comes again stays")
  func recency() {
    var table = ClientTable(proven: 2, expected: 2, strangers: 2)
    Self.seen(Self.address(1), 1, in: &table)
    Self.seen(Self.address(2), 2, in: &table)
    Self.seen(Self.address(1), 3, in: &table)
    Self.seen(Self.address(3), 4, in: &table)
    #expect(table.records(where: { _ in true }).map(\.address) == [Self.address(3), Self.address(1)])
    #expect(table[Self.address(1)]?.connections == 2)
  }

  @Test("a stranger who hands in mail keeps what is known of him, among those who did before")
  func promotion() {
    var table = ClientTable(proven: 2, expected: 2, strangers: 2)
    Self.seen(Self.address(1), 1, in: &table)
    Self.seen(Self.address(1), 2, in: &table, accepts: true)
    for number in 2...9 { Self.seen(Self.address(number), 3, in: &table) }
    let record = table[Self.address(1)]
    #expect(record?.connections == 2)
    #expect(record?.firstSeen == Self.at(1).wall)
    #expect(table.count == 3)
  }

  @Test("a bounded table forgets in the order of touching, whatever was removed in between")
  func model() {
    var generator = SystemRandomNumberGenerator()
    var table = RecencyTable<Int, Int>(capacity: 5)
    var model: [(key: Int, value: Int)] = []
    for step in 0..<5_000 {
      let key = Int.random(in: 0..<9, using: &generator)
      switch Int.random(in: 0..<4, using: &generator) {
      case 0:
        let value = table.remove(key)
        #expect(value == model.first { $0.key == key }?.value)
        model.removeAll { $0.key == key }
      default:
        if table.update(key, { $0 = step }) != nil {
          model.removeAll { $0.key == key }
        } else {
          table.insert(key, step)
          if model.count == 5 { model.removeLast() }
        }
        model.insert((key, step), at: 0)
      }
      #expect(table.values(where: { _ in true }) == model.map(\.value))
      #expect(table.count == model.count)
    }
  }

  @Test(
    "messages of the last hour",
    arguments: [
      ([0], 0, 1), ([0], 3_599, 1), ([0], 3_900, 0), ([0, 0, 60], 3_500, 3), ([0, 1_800], 3_900, 1),
      ([0, 1_800, 3_900], 5_000, 2), ([0], 1_000_000, 0), ([0, 100_000], 100_000, 1), ([], 50, 0),
    ] as [([Int64], Int64, Int)])
  func hour(messages: [Int64], asked: Int64, count: Int) {
    var hour = HourCount()
    for second in messages { hour.add(at: second * 1000) }
    #expect(hour.total(at: asked * 1000) == count)
  }

  @Test("what came after the last message counts, unless it is the usual end of a session")
  func condition() {
    var record = ClientRecord(address: Self.address(1), now: Self.start)
    #expect(record.condition == .silent)
    let reply = Reply(530, EnhancedStatus(5, 7, 0), "Login needed: x")
    let refusal = Refusal(command: "MAIL", reply: reply)
    record.refused(refusal, isTelling: true, Self.at(1))
    #expect(record.condition == .refused(.init(refusal: refusal, wall: Self.at(1).wall)))
    record.refused(Refusal(command: "RCPT", reply: Reply(503, nil, "x")), isTelling: false, Self.at(2))
    #expect(record.lastRefusal?.refusal == refusal)
    #expect(record.refusals == 2)
    record.handshakeFailed(.version, PeerText("x"), Self.at(3))
    #expect(record.condition == .handshakeFailed(.init(fault: .version, reason: PeerText("x"), wall: Self.at(3).wall)))
    record.accepted(used: .plaintext, Self.at(4))
    #expect(record.condition == .works)
    record.refused(Refusal(command: "COMMAND", reply: .timeout), isTelling: true, Self.at(5))
    #expect(record.condition == .works)
    record.refused(refusal, isTelling: true, Self.at(6))
    #expect(record.condition == .refused(.init(refusal: refusal, wall: Self.at(6).wall)))
  }
}
