// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Mail

@Suite struct InternetDateTests {
  @Test(
    "Instants are written in the zone that is given",
    arguments: [
      (1_795_230_000, 3600, "Sat, 21 Nov 2026 04:00:00 +0100"),
      (0, 0, "Thu, 01 Jan 1970 00:00:00 +0000"),
      (0, -3600, "Wed, 31 Dec 1969 23:00:00 -0100"),
      (951_782_399, 0, "Mon, 28 Feb 2000 23:59:59 +0000"),
      (951_782_400, 0, "Tue, 29 Feb 2000 00:00:00 +0000"),
      (951_868_800, 0, "Wed, 01 Mar 2000 00:00:00 +0000"),
      (1_709_164_800, 20_700, "Thu, 29 Feb 2024 05:45:00 +0545"),
      (1_709_164_800, -12_600, "Wed, 28 Feb 2024 20:30:00 -0330"),
      (1_740_787_199, 0, "Fri, 28 Feb 2025 23:59:59 +0000"),
      (1_740_787_200, 0, "Sat, 01 Mar 2025 00:00:00 +0000"),
      (4_107_542_400, 0, "Mon, 01 Mar 2100 00:00:00 +0000"),
      (4_107_542_399, 0, "Sun, 28 Feb 2100 23:59:59 +0000"),
      (1_798_761_599, 0, "Thu, 31 Dec 2026 23:59:59 +0000"),
      (1_798_761_599, 50_400, "Fri, 01 Jan 2027 13:59:59 +1400"),
    ] as [(Int64, Int, String)])
  func text(unixSeconds: Int64, zone: Int, expected: String) {
    #expect(InternetDate.text(unixSeconds: unixSeconds, zoneOffsetSeconds: zone) == expected)
  }

  @Test("Zones of less than a minute are UTC, and UTC is never -0000", arguments: [-59, -1, 0, 1, 59])
  func smallZone(offset: Int) {
    #expect(
      InternetDate.text(unixSeconds: 86_400, zoneOffsetSeconds: offset) == "Fri, 02 Jan 1970 00:00:00 +0000")
  }

  @Test("Absurd clocks and zones give a date that is still well formed")
  func extremes() {
    for seconds in [Int64.min, -1, 253_402_300_799, Int64.max] {
      for zone in [Int.min, -86_400, 86_400, Int.max] {
        let text = InternetDate.text(unixSeconds: seconds, zoneOffsetSeconds: zone)
        #expect(text.utf8.count == 31, "\(text)")
      }
    }
  }

  @Test("Each of 150,000 days follows the one before it")
  func successiveDays() {
    let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    var (year, month, day) = (1970, 1, 1)
    for count in 0..<150_000 {
      let text = InternetDate.text(unixSeconds: Int64(count) * 86_400 + 43_200, zoneOffsetSeconds: 0)
      let two = day < 10 ? "0\(day)" : "\(day)"
      guard text == "\(weekdays[count % 7]), \(two) \(names[month - 1]) \(year) 12:00:00 +0000" else {
        Issue.record("day \(count): \(text), expected \(year)-\(month)-\(day)")
        return
      }
      let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
      let length = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
      day += 1
      if day > length { (day, month) = (1, month + 1) }
      if month > 12 { (month, year) = (1, year + 1) }
    }
  }
}
