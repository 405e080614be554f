// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Glibc

/// One entry for the journal while it is put together: `NAME=value` one behind the other in one buffer, handed over as
/// vectors, so that where a value ends is a length and no octet of it can begin another field.
package struct JournalEntry {
  private var octets: [UInt8] = []
  private var ends: [Int] = []

  package init() {
    octets.reserveCapacity(1024)
    ends.reserveCapacity(32)
  }

  package mutating func add(
    prefix: String = "", _ name: String, _ text: String, octetsMax: Int = LogText.fieldOctetsMax
  ) {
    octets.append(contentsOf: prefix.utf8)
    octets.append(contentsOf: name.utf8)
    octets.append(UInt8(ascii: "="))
    LogText.append(text, to: &octets, octetsMax: octetsMax)
    ends.append(octets.count)
  }

  /// The vectors that sd_journal_sendv(3) takes; good inside `body` only.
  package func withVectors<Result>(_ body: (UnsafePointer<iovec>, Int32) -> Result) -> Result {
    octets.withUnsafeBytes { octets in
      withUnsafeTemporaryAllocation(of: iovec.self, capacity: max(1, ends.count)) { vectors in
        var start = 0
        for (index, end) in ends.enumerated() {
          // The journal only reads through these pointers; `iovec` serves readv(2) too and has no const.
          let base = UnsafeMutableRawPointer(mutating: octets.baseAddress! + start)
          vectors.initializeElement(at: index, to: iovec(iov_base: base, iov_len: end - start))
          start = end
        }
        return body(UnsafePointer(vectors.baseAddress!), Int32(ends.count))
      }
    }
  }
}
