// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import Testing

@testable import Gateway
@testable import WAL

@Suite("The gauge of the queue's room") struct SpaceGaugeTests {
  private static let mebibyte: Int64 = 1 << 20
  private static let full = LogError.disk(attempt: "allocate", name: "00000003.wal", code: 28)
  private static let broken = LogError.disk(attempt: "sync", name: "00000003.wal", code: 5)

  private var gauge = SpaceGauge(limits: SpaceGauge.Limits(minFreeOctets: 512 * mebibyte, messagesMax: 1_000))

  private static func look(
    _ seconds: Int64, total: Int64 = 100_000, free: Int64 = 50_000, inodes: Int64? = nil, messages: Int = 0,
    _ condition: LogCondition = LogCondition()
  ) -> SpaceGauge.Look {
    SpaceGauge.Look(
      now: seconds * 1000,
      fileSystem: FileSystem(octets: total * mebibyte, freeOctets: free * mebibyte, freeInodes: inodes),
      condition: condition, messages: messages)
  }

  @Test("takes mail down to the floor, says once that it does not, and takes it again a little above")
  mutating func octets() {
    #expect(gauge.take(Self.look(0, free: 512)).isEmpty)
    #expect(gauge.intake == Intake(octetsMax: 0))
    #expect(gauge.take(Self.look(1, free: 511)).map(\.kind) == [.spoolLow])
    #expect(gauge.intake.refusal == .diskFull)
    for free in [511, 520, 512, 100, 543] as [Int64] { #expect(gauge.take(Self.look(2, free: free)).isEmpty) }
    #expect(gauge.intake.refusal == .diskFull)
    let events = gauge.take(Self.look(61, free: 544))
    #expect(events.map(\.message) == ["there is room in the queue again, mail is taken after 60 s"])
    #expect(gauge.intake == Intake(octetsMax: UInt64(32 * Self.mebibyte)))
  }

  @Test("keeps a quarter of a small file system free", arguments: [(16, 4), (1_000, 250), (2_048, 512), (9_000, 512)])
  func floors(total: Int64, floor: Int64) {
    let fileSystem = FileSystem(octets: total * Self.mebibyte, freeOctets: 0)
    #expect(gauge.floor(of: fileSystem) == floor * Self.mebibyte)
  }

  @Test("counts inodes where there are any to count")
  mutating func inodes() {
    #expect(gauge.take(Self.look(0, inodes: 16)).isEmpty)
    #expect(gauge.take(Self.look(1, inodes: 15)).map(\.kind) == [.spoolLow])
    #expect(gauge.intake.refusal == .diskFull)
    #expect(gauge.take(Self.look(2, inodes: 19)).isEmpty)
    #expect(gauge.take(Self.look(3, inodes: 20)).map(\.kind) == [.spoolRecovered])
  }

  @Test("counts messages, and leaves the exact number to those who accept them")
  mutating func messages() {
    _ = gauge.take(Self.look(0, messages: 990))
    #expect(gauge.messagesLeft == 10)
    #expect(gauge.take(Self.look(1, messages: 1_000)).map(\.kind) == [.spoolLow])
    #expect(gauge.messagesLeft == 0)
    #expect(gauge.take(Self.look(2, messages: 950)).isEmpty)
    #expect(gauge.messagesLeft == 50)
    #expect(gauge.take(Self.look(3, messages: 900)).map(\.kind) == [.spoolRecovered])
  }

  @Test("lets one message try again five seconds after a quota, which only the error shows")
  mutating func quota() {
    var condition = LogCondition()
    (condition.refusal, condition.fullCount) = (Self.full, 1)
    #expect(gauge.take(Self.look(0, condition)).map(\.kind) == [.spoolLow])
    #expect(gauge.take(Self.look(4, condition)).isEmpty)
    #expect(gauge.intake.refusal == .diskFull)
    #expect(gauge.take(Self.look(5, condition)).isEmpty)
    #expect(gauge.intake.refusal == nil)
    condition.fullCount = 2
    #expect(gauge.take(Self.look(6, condition)).isEmpty)
    #expect(gauge.intake.refusal == .diskFull)
    condition.refusal = nil
    #expect(gauge.take(Self.look(7, condition)).map(\.kind) == [.spoolRecovered])
    #expect(gauge.intake.refusal == nil)
  }

  @Test("tells of each segment that was given up, and of the beginning and the end of a log that takes nothing")
  mutating func failures() {
    var condition = LogCondition()
    condition.lastGivenUp = LogCondition.GivenUp(segment: 3, error: Self.broken)
    condition.givenUpCount = 1
    #expect(gauge.take(Self.look(0, condition)).map(\.kind) == [.spoolSyncFailed])
    #expect(gauge.intake.refusal == nil)
    #expect(gauge.take(Self.look(1, condition)).isEmpty)
    (condition.givenUpCount, condition.isFailing, condition.refusal) = (4, true, Self.broken)
    let events = gauge.take(Self.look(2, condition)).map(\.message)
    #expect(events.count == 2)
    #expect(events[0].hasPrefix("warning: segment 00000003.wal given up, with 2 before it: cannot sync 00000003.wal"))
    #expect(gauge.intake.refusal == .diskRefused)
    #expect(gauge.take(Self.look(30, condition)).isEmpty)
    condition.isFailing = false
    #expect(gauge.take(Self.look(62, condition)).map(\.message) == ["the log works again after 60 s, mail is taken"])
    #expect(gauge.intake.refusal == nil)
  }
}
