// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The names that a kind of file may hold, to help someone who wrote another.
///
/// What is accepted is decided by what the file's reader asks for, which may only ask for names of this list.
package struct KnownKeys: Sendable {
  /// By table; "" is the top of the file. NAME stands for a name that the admin chooses.
  package let tables: [(table: String, keys: [String])]
  /// Names of the whole design that this version does not have, so that a file written for a later one is understood.
  let later: [String: Set<String>]
  /// What stands before the first table and is none.
  let valuesAtTop: Set<String>

  func contains(_ key: String, in table: String) -> Bool {
    tables.contains { $0.table == table && $0.keys.contains(key) }
  }

  /// What to tell someone who wrote `key` in `table`.
  func hint(for key: String, in table: String) -> String? {
    if later[table]?.contains(key) == true { return "not in this version" }
    let wanted = key.lowercased().split(separator: "-", omittingEmptySubsequences: false).joined(separator: "_")
    let here = Self.nearest(to: wanted, among: tables.first { $0.table == table }?.keys ?? [])
    var best = here?.distance ?? Int.max
    var elsewhere: [(key: String, table: String)] = []
    for (other, keys) in tables where other != table {
      guard let found = Self.nearest(to: wanted, among: keys), found.distance <= best else { continue }
      // As near as a key of this table is not nearer.
      if let here, found.distance >= here.distance { continue }
      if found.distance < best { elsewhere = [] }
      best = found.distance
      elsewhere.append((found.name, other))
    }
    guard let first = elsewhere.first else { return here.map { "did you mean \(quoted($0.name, in: table))?" } }
    if first.table.isEmpty, !valuesAtTop.contains(first.key) { return "did you mean \(quoted(first.key, in: ""))?" }
    let places = Self.list(elsewhere.map { Self.title($0.table) }, last: "or")
    return best == 0 ? "'\(first.key)' belongs \(places)" : "did you mean '\(first.key)' \(places)?"
  }

  /// The name of `names` that is spelled most like `wanted`, if any is like it at all.
  static func nearest(to wanted: String, among names: [String]) -> (name: String, distance: Int)? {
    let distances = names.map { (name: $0, distance: editDistance(wanted, $0)) }
    guard let best = distances.min(by: { $0.distance < $1.distance }) else { return nil }
    return best.distance <= max(1, min(wanted.count, best.name.count) / 3) ? best : nil
  }

  /// "in [queue]"; the top of the file has no name of its own.
  private static func title(_ table: String) -> String {
    switch table {
    case "": "before the first table"
    case "client", "route", "refuse", "rule": "in [[\(table)]]"
    default: "in [\(table)]"
    }
  }

  /// "a, b or c".
  static func list(_ words: [String], last: String) -> String {
    words.count < 2
      ? words.joined() : words.dropLast().joined(separator: ", ") + " \(last) " + words[words.count - 1]
  }

  /// A name as it is written: the tables of the top level as headers.
  private func quoted(_ name: String, in table: String) -> String {
    guard table.isEmpty, !valuesAtTop.contains(name) else { return "'\(name)'" }
    switch name {
    case "upstream", "listen": return "[\(name).NAME]"
    case "client", "route", "refuse", "rule": return "[[\(name)]]"
    default: return "[\(name)]"
    }
  }

  /// Insertions, removals, replacements and swaps of neighbours (optimal string alignment).
  static func editDistance(_ one: String, _ other: String) -> Int {
    let a = Array(one.utf8)
    let b = Array(other.utf8)
    guard max(a.count, b.count) <= ConfigurationLimits.nameOctetsMax else { return .max }
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var cost = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
        row.append(cost)
      }
      (beforeLast, last) = (last, row)
    }
    return last[b.count]
  }
}
