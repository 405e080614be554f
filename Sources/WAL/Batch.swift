// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What happens to a record whose sync fails.
package enum RecordFate: Sendable {
  /// It becomes void and its sender is told: content and acceptances.
  case voided
  /// It is written again until it is durable: changes that already hold in memory.
  case restated
  /// Nobody misses it: pages of the index. Only the log's own.
  case dropped
}

/// What became of a record, told to the log's owner under the ticket that came with it.
package struct Settlement: Sendable {
  package enum Result: Sendable, Equatable {
    case durable(Extent)
    case failed(StorageFailure)
  }

  package let ticket: UInt64
  package let result: Result
}

/// Why something was not stored, by what its sender may be told.
package enum StorageFailure: Error, Sendable, Equatable {
  /// The disk is full; nothing of it will be found later. 452 4.3.1.
  case full
  /// The disk failed; nothing of it will be found later. 451 4.3.0.
  case refused
  /// Nobody knows: it may be found after a restart. Close without a reply.
  case undecided
}

/// Records in the form in which they will stand on disk, one behind the other; only what the place decides is missing
/// from their headers (magic, sequence, sync, index, header checksum).
struct Batch {
  private(set) var image: [UInt8] = []
  private(set) var entries: [Entry] = []
  private(set) var voidedCount = 0

  struct Entry {
    /// Of the record's header in `image`.
    var start: Int
    /// Leading octets of the payload that belong into the index.
    var indexed: UInt32
    var ticket: UInt64
    var fate: RecordFate
  }

  var isEmpty: Bool { entries.isEmpty }
  /// Only changes that are written again if the sync fails: nobody waits for them.
  var hasOnlyChanges: Bool { voidedCount == 0 }

  /// `checksum` is the CRC32C of head and body together, made before any lock was taken.
  mutating func append(
    type: UInt8, head: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer, checksum: UInt32, indexed: Int,
    fate: RecordFate, ticket: UInt64
  ) {
    let start = image.count
    let header = RecordHeader(
      type: type, sequence: 0, sync: 0, index: 0, payloadOctets: UInt32(head.count + body.count),
      payloadChecksum: checksum)
    entries.append(Entry(start: start, indexed: UInt32(indexed), ticket: ticket, fate: fate))
    if fate == .voided { voidedCount += 1 }
    image.append(contentsOf: repeatElement(0, count: RecordHeader.octets))
    image.withUnsafeMutableBytes { image in
      header.store(into: UnsafeMutableRawBufferPointer(rebasing: image[start...]), magic: 0, offset: 0)
    }
    image.append(contentsOf: head)
    image.append(contentsOf: body)
    image.append(contentsOf: repeatElement(0, count: image.count.rounded(upTo: RecordHeader.alignment) - image.count))
  }

  mutating func append(_ region: VoidRegion) {
    let payload = region.payload()
    payload.withUnsafeBytes { octets in
      append(
        type: VoidRegion.recordType, head: octets, body: UnsafeRawBufferPointer(start: nil, count: 0),
        checksum: Checksum.crc32c(payload), indexed: payload.count, fate: .restated, ticket: 0)
    }
  }

  /// The records of another batch that must be written again.
  mutating func append(changesOf other: Batch) {
    for entry in other.entries where entry.fate == .restated {
      let end = entry.start + other.header(of: entry).span
      entries.append(Entry(start: image.count, indexed: entry.indexed, ticket: entry.ticket, fate: .restated))
      image.append(contentsOf: other.image[entry.start..<end])
    }
  }

  mutating func append(_ other: Batch) {
    entries.append(
      contentsOf: other.entries.map { entry in
        var entry = entry
        entry.start += image.count
        return entry
      })
    voidedCount += other.voidedCount
    image.append(contentsOf: other.image)
  }

  func header(of entry: Entry) -> RecordHeader {
    image.withUnsafeBytes { image in
      RecordHeader(
        type: image[entry.start + 4], sequence: 0, sync: 0, index: 0,
        payloadOctets: image.load(littleEndianAt: entry.start + 28, as: UInt32.self),
        payloadChecksum: image.load(littleEndianAt: entry.start + 32, as: UInt32.self))
    }
  }

  /// Completes the headers for a place in the log.
  mutating func stamp(magic: UInt32, offset: Int, sync: UInt64, firstSequence: UInt64, firstIndex: UInt32) {
    for (place, entry) in entries.enumerated() {
      var header = header(of: entry)
      header.sequence = firstSequence + UInt64(place)
      header.sync = sync
      header.index = firstIndex + UInt32(place)
      image.withUnsafeMutableBytes { image in
        header.store(
          into: UnsafeMutableRawBufferPointer(rebasing: image[entry.start...]), magic: magic,
          offset: offset + entry.start)
      }
    }
  }

  mutating func removeAll() {
    image.removeAll(keepingCapacity: image.capacity <= LogLimits.batchOctetsMax)
    entries.removeAll(keepingCapacity: true)
    voidedCount = 0
  }
}

/// What the owner has appended and the writer has not taken yet.
struct OpenBatches {
  private var batches: [Batch] = []
  private var spares: [Batch] = []
  /// Highest number of a message that the owner has given to the log.
  private(set) var mark: UInt64

  init(mark: UInt64) {
    self.mark = mark
  }

  var isEmpty: Bool { batches.isEmpty }
  var hasOnlyChanges: Bool { batches.allSatisfy(\.hasOnlyChanges) }

  mutating func append(
    type: UInt8, head: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer, checksum: UInt32, indexed: Int,
    fate: RecordFate, ticket: UInt64, mark: UInt64
  ) {
    self.mark = max(self.mark, mark)
    let octets = RecordHeader.span(payload: head.count + body.count)
    if batches.last.map({ $0.image.count + octets > LogLimits.batchOctetsMax }) ?? true {
      batches.append(spares.popLast() ?? Batch())
    }
    batches[batches.count - 1].append(
      type: type, head: head, body: body, checksum: checksum, indexed: indexed, fate: fate, ticket: ticket)
  }

  mutating func take() -> Batch? {
    batches.isEmpty ? nil : batches.removeFirst()
  }

  mutating func recycle(_ batch: consuming Batch) {
    guard spares.count < 2 else { return }
    batch.removeAll()
    spares.append(batch)
  }

  /// Spares that are too large to be kept for long.
  var hasLargeSpares: Bool { spares.contains { $0.image.capacity > LogLimits.spareOctetsMax } }

  mutating func dropLargeSpares() {
    spares.removeAll { $0.image.capacity > LogLimits.spareOctetsMax }
  }
}
