// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What can still be read of a record whose header is damaged, so that somebody can be told which record it was. It is
/// never taken for a record.
struct RecordRemains {
  let type: UInt8
  let payloadStart: [UInt8]

  /// Looks where the first of the missing records must begin: behind nothing but zeros. A header that has lost only
  /// some bits still has its magic or its sequence.
  static func find(
    in file: any DiskFile, from start: Int, to end: Int, magic: UInt32, sequence: UInt64
  ) -> RecordRemains? {
    // The file may end before the place where its first record began.
    guard end > start else { return nil }
    var octets = [UInt8](repeating: 0, count: min(end - start, LogLimits.windowOctets))
    let done = octets.withUnsafeMutableBytes { buffer in (try? file.readAll(into: buffer, at: start)) ?? 0 }
    guard let first = octets[..<done].firstIndex(where: { $0 != 0 }) else { return nil }
    let place = first / RecordHeader.alignment * RecordHeader.alignment
    guard place + RecordHeader.octets <= done else { return nil }
    let isOurs = octets.withUnsafeBytes { octets in
      octets.load(littleEndianAt: place, as: UInt32.self) == magic
        || octets.load(littleEndianAt: place + 8, as: UInt64.self) == sequence
    }
    guard isOurs else { return nil }
    return RecordRemains(
      type: octets[place + 4], payloadStart: Array(octets[(place + RecordHeader.octets)..<done].prefix(16)))
  }
}
