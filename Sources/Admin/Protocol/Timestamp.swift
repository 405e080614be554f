// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// A point of wall-clock time as the protocol writes it: `2026-11-21T13:40:02.113Z` (RFC 3339, always UTC).
package struct Timestamp: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
  /// Since 1970-01-01T00:00:00Z, without leap seconds.
  package var milliseconds: Int64

  package init(milliseconds: Int64) { self.milliseconds = milliseconds }

  package static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

  /// RFC 3339 has years of four digits: a time that a damaged record claims must not make a reply that nobody can read.
  private var shown: Int64 { min(max(milliseconds, -62_167_219_200_000), 253_402_300_799_999) }

  /// With milliseconds only where there are any.
  package var description: String {
    var octets: [UInt8] = []
    append(to: &octets)
    return String(decoding: octets, as: UTF8.self)
  }

  /// Appends the description, for who writes very many.
  package func append(to octets: inout [UInt8]) {
    appendSeconds(separator: "T", to: &octets)
    let fraction = Self.remainder(shown, 1000)
    if fraction != 0 {
      octets.append(UInt8(ascii: "."))
      Self.append(fraction, width: 3, to: &octets)
    }
    octets.append(UInt8(ascii: "Z"))
  }

  /// For tables: `2026-11-21 13:40:02Z`.
  package var forPeople: String {
    var octets: [UInt8] = []
    appendSeconds(separator: " ", to: &octets)
    return String(decoding: octets, as: UTF8.self) + "Z"
  }

  package init?(_ text: String) {
    let octets = Array(text.utf8)
    func number(_ range: Range<Int>) -> Int64? {
      guard range.upperBound <= octets.count else { return nil }
      return octets[range].reduce(Int64?(0)) { value, octet in
        guard let value, (0x30...0x39).contains(octet) else { return nil }
        return value * 10 + Int64(octet - 0x30)
      }
    }
    guard octets.count == 20 || octets.count == 24, octets.last == UInt8(ascii: "Z"),
      octets[4] == UInt8(ascii: "-"), octets[7] == UInt8(ascii: "-"), octets[10] == UInt8(ascii: "T"),
      octets[13] == UInt8(ascii: ":"), octets[16] == UInt8(ascii: ":"),
      let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
      let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
      (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 60
    else { return nil }
    var fraction: Int64 = 0
    if octets.count == 24 {
      guard octets[19] == UInt8(ascii: "."), let value = number(20..<23) else { return nil }
      fraction = value
    }
    let days = Self.days(year: year, month: month, day: day)
    milliseconds = ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + fraction
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let value = Timestamp(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "no time of RFC 3339 in UTC")
    }
    self = value
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }

  private func appendSeconds(separator: Unicode.Scalar, to octets: inout [UInt8]) {
    let seconds = Self.quotient(shown, 1000)
    let days = Self.quotient(seconds, 86_400)
    let time = Self.remainder(seconds, 86_400)
    let (year, month, day) = Self.date(days: days)
    Self.append(year, width: 4, to: &octets)
    octets.append(UInt8(ascii: "-"))
    Self.append(month, width: 2, to: &octets)
    octets.append(UInt8(ascii: "-"))
    Self.append(day, width: 2, to: &octets)
    octets.append(UInt8(ascii: separator))
    Self.append(time / 3600, width: 2, to: &octets)
    octets.append(UInt8(ascii: ":"))
    Self.append(time / 60 % 60, width: 2, to: &octets)
    octets.append(UInt8(ascii: ":"))
    Self.append(time % 60, width: 2, to: &octets)
  }

  /// Proleptic Gregorian calendar in eras of 400 years that begin on 1 March of year 0, so that the leap day is last.
  private static func date(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = quotient(shifted, 146_097)
    let dayOfEra = remainder(shifted, 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
  }

  private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let era = quotient(shifted, 400)
    let yearOfEra = remainder(shifted, 400)
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private static func quotient(_ value: Int64, _ divisor: Int64) -> Int64 {
    value >= 0 ? value / divisor : (value + 1) / divisor - 1
  }

  private static func remainder(_ value: Int64, _ divisor: Int64) -> Int64 {
    value - quotient(value, divisor) * divisor
  }

  private static func append(_ value: Int64, width: Int, to octets: inout [UInt8]) {
    let digits = String(value).utf8
    for _ in 0..<max(0, width - digits.count) { octets.append(UInt8(ascii: "0")) }
    octets.append(contentsOf: digits)
  }
}
