// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// How many in the last hour, in sixteen parts of four minutes: what is older than an hour and four minutes never counts,
/// what is younger than an hour always does. Of fixed size, because there is one for each client. Times are milliseconds
/// of a clock that does not go back.
struct HourCount: Sendable, Equatable {
  private var counts = SIMD16<UInt32>()
  /// Of the part that is counted in, since the beginning of the clock.
  private var number: Int64 = 0

  private static let part: Int64 = 240_000

  init() {}

  mutating func add(at time: Int64) {
    let now = max(number, time / Self.part)
    if now - number >= 16 {
      counts = SIMD16()
    } else {
      for number in number..<now { counts[Int((number + 1) & 15)] = 0 }
    }
    number = now
    counts[Int(now & 15)] &+= 1
  }

  func total(at time: Int64) -> Int {
    let now = max(number, time / Self.part)
    guard now - number < 16 else { return 0 }
    return (0..<(16 - now + number)).reduce(0) { $0 + Int(counts[Int((number - $1) & 15)]) }
  }
}
