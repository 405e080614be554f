// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The history as the writer's thread sees it: the file that is open, which one comes next, and when old ones go.
struct HistoryBook {
  private let directory: HistoryDirectory
  private var current: HistoryFile?
  /// What was last tidied up for.
  private var trimmed: (day: String, keep: Int64?)?

  init(_ directory: HistoryDirectory) {
    self.directory = directory
  }

  /// Removes what is too old, when there is a reason: a start, a new day, another bound.
  mutating func turn(keep: Int64?, now: Int64) throws(HistoryError) {
    let day = HistoryDirectory.day(now)
    if let trimmed, trimmed.day == day, trimmed.keep == keep { return }
    if keep == nil { current = nil }
    try directory.trim(keep: keep, now: now)
    trimmed = (day, keep)
  }

  /// Adds whole lines to the file of the day.
  mutating func append(_ lines: [UInt8], now: Int64) throws(HistoryError) {
    let day = HistoryDirectory.day(now)
    if current == nil || current!.file.day != day || current!.octets + lines.count > directory.fileOctetsMax {
      try open(day, room: lines.count, now: now)
    }
    do throws(HistoryError) {
      try current!.append(lines)
    } catch {
      // Whoever took the directory away may have put it back.
      current = nil
      throw error
    }
  }

  private mutating func open(_ day: String, room: Int, now: Int64) throws(HistoryError) {
    current = nil
    try directory.make()
    var last = try directory.files().last { $0.day == day } ?? HistoryDirectory.File(day: day)
    let octets = directory.size(of: last)
    if octets > 0, octets + room > directory.fileOctetsMax {
      last.part += 1
      try directory.trim(keep: trimmed?.keep ?? now, now: now)
    }
    current = try HistoryFile(last, in: directory)
  }
}
