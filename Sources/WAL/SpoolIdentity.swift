// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Finds out whose segments stand in a directory. Only `SegmentInventory` asks, with what it found; it reads headers and
/// nothing else. Where the headers do not say it clearly, nobody guesses: mail of another spool would be sent, or ours
/// left, and an admin who moves files away costs less.
enum SpoolIdentity {
  /// 0 if no header says it. Throws if several may be the one.
  static func own(of found: [SegmentInventory.Segment]) throws(LogError) -> UInt64 {
    let headers = found.compactMap { $0.header?.number == $0.number ? $0.header : nil }
    let spools = Dictionary(grouping: headers, by: \.spool)
    // A file under a wrong name says whose it was if nothing better is there.
    guard let newest = headers.last(where: { $0.spool != 0 }) else {
      return headers.isEmpty ? found.last { $0.header != nil }?.header?.spool ?? 0 : 0
    }
    let named = spools.filter { $0.key != 0 }
    let rivals = named.filter { $0.key != newest.spool }.values
    let own = named[newest.spool]!
    let isClear = rivals.allSatisfy { $0.count < own.count && !isWhole($0) }
    guard rivals.isEmpty || (isWhole(own) && isClear), continues(own[0], spools[0] ?? []) else {
      throw LogError.mixed(spools.sorted { $0.value[0].number < $1.value[0].number }.map { name($0.value) })
    }
    return newest.spool
  }

  /// Whether it has the segment that was its lowest when the newest was made.
  private static func isWhole(_ spool: [SegmentHeader]) -> Bool {
    spool.contains { $0.number == spool[spool.count - 1].floor }
  }

  /// Segments of earlier versions do not say whose they are: what follows them must go on where they end.
  private static func continues(_ first: SegmentHeader, _ earlier: [SegmentHeader]) -> Bool {
    guard let last = earlier.last else { return true }
    return first.number > last.number && first.floor <= last.number && first.firstSync > last.firstSync
      && first.firstSequence >= last.firstSequence && first.lastDurableSync >= last.lastDurableSync
  }

  private static func name(_ spool: [SegmentHeader]) -> String {
    let files = SegmentName.text(spool[0].number) + (spool.count > 1 ? " and \(spool.count - 1) more" : "")
    guard spool[0].spool != 0 else { return "\(files) of an earlier version" }
    return "\(files) of spool \(String(spool[0].spool, radix: 16)), made on \(spool[0].host)"
  }
}
