// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// One thing that is measured: done again and again for a while, several times; the fastest time counts, because
/// whatever disturbs makes it slower.
struct Operation {
  var name: String
  /// That one of it takes; 0 if that has no meaning.
  var octets: Int
  /// Of it in one call of the work.
  var count = 1
  /// Makes what the work needs, and the work. That returns something that depends on what was done, so that it is done.
  var prepare: () -> () -> Int

  private static let repeats = 5
  private static let nanosecondsEach = 100_000_000

  func printMeasured() {
    let work = prepare()
    var calls = 1
    var best = Double.infinity
    for _ in 0..<Self.repeats {
      var taken = time(work, calls)
      while taken < Self.nanosecondsEach {
        // By so much that the next try is long enough, or nearly.
        calls = max(calls + 1, calls * min(Self.nanosecondsEach / max(taken, 1) + 1, 1000))
        taken = time(work, calls)
      }
      best = min(best, Double(taken) / Double(calls * count))
    }
    let each = octets > 0 ? (best / Double(octets)).text(digits: 2) : "-"
    let size = octets > 0 ? "\(octets)" : "-"
    print(name.padded(to: 44), size.leading(9), best.text(digits: 1).leading(13), each.leading(10))
    // Also where the output is no terminal each line comes when it is there.
    fflush(nil)
  }

  private func time(_ work: () -> Int, _ calls: Int) -> Int {
    let began = nanoseconds()
    var done = 0
    for _ in 0..<calls { done &+= work() }
    let taken = nanoseconds() - began
    precondition(done != .min)
    return taken
  }

  private func nanoseconds() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}

extension String {
  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
  func leading(_ width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}

extension Double {
  /// With so many digits behind the point.
  func text(digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = Int((self * scale).rounded())
    guard digits > 0 else { return "\(scaled)" }
    let fraction = "\(scaled % Int(scale))"
    return "\(scaled / Int(scale))." + String(repeating: "0", count: digits - fraction.count) + fraction
  }
}
