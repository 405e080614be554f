// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// File names of segments: eight hexadecimal digits and `.wal`; `.damaged` for one that was put aside because it holds
/// damage that an admin has to see, and nothing else that lives.
package enum SegmentName {
  package static func text(_ number: UInt32) -> String {
    digits(number) + ".wal"
  }

  package static func setAside(_ number: UInt32) -> String {
    digits(number) + ".damaged"
  }

  /// nil for every other file.
  package static func number(_ name: String) -> UInt32? {
    number(name, text)
  }

  package static func setAsideNumber(_ name: String) -> UInt32? {
    number(name, setAside)
  }

  private static func digits(_ number: UInt32) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  private static func number(_ name: String, _ text: (UInt32) -> String) -> UInt32? {
    guard let number = UInt32(name.prefix(8), radix: 16), number > 0, number < .max,
      text(number) == name
    else { return nil }
    return number
  }
}
