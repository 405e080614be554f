// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc

/// Directories of this machine for Tab; the daemon may be on the same one, and sees others.
enum DirectoryCandidates {
  private static let namesMax = 200

  /// Those whose path begins so. A name that would need quotes is left to be typed.
  static func beginning(with typed: String) -> [CandidateReply] {
    let end = typed.lastIndex(of: "/").map { typed.index(after: $0) } ?? typed.startIndex
    let (parent, name) = (String(typed[..<end]), typed[end...])
    guard let stream = opendir(parent.isEmpty ? "." : parent) else { return [] }
    defer { closedir(stream) }
    var candidates: [CandidateReply] = []
    while let entry = readdir(stream), candidates.count < namesMax {
      let found = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      guard found.hasPrefix(name), found != ".", found != "..", !found.hasPrefix(".") || name.hasPrefix("."),
        TypedLine.quoted(found) == found, isDirectory(parent + found)
      else { continue }
      candidates.append(CandidateReply(text: "\(parent)\(found)/", summary: "", isWhole: false))
    }
    return candidates.sorted { $0.text < $1.text }
  }

  private static func isDirectory(_ path: String) -> Bool {
    var facts = stat()
    return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
  }
}
