// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import CSupport

/// Reads one segment from its first record to its end and finds every record that is intact, also behind damage: a
/// record begins at a multiple of 8, with a magic that nobody outside knows and a checksum that holds for this place
/// only. Holds one window of the file and never more than one record.
struct SegmentScanner {
  /// What stands at a place of the segment.
  enum Finding {
    case intact(RecordHeader, Extent)
    /// The header is intact, so its length can be trusted; the payload is not what was written.
    case damagedPayload(RecordHeader, offset: Int)
  }

  private let file: any DiskFile
  private let number: UInt32
  private let magic: UInt32
  private let windowOctets: Int
  /// Octets that count for nothing, ascending by their start.
  private let voids: [VoidRegion]
  private var window: [UInt8] = []
  private var windowStart = 0
  private(set) var offset = SegmentHeader.blockOctets
  /// Octets that the disk would not give; they count as zeros.
  private(set) var unreadable: [Range<Int>] = []
  /// A file that is longer than any segment is read no further.
  private let fileOctets: Int

  init(
    file: any DiskFile, header: SegmentHeader, voids: [VoidRegion], windowOctets: Int = LogLimits.windowOctets
  ) {
    self.windowOctets = windowOctets
    self.file = file
    number = header.number
    fileOctets = min(file.octets, LogLimits.segmentOctetsMax)
    magic = header.magic
    self.voids = voids.sorted { $0.start < $1.start }
  }

  /// The next finding at or behind `offset`; nil at the end of the file. The payload is valid during the call.
  mutating func next(
    _ body: (Finding, UnsafeRawBufferPointer) throws(LogError) -> Void
  ) throws(LogError) -> Bool {
    while true {
      skipVoids()
      guard load(offset, RecordHeader.octets) else { return false }
      let candidate = window.withUnsafeBytes { window in
        let rest = UnsafeRawBufferPointer(rebasing: window[(offset - windowStart)...])
        return csupport_find_magic(rest.baseAddress, rest.count & ~7, magic)
      }
      if candidate > 0 {
        // Up to the next candidate, but not past a void or the part of the window that may hold half a header.
        offset = nextStop(from: offset, to: offset + candidate)
        continue
      }
      let header = window.withUnsafeBytes { window in
        let start = offset - windowStart
        return RecordHeader.load(
          UnsafeRawBufferPointer(rebasing: window[start..<(start + RecordHeader.octets)]), magic: magic, offset: offset)
      }
      guard let header, offset + header.span <= fileOctets.rounded(upTo: 8),
        load(offset, Int(header.payloadOctets) + RecordHeader.octets)
      else {
        offset += RecordHeader.alignment
        continue
      }
      let start = offset - windowStart + RecordHeader.octets
      let extent = Extent(
        segment: number, offset: UInt32(offset), octets: header.payloadOctets, checksum: header.payloadChecksum)
      let place = offset
      offset += header.span
      var failure: LogError?
      window.withUnsafeBytes { window in
        let payload = UnsafeRawBufferPointer(rebasing: window[start..<(start + Int(header.payloadOctets))])
        do throws(LogError) {
          if Checksum.crc32c(payload) == header.payloadChecksum || SeededFault.payloadChecksumIgnored {
            try body(.intact(header, extent), payload)
          } else {
            try body(.damagedPayload(header, offset: place), payload)
          }
        } catch {
          failure = error
        }
      }
      if let failure { throw failure }
      return true
    }
  }

  /// Whether anything but zeros stands between `start` and the end of the file, voids aside.
  mutating func isBlank(from start: Int) -> Bool {
    offset = start
    while true {
      skipVoids()
      guard load(offset, 1) else { return true }
      let end = nextStop(from: offset, to: windowStart + window.count)
      let isZero = window.withUnsafeBytes { window in
        csupport_is_zero(window.baseAddress! + (offset - windowStart), end - offset)
      }
      guard isZero else { return false }
      offset = end
    }
  }

  private mutating func noteUnreadable(_ range: Range<Int>) {
    if let last = unreadable.last, last.upperBound == range.lowerBound {
      unreadable[unreadable.count - 1] = last.lowerBound..<range.upperBound
    } else if unreadable.last != range {
      unreadable.append(range)
    }
  }

  /// The first octet between these two that the disk would not give, as far as was looked.
  func firstUnreadable(from start: Int, to end: Int) -> Int? {
    unreadable.filter { $0.overlaps(start..<max(start, end)) }.map { max(start, $0.lowerBound) }.min()
  }

  private mutating func skipVoids() {
    for region in voids where offset >= region.start && offset < region.end {
      offset = region.end == .max ? fileOctets : Int(region.end).rounded(upTo: RecordHeader.alignment)
    }
  }

  /// `end`, or the start of the first void before it.
  private func nextStop(from start: Int, to end: Int) -> Int {
    for region in voids where region.start > start && region.start < end { return Int(region.start) }
    return end
  }

  /// Makes `count` octets at `start` lie in the window; false if the file ends before.
  private mutating func load(_ start: Int, _ count: Int) -> Bool {
    guard start + count <= fileOctets else { return false }
    if start >= windowStart, start + count <= windowStart + window.count { return true }
    let octets = min(max(count, windowOctets), fileOctets - start)
    if window.count != octets { window = [UInt8](repeating: 0, count: octets) }
    windowStart = start
    var failed: [Range<Int>] = []
    window.withUnsafeMutableBytes { window in
      if (try? file.readAll(into: window, at: start)) == octets { return }
      // Some block of it cannot be read: take every other one.
      var position = 0
      while position < octets {
        let end = min(position + SegmentHeader.blockOctets, octets)
        let block = UnsafeMutableRawBufferPointer(rebasing: window[position..<end])
        if (try? file.readAll(into: block, at: start + position)) != block.count {
          block.initializeMemory(as: UInt8.self, repeating: 0)
          failed.append((start + position)..<(start + end))
        }
        position = end
      }
    }
    for range in failed { noteUnreadable(range) }
    return true
  }
}
