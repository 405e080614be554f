// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The date and time of RFC 5322 section 3.3, from a clock reading and a zone that the caller supplies.
package enum InternetDate {
  /// `Sat, 21 Nov 2026 04:00:00 +0100`. The zone is cut to whole minutes. UTC is `+0000`, never `-0000`, which would
  /// say that the local zone is unknown.
  package static func text(unixSeconds: Int64, zoneOffsetSeconds: Int) -> String {
    let zoneMinutes = min(max(zoneOffsetSeconds / 60, -zoneMinutesMax), zoneMinutesMax)
    let local = min(max(unixSeconds, 0), unixSecondsMax) + Int64(zoneMinutes * 60)
    let (days, seconds) = dividedDown(local, by: 86_400)
    let (year, month, day) = civil(daysSince1970: days)
    var text: [UInt8] = []
    text.reserveCapacity(31)
    text += weekdays[Int(dividedDown(days + 4, by: 7).remainder)].utf8
    text += ", ".utf8
    appendTwoDigits(day, to: &text)
    text += months[Int(month) - 1].utf8
    appendTwoDigits(year / 100, to: &text)
    appendTwoDigits(year % 100, to: &text)
    text.append(UInt8(ascii: " "))
    appendTwoDigits(seconds / 3600, to: &text)
    text.append(UInt8(ascii: ":"))
    appendTwoDigits(seconds / 60 % 60, to: &text)
    text.append(UInt8(ascii: ":"))
    appendTwoDigits(seconds % 60, to: &text)
    text += (zoneMinutes < 0 ? " -" : " +").utf8
    appendTwoDigits(Int64(abs(zoneMinutes) / 60), to: &text)
    appendTwoDigits(Int64(abs(zoneMinutes) % 60), to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// Proleptic Gregorian calendar, in eras of 400 years (146,097 days) that begin on 1 March, so that the leap day is
  /// the last of its year.
  private static func civil(daysSince1970: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let (era, dayOfEra) = dividedDown(daysSince1970 + 719_468, by: 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day)
  }

  private static func dividedDown(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }

  private static func appendTwoDigits(_ value: Int64, to text: inout [UInt8]) {
    text.append(UInt8(ascii: "0") + UInt8(value / 10))
    text.append(UInt8(ascii: "0") + UInt8(value % 10))
  }

  /// 31 December 9999, two days early, so that the year has four digits in every zone.
  private static let unixSecondsMax: Int64 = 253_402_300_799 - 2 * 86_400
  private static let zoneMinutesMax = 24 * 60 - 1
  private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  private static let months = [
    " Jan ", " Feb ", " Mar ", " Apr ", " May ", " Jun ", " Jul ", " Aug ", " Sep ", " Oct ", " Nov ", " Dec ",
  ]
}
