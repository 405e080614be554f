// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Glibc

/// The files of the history: `YYYYMMDD`, then `YYYYMMDD.1` and so on where a day has more than one of them holds. It knows
/// their names and their bounds, and nothing of what is in them.
struct HistoryDirectory: Sendable {
  /// All files together, which is for ever the most that the history takes from the mail's disk.
  static let octetsMax = 64 << 20
  /// One file: what a search holds in memory, and the step in which the oldest lines go.
  static let fileOctetsMax = 4 << 20

  let path: String
  var octetsMax = HistoryDirectory.octetsMax
  var fileOctetsMax = HistoryDirectory.fileOctetsMax

  /// In the order of time.
  struct File: Sendable, Hashable, Comparable {
    /// `YYYYMMDD`.
    var day: String
    var part: Int

    init(day: String, part: Int = 0) {
      self.day = day
      self.part = part
    }

    /// nil: some other file, which is left alone.
    init?(name: String) {
      let words = name.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
      guard words[0].utf8.count == 8, words[0].utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
      day = String(words[0])
      part = 0
      if words.count == 2 {
        guard let number = Int(words[1]), number > 0, String(number) == words[1] else { return nil }
        part = number
      }
    }

    var name: String { part == 0 ? day : "\(day).\(part)" }

    static func < (left: File, right: File) -> Bool { (left.day, left.part) < (right.day, right.part) }
  }

  /// The day of a wall time, in UTC.
  static func day(_ milliseconds: Int64) -> String {
    let date = Timestamp(milliseconds: milliseconds).description.utf8.prefix(10)
    return String(decoding: date.filter { $0 != UInt8(ascii: "-") }, as: UTF8.self)
  }

  func path(of file: File) -> String { "\(path)/\(file.name)" }

  /// Nobody but us reads who wrote to whom.
  func make() throws(HistoryError) {
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw HistoryError("make \(path)", errno) }
  }

  /// Oldest first; none if there is no directory.
  func files() throws(HistoryError) -> [File] {
    guard let stream = opendir(path) else {
      if errno == ENOENT { return [] }
      throw HistoryError("open \(path)", errno)
    }
    defer { closedir(stream) }
    var files: [File] = []
    while true {
      // readdir tells the end and an error apart by errno alone.
      errno = 0
      guard let entry = readdir(stream) else {
        guard errno == 0 else { throw HistoryError("read \(path)", errno) }
        return files.sorted()
      }
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if let file = File(name: name) { files.append(file) }
    }
  }

  /// Removes what is older than `keep` milliseconds, and the oldest until another file finds room; everything if `keep`
  /// is nil.
  func trim(keep: Int64?, now: Int64) throws(HistoryError) {
    var files = try files()
    let oldest = keep.map { Self.day(now - $0) }
    while let file = files.first, oldest.map({ file.day < $0 }) ?? true {
      try remove(file)
      files.removeFirst()
    }
    var octets = files.reduce(0) { $0 + size(of: $1) }
    for file in files where octets > octetsMax - fileOctetsMax {
      octets -= size(of: file)
      try remove(file)
    }
  }

  func size(of file: File) -> Int {
    var facts = stat()
    return lstat(path(of: file), &facts) == 0 ? Int(facts.st_size) : 0
  }

  private func remove(_ file: File) throws(HistoryError) {
    guard unlink(path(of: file)) == 0 || errno == ENOENT else {
      throw HistoryError("remove \(path(of: file))", errno)
    }
  }
}

/// The history cannot be kept or read. Never the mail's trouble.
struct HistoryError: Error, CustomStringConvertible {
  let description: String

  init(_ attempt: String, _ code: Int32) {
    description = "cannot \(attempt): \(String(cString: strerror(code)))"
  }
}
