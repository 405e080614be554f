// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import TestKit
import Testing

@testable import Queue

@Suite("Records of the queue are those of docs/FORMAT.md")
struct RecordTests {
  private static let wall: Int64 = 1_800_000_000_000
  private static func ids(_ numbers: UInt64...) -> [MessageID] { numbers.map(MessageID.init(number:)) }

  /// What writes a record, and what reads it and writes it again. The octets were made by a program of its own from the
  /// tables.
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var octets: String
    var written: [UInt8]
    var again: @Sendable (UnsafeRawBufferPointer) -> [UInt8]?
  }

  private static let records: [Case] = [
    hold(
      "held with an end", "00505c18a3010000002dca18a30100000400726f6f74ffff0200000001000000000000000200000000000000",
      HoldOrder(ids: ids(1, 2), wall: wall, until: wall + 7_200_000, by: PeerText("root"))),
    hold(
      "held until released",
      "00505c18a3010000ffffffffffffff7f0500756964203005007479706f3f010000000100000000000000",
      HoldOrder(ids: ids(1), wall: wall, by: PeerText("uid 0"), reason: PeerText("typo?"))),
    Case(
      testDescription: "released", octets: "00505c18a30100000200000001000000000000000200000000000000",
      written: EventRecord.payload(ids(1, 2), wall: wall),
      again: { EventRecord.messages($0).map { EventRecord.payload($0.ids, wall: $0.wall) } }),
    Case(
      testDescription: "dropped",
      octets: "00505c18a3010000" + "00ac821da3010000" + "2900000000000000" + "0400726f6f74" + "0100000001"
        + "00000000000000",
      written: EventRecord.payload(
        DropOrder(ids: ids(1), wall: wall, until: wall + 86_400_000, batch: 41, by: PeerText("root"))),
      again: { EventRecord.drop($0).map { EventRecord.payload($0) } }),
    Case(
      testDescription: "undropped", octets: "00505c18a3010000" + "2900000000000000" + "01000000" + "0100000000000000",
      written: EventRecord.payload(UndropOrder(ids: ids(1), wall: wall, batch: 41)),
      again: { EventRecord.undrop($0).map { EventRecord.payload($0) } }),
    bounce(
      "bounced and told", "010000000000000000505c18a301000000002602050700000002006e6f020000000100",
      Bounce(
        id: MessageID(number: 1), wall: wall, isReported: true, reply: Reply(550, EnhancedStatus(5, 7, 0), "no"),
        indexes: [0, 1])),
    bounce(
      "bounced and not told", "020000000000000000505c18a301000001002a020000000000000001000000",
      Bounce(id: MessageID(number: 2), wall: wall, isReported: false, reply: Reply(554, nil, ""), indexes: [0])),
    Case(
      testDescription: "accepted, telling of a delay",
      octets: "040000000000000000505c18a3010000000000000000000002000000010000000000000000020100"
        + "0000000000000000ffff1100616c696365406578616d706c652e636f6dffff0800696e7465726e61"
        + "6c0000ffff0000ffff0300000000000000020000000100507879",
      written: EventRecord.head(notification, prefix: [0x50]) + [0x78, 0x79],
      again: { payload in
        EventRecord.acceptance(payload).map { EventRecord.head($0, prefix: [0x50]) + [0x78, 0x79] }
      }),
    Case(
      testDescription: "accepted, with what the sender wants to be told",
      octets: "050000000000000000505c18a301000000000000000000000100000000000000000000000f000200000000001c00"
        + "000005006ac3bc407803006140620300634064ffff0100680000ffff0000ffff0717000000020400512b32420d0a00"
        + "7266633832323b61407a08ffff78",
      written: EventRecord.head(wished, prefix: []) + [0x78],
      again: { payload in EventRecord.acceptance(payload).map { EventRecord.head($0, prefix: []) + [0x78] } }),
  ]

  private static let wished = Acceptance(
    id: MessageID(number: 5), wall: wall, standstill: 0, extents: [], prefixOctets: 0, lastOctets: 1,
    hints: ContentHints(isEightBit: true, isHeaderEightBit: true),
    envelope: Envelope(
      sender: Address("j\u{fc}@x")!, recipients: [Address("a@b")!, Address("c@d")!], body: .eightBit, isUTF8: true,
      notification: NotificationWish(
        returned: .header, envelopeID: "Q+2B",
        recipients: [.init(events: [.success, .delay], original: "rfc822;a@z"), .init(events: [])])),
    origin: Origin(address: "h"))

  private static let notification = Acceptance(
    id: MessageID(number: 4), wall: wall, standstill: 0, extents: [], prefixOctets: 1, lastOctets: 2,
    hints: ContentHints(), envelope: Envelope(sender: nil, recipients: [Address("alice@example.com")!]),
    origin: Origin(address: "internal"),
    report: NoticeReport(id: MessageID(number: 3), kind: .delayed, indexes: [0, 1]))

  private static func hold(_ name: String, _ octets: String, _ order: HoldOrder) -> Case {
    Case(
      testDescription: name, octets: octets, written: EventRecord.payload(order),
      again: { EventRecord.hold($0).map { EventRecord.payload($0) } })
  }

  private static func bounce(_ name: String, _ octets: String, _ bounce: Bounce) -> Case {
    Case(
      testDescription: name, octets: octets, written: EventRecord.payload(bounce),
      again: { EventRecord.bounce($0).map { EventRecord.payload($0) } })
  }

  @Test("written so, read and written again so, and never read from octets that end early or late", arguments: records)
  func octets(record: Case) {
    #expect(record.written.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == record.octets)
    #expect(record.written.withUnsafeBytes(record.again) == record.written)
    for length in 0..<record.written.count {
      #expect(record.written.prefix(length).withUnsafeBytes(record.again) == nil, "\(length)")
    }
    #expect((record.written + [0]).withUnsafeBytes(record.again) == nil)
  }

  @Test("octets that somebody else wrote are read or not, and end nothing", arguments: [UInt64](0..<4))
  func noise(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for record in Self.records {
      for _ in 0..<500 {
        var octets = record.written
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
          octets[Int.random(in: octets.indices, using: &generator)] = UInt8.random(in: .min ... .max, using: &generator)
        }
        if let again = octets.withUnsafeBytes(record.again) { #expect(again.count <= octets.count * 4) }
      }
    }
  }
}
