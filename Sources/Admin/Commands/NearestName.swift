// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Finds what somebody probably meant: the name with the fewest slips of the finger between it and the word.
package enum NearestName {
  /// Longest word that is compared; whatever is longer is no misspelt name of ours.
  package static let charactersMax = 64

  /// nil if nothing is near: more than one slip in three characters is another word.
  package static func of(_ word: String, among names: some Sequence<String>) -> String? {
    guard !word.isEmpty, word.utf8.count <= charactersMax else { return nil }
    var best: (name: String, distance: Int)?
    for name in names {
      let distance = distance(Array(word.utf8), Array(name.utf8))
      if distance < best?.distance ?? (max(word.utf8.count, name.utf8.count) + 2) / 3 + 1 { best = (name, distance) }
    }
    return best?.name
  }

  /// Insertions, deletions, replacements and swapped neighbours (optimal string alignment).
  private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var before: [Int] = []
    var last = Array(0...right.count)
    for i in 0..<left.count {
      var row = [i + 1]
      for j in 0..<right.count {
        var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (left[i] == right[j] ? 0 : 1))
        if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] { cost = min(cost, before[j - 1] + 1) }
        row.append(cost)
      }
      (before, last) = (last, row)
    }
    return last[right.count]
  }
}
