// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What recovery found and where the log goes on.
package struct RecoveredLog: Sendable {
  /// Numbers of the segments of this log on disk, ascending.
  package internal(set) var segments: [UInt32] = []
  /// Those of them in which nothing stands, not even a header: given up while they were made.
  var unbegun: [UInt32] = []
  /// Size of each of their files.
  package internal(set) var segmentOctets: [UInt32: Int] = [:]
  /// Numbers of all files that have the name of a segment, ascending.
  package internal(set) var files: [UInt32] = []
  package internal(set) var records = 0
  package internal(set) var octets = 0
  /// Octets that count for nothing from now on: torn records of a sync that nobody was told of.
  package internal(set) var voids: [VoidRegion] = []
  /// Places where the last sync of the log was torn, the end of the last segment included.
  package internal(set) var tornRecords = 0
  package internal(set) var torn: [LogDamage] = []
  package internal(set) var damages: [LogDamage] = []
  /// Copies of segment headers that cost nothing, because the other copy is intact.
  package internal(set) var badCopies: [Position] = []
  /// The highest mark in any segment header.
  package internal(set) var mark: UInt64 = 0
  /// Identity of the spool; 0 if it is empty or older than version 3.
  package internal(set) var spool: UInt64 = 0
  /// Where the last segment was made; empty if it does not say so.
  package internal(set) var host = ""
  /// Segments that were put aside with their damage; octets of quarantined messages may be in them.
  package internal(set) var setAside: Set<UInt32> = []

  var nextSegment: UInt32 = 1
  var nextSync: UInt64 = 1
  var nextSequence: UInt64 = 1
  var lastDurableSync: UInt64 = 0
  /// The first segment that had a header once; those before it were never begun.
  var firstBegun: UInt32 = 0
  /// The lowest segment that is needed and not under its name: it may come back.
  var awaited: UInt32?

  /// An empty log.
  package init() {}

  /// The owner knows that this segment was needed when the last records were written: if it is not there, the head of the
  /// log is missing.
  package mutating func require(_ segment: UInt32) {
    guard segment != 0, segment < nextSegment, !segments.contains(segment), !setAside.contains(segment) else { return }
    let end = segments.first { $0 > segment } ?? nextSegment
    let missing = (segment..<end).filter { !setAside.contains($0) }.prefix(LogLimits.missingSegmentsMax)
    awaited = min(awaited ?? segment, segment)
    damages.append(
      LogDamage(kind: .missingHead(Array(missing)), name: SegmentName.text(segment), segment: segment, offset: 0))
  }

  /// Whether the last segment was made on a machine of another name.
  package func comes(fromOtherThan host: String) -> Bool {
    !self.host.isEmpty && self.host != SegmentHeader.printable(host)
  }
}

/// Octets that were once durable and are not what was written, or files that are not what they should be.
package struct LogDamage: Sendable, Equatable {
  package enum Kind: Sendable, Hashable {
    /// Records are not what was written.
    case record
    /// Numbers of records are missing, and where these stood there is nothing.
    case gap
    /// Segments that should stand behind this one are not there; the records that are missing may be in them.
    case missing([UInt32])
    /// The same at the beginning of the log.
    case missingHead([UInt32])
    /// The file is shorter than the segment was; `of` is nil if nobody knows how long that was.
    case cutShort(to: Int, of: Int?)
    /// Neither copy of the header can be read, so nothing of the segment can.
    case unreadableHeader
    /// Our segment of this number under another name. Not read.
    case misnamed(UInt32)
    /// A second copy of our segment of this number. Not read.
    case duplicate(UInt32)
    /// A segment of ours that was not needed any more; somebody has put it back. Not read: its mail is finished.
    case retired(UInt32)
    /// A segment of another spool, made on this host. Not read.
    case foreign(spool: UInt64, host: String)
    /// The index of a segment, which costs nothing: the records count.
    case index
  }

  package var kind: Kind
  /// Of the file.
  package var name: String
  /// The number that the name says.
  package var segment: UInt32
  package var offset: Int
  /// Octets of the segment in which the missing records stood.
  package var octets = 0
  /// Records that are missing, as their sequence numbers tell.
  package var records: UInt64 = 0
  /// Type and first octets of the record, or of the first of those that are missing, as far as they can be told. The
  /// octets may be wrong.
  package var type: UInt8?
  package var payloadStart: [UInt8] = []

  /// Whether octets of our log are lost there, so that the segment must be kept for an admin.
  package var isLoss: Bool {
    switch kind {
    case .record, .gap, .missing, .cutShort, .unreadableHeader: true
    case .missingHead, .misnamed, .duplicate, .retired, .foreign, .index: false
    }
  }
}
