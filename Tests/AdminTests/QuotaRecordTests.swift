// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Admin

@Suite("What two queues have counted against the same quotas")
struct QuotaRecordTests {
  private func entry(_ parts: [(Int64, Int)], _ unit: String = "messages") -> QuotaRecord.Entry {
    QuotaRecord.Entry(
      unit: unit, parts: parts.map { QuotaRecord.Part(start: Timestamp(milliseconds: $0.0 * 1000), count: $0.1) })
  }

  private func record(_ upstreams: [String: QuotaRecord.Entry]) -> QuotaRecord {
    var record = QuotaRecord()
    record.upstreams = upstreams
    return record
  }

  @Test("is put together part by part, once however often it is done, and never of different units")
  func merge() throws {
    let theirs = record([
      "both": entry([(1, 5), (2, 7), (4, 1)]), "theirs": entry([(3, 3)]), "other": entry([(1, 1)], "recipients"),
    ])
    var ours = record(["both": entry([(2, 9), (3, 2)]), "ours": entry([(1, 1)]), "other": entry([(9, 9)])])
    ours.merge(theirs)
    let once = ours
    #expect(ours.upstreams["both"] == entry([(1, 5), (2, 9), (3, 2), (4, 1)]))
    #expect(ours.upstreams["theirs"] == entry([(3, 3)]) && ours.upstreams["ours"] == entry([(1, 1)]))
    #expect(ours.upstreams["other"] == entry([(9, 9)]))
    ours.merge(theirs)
    #expect(ours == once)
    #expect(try QuotaRecord(parsing: once.octets) == once)
  }

  @Test("is not read if another version wrote it")
  func versions() {
    var record = QuotaRecord()
    record.v = 2
    #expect(throws: AdminError.self) { try QuotaRecord(parsing: record.octets) }
    #expect(throws: AdminError.self) { try QuotaRecord(parsing: Array("{".utf8)) }
  }
}
