// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Admin

@Suite
struct TimestampTests {
  @Test(
    "times are RFC 3339 in UTC and come back exactly",
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59.999Z"), (951_782_400_000, "2000-02-29T00:00:00Z"),
      (951_868_799_001, "2000-02-29T23:59:59.001Z"), (4_107_542_400_000, "2100-03-01T00:00:00Z"),
      (1_795_268_402_113, "2026-11-21T13:40:02.113Z"), (1_709_251_199_000, "2024-02-29T23:59:59Z"),
    ] as [(Int64, String)])
  func text(milliseconds: Int64, text: String) {
    #expect(Timestamp(milliseconds: milliseconds).description == text)
    #expect(Timestamp(text)?.milliseconds == milliseconds)
  }

  @Test(
    "a time before the year 0 or behind 9999 is shown as the nearest that can be read back",
    arguments: [
      (.max, "9999-12-31T23:59:59.999Z"), (253_402_300_800_000, "9999-12-31T23:59:59.999Z"),
      (-62_167_219_200_001, "0000-01-01T00:00:00Z"), (.min, "0000-01-01T00:00:00Z"),
    ] as [(Int64, String)])
  func extreme(milliseconds: Int64, text: String) {
    #expect(Timestamp(milliseconds: milliseconds).description == text && Timestamp(text)?.description == text)
    #expect(Timestamp(milliseconds: milliseconds).forPeople.utf8.count == 20)
  }

  @Test(
    "anything else is no time",
    arguments: [
      "", "2026-11-21", "2026-11-21 13:40:02Z", "2026-11-21T13:40:02+01:00", "2026-13-21T13:40:02Z",
      "2026-11-21T24:00:00Z", "2026-11-21T13:40:02.1Z", "2026-11-21T13:40:0xZ", "２026-11-21T13:40:02Z",
    ])
  func invalid(text: String) {
    #expect(Timestamp(text) == nil)
  }
}
