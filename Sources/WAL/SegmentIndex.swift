// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The index of a segment, read and found to be complete: it says of each record what recovery would find there. Held
/// in memory as a whole while its segment is recovered, at most as large as that.
struct SegmentIndex {
  let footer: IndexFooter
  /// Entries in the order of the records.
  private var parts: [[UInt8]] = []
  /// Payloads of records whose entries do not repeat them, by offset.
  private var payloads: [UInt32: [UInt8]] = [:]

  /// nil unless the footer, every page and every entry is what was written, and they leave out no record.
  init?(_ file: any DiskFile, _ header: SegmentHeader) {
    guard let footer = IndexFooter.load(from: file, of: header) else { return nil }
    self.footer = footer
    guard readPages(file, header), readTail(file), isComplete(header), readPayloads(file, header) else { return nil }
  }

  private mutating func readPages(_ file: any DiskFile, _ header: SegmentHeader) -> Bool {
    var offset = footer.lastPage
    var behind = footer.end
    for _ in 0..<footer.pages {
      guard offset != 0, offset < behind,
        let page = Self.payload(of: file, header, at: offset, type: IndexWriter.recordType),
        page.count >= IndexWriter.pageHeadOctets
      else { return false }
      behind = offset
      offset = page.withUnsafeBytes { $0.load(littleEndianAt: 0, as: UInt32.self) }
      parts.append(Array(page.dropFirst(IndexWriter.pageHeadOctets)))
    }
    parts.reverse()
    return offset == 0
  }

  private mutating func readTail(_ file: any DiskFile) -> Bool {
    guard let tail = Self.octets(of: file, at: Int(footer.tail), count: Int(footer.tailOctets)),
      Checksum.crc32c(tail) == footer.tailChecksum || SeededFault.indexChecksumIgnored
    else { return false }
    parts.append(tail)
    return true
  }

  /// Whether the records stand one behind the other without a hole.
  private func isComplete(_ header: SegmentHeader) -> Bool {
    if SeededFault.indexForgetsRecords { return true }
    var end = SegmentHeader.blockOctets
    var count: UInt64 = 0
    let isWhole = visitEntries { entry, _ in
      let offset = Int(entry.offset)
      guard offset == end || offset == end.rounded(upTo: SegmentHeader.blockOctets) else { return false }
      end = offset + RecordHeader.span(payload: Int(entry.payloadOctets))
      count += 1
      return true
    }
    return isWhole && end == footer.end && count == footer.entries
      && header.firstSequence + count == footer.nextSequence
  }

  private mutating func readPayloads(_ file: any DiskFile, _ header: SegmentHeader) -> Bool {
    var found: [UInt32: [UInt8]] = [:]
    let isWhole = visitEntries { entry, _ in
      guard entry.indexed == nil else { return true }
      found[entry.offset] = Self.payload(of: file, header, at: entry.offset, type: entry.type)
      return found[entry.offset].map { Checksum.crc32c($0) } == entry.payloadChecksum
    }
    payloads = found
    return isWhole
  }

  /// False as soon as `body` is, or if some entry cannot be read. The octets are those that the entry repeats.
  private func visitEntries(_ body: (IndexEntry, UnsafeRawBufferPointer) -> Bool) -> Bool {
    parts.allSatisfy { part in
      part.withUnsafeBytes { octets in
        var place = 0
        while place < octets.count {
          let start = place + IndexEntry.octets
          guard let entry = IndexEntry.decode(octets, at: &place),
            body(entry, UnsafeRawBufferPointer(rebasing: octets[start..<place]))
          else { return false }
        }
        return true
      }
    }
  }

  /// Each record in order, with as much of its payload as recovery needs.
  func visit(_ body: (IndexEntry, UnsafeRawBufferPointer) -> Void) {
    _ = visitEntries { entry, octets in
      if let payload = payloads[entry.offset] {
        payload.withUnsafeBytes { body(entry, $0) }
      } else {
        body(entry, octets)
      }
      return true
    }
  }

  /// nil unless such a record stands there and is intact.
  private static func payload(
    of file: any DiskFile, _ header: SegmentHeader, at offset: UInt32, type: UInt8
  ) -> [UInt8]? {
    guard let octets = octets(of: file, at: Int(offset), count: RecordHeader.octets),
      let record = octets.withUnsafeBytes({ RecordHeader.load($0, magic: header.magic, offset: Int(offset)) }),
      record.type == type,
      let payload = Self.octets(
        of: file, at: Int(offset) + RecordHeader.octets, count: Int(record.payloadOctets)),
      Checksum.crc32c(payload) == record.payloadChecksum || SeededFault.indexChecksumIgnored
    else { return nil }
    return payload
  }

  private static func octets(of file: any DiskFile, at offset: Int, count: Int) -> [UInt8]? {
    guard offset + count <= file.octets else { return nil }
    var octets = [UInt8](repeating: 0, count: count)
    let done = octets.withUnsafeMutableBytes { try? file.readAll(into: $0, at: offset) }
    return done == count ? octets : nil
  }
}
