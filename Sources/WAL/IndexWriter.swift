// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Gathers the index of the segment that is being written: of each record where it lies, and the octets that recovery
/// needs to see. Whenever a page is full it goes into the segment as a record of its own, in a sync that happens anyway,
/// so that no more than about a page is held in memory; the rest is written when the segment is left.
///
/// The index is only ever a shorter way to the same end: if anything of it is lost, the segment is read as a whole.
struct IndexWriter {
  /// Of a page; tests with small segments have small pages.
  private let pageOctets: Int
  /// More octets of one record are not repeated.
  private let indexedOctetsMax: Int
  private var octets: [UInt8] = []
  private var gathered: UInt32 = 0
  private var entries: UInt32 = 0
  private var pages: UInt32 = 0
  private var lastPage: UInt32 = 0

  /// Type of the record that holds a page: the offset of the page before, u32, 0 if it is the first; the number of its
  /// entries, u32; the entries.
  static let recordType: UInt8 = 2
  static let pageHeadOctets = 8

  init(segmentOctets: Int) {
    pageOctets = min(LogLimits.indexPageOctets, max(segmentOctets / 16, 1024))
    indexedOctetsMax = pageOctets / 4
  }

  /// Room that the index needs behind this batch, pages and the end of the segment together; at most so much.
  func room(for batch: Batch) -> Int {
    var octets = octets.count
    for entry in batch.entries {
      octets += IndexEntry.octets(indexed: Int(entry.indexed), max: indexedOctetsMax)
    }
    let pages = octets / (pageOctets - IndexEntry.octets)
    octets += pages * (RecordHeader.span(payload: Self.pageHeadOctets) + RecordHeader.alignment + IndexEntry.octets)
    let tail = (octets + IndexFooter.octets).rounded(upTo: SegmentHeader.blockOctets)
    // The pages end anywhere, what is behind them begins on a block.
    return pages == 0 ? tail : tail + SegmentHeader.blockOctets
  }

  /// Takes the records of a batch that will stand at `offset`, and puts the pages that they fill behind them.
  mutating func gather(_ batch: inout Batch, at offset: Int) {
    var place = 0
    while place < batch.entries.count {
      let entry = batch.entries[place]
      let header = batch.header(of: entry)
      defer { place += 1 }
      if SeededFault.indexForgetsRecords, header.type == 18 { continue }
      let isRepeated = entry.indexed <= indexedOctetsMax
      IndexEntry(
        offset: UInt32(offset + entry.start), payloadOctets: header.payloadOctets,
        payloadChecksum: header.payloadChecksum, type: header.type, indexed: isRepeated ? entry.indexed : nil
      ).encode(to: &octets)
      if isRepeated {
        let start = entry.start + RecordHeader.octets
        octets.append(contentsOf: batch.image[start..<(start + Int(entry.indexed))])
      }
      gathered += 1
      entries += 1
      if octets.count >= pageOctets { turnPage(&batch, at: offset) }
    }
  }

  private mutating func turnPage(_ batch: inout Batch, at offset: Int) {
    let page = UInt32(offset + batch.image.count)
    var head: [UInt8] = []
    head.append(littleEndian: lastPage)
    head.append(littleEndian: gathered)
    let checksum = Checksum.crc32c(octets, continuing: Checksum.crc32c(head))
    head.withUnsafeBytes { head in
      octets.withUnsafeBytes { body in
        batch.append(
          type: Self.recordType, head: head, body: body, checksum: checksum, indexed: 0, fate: .dropped, ticket: 0)
      }
    }
    octets.removeAll(keepingCapacity: true)
    gathered = 0
    pages += 1
    lastPage = page
  }

  /// The end of a file of so many octets: entries that are in no page, and the footer. Begins on a block.
  func end(fileOctets: Int, salt: UInt64, nextSequence: UInt64, lastSync: UInt64, end: Int) -> [UInt8] {
    let room = (octets.count + IndexFooter.octets).rounded(upTo: SegmentHeader.blockOctets)
    let footer = IndexFooter(
      salt: salt, nextSequence: nextSequence, lastSync: lastSync, end: UInt32(end), entries: entries,
      lastPage: lastPage, pages: pages, tail: UInt32(fileOctets - room), tailOctets: UInt32(octets.count),
      tailChecksum: Checksum.crc32c(octets))
    return octets + [UInt8](repeating: 0, count: room - octets.count - IndexFooter.octets) + footer.encoded()
  }
}
