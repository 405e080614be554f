// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Synchronization

/// The time at which a line is written, as `2026-11-21T13:40:02.113Z` always. The calendar is asked once a second.
final class LogTime: Sendable {
  private struct Second {
    var number = Int64.min
    var text: [UInt8] = []
  }

  private let clock: Clock
  private let last = Mutex(Second())

  init(clock: Clock) {
    self.clock = clock
  }

  func append(to line: inout [UInt8]) {
    let now = clock.now().wall
    let (number, rest) = now.quotientAndRemainder(dividingBy: 1000)
    let text = last.withLock { last in
      if last.number != number {
        // A whole second is written without fraction: all but the Z.
        last = Second(number: number, text: Array(Timestamp(milliseconds: number * 1000).description.utf8.dropLast()))
      }
      return last.text
    }
    line.append(contentsOf: text)
    let zero = Int64(UInt8(ascii: "0"))
    line.append(UInt8(ascii: "."))
    for digit in [rest / 100, rest / 10 % 10, rest % 10] { line.append(UInt8(truncatingIfNeeded: zero + digit)) }
    line.append(UInt8(ascii: "Z"))
  }
}
