// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Whether work grows with its input and no faster: twice the input may take about twice the time. What is taken is the
/// CPU time of this thread, the least of several runs, and noise can only add to that; so a ratio that is too high is
/// looked at again, and one that is low enough is believed. Work that grows with the square comes to four each time.
package enum Doubling {
  /// Above this it is not linear.
  package static let ratioMax = 2.3

  /// Time for twice as many over time for as many, the least of some tries. `prepare` makes the work for a count, which
  /// begins at `first` and grows until the work takes long enough to be measured.
  package static func ratio(from first: Int = 1_024, _ prepare: (Int) -> () -> Void) -> Double {
    var count = first
    while count < countMax, nanoseconds(prepare(count)) < nanosecondsMin { count *= 2 }
    let (once, twice) = (prepare(count), prepare(2 * count))
    var least = Double.infinity
    for _ in 0..<tries {
      let single = (0..<runs).map { _ in nanoseconds(once) }.min()!
      let double = (0..<runs).map { _ in nanoseconds(twice) }.min()!
      least = min(least, Double(double) / Double(max(1, single)))
      if least < ratioMax { break }
    }
    return least
  }

  private static let nanosecondsMin: UInt64 = 4_000_000
  private static let countMax = 1 << 20
  private static let runs = 4
  private static let tries = 12

  private static func nanoseconds(_ work: () -> Void) -> UInt64 {
    let start = threadNanoseconds()
    work()
    return threadNanoseconds() - start
  }

  private static func threadNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
