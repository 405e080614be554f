// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The names that a configuration may hold, to help someone who wrote another.
///
/// What is accepted is decided by what `ConfigurationReader` asks for, which may only ask for names of this list.
package enum KnownKeys {
  /// By table; "" is the top of the file. NAME stands for a name that the admin chooses.
  package static let now: [(table: String, keys: [String])] = [
    (
      "",
      [
        "hostname", "postmaster", "upstream", "listen", "access", "client", "message", "queue", "bounce", "tls",
        "control", "log",
      ]
    ),
    (
      "upstream.NAME",
      [
        "provider", "host", "port", "tls", "allow_insecure", "tls_verify", "ca_file", "username", "auth", "credential",
        "max_connections", "max_per_connection", "capture_directory",
      ]
    ),
    ("listen.NAME", ["address", "port", "tls", "max_sessions", "max_sessions_per_client"]),
    ("access", ["trusted", "auth_failures", "users_file"]),
    ("client", ["name", "address", "allow"]),
    ("message", ["max_size", "max_recipients"]),
    (
      "queue",
      ["directory", "retry", "lifetime", "warn_after", "history_keep", "dropped_keep", "min_free", "max_messages"]
    ),
    ("bounce", ["to"]),
    ("tls", ["certificate", "key", "minimum"]),
    ("control", ["directory"]),
    ("log", ["level"]),
  ]

  /// Names of the whole design that this version does not have, so that a file written for a later one is understood.
  private static let later: [String: Set<String>] = [
    "": ["route", "sender", "archive", "aliases", "metrics", "alert"],
    "upstream.NAME": [
      "lookup", "tls_pins", "senders", "rewrite", "null_sender", "priority", "rate", "quota", "client_certificate",
      "ip_version", "source_address", "helo", "oauth", "region",
    ],
    "access": ["deny", "allow_public_trusted"],
    "client": ["from", "rate", "allow_to"],
    "message": [],
    "queue": [],
    "tls": ["names", "client_ca"],
    "log": ["style", "addresses"],
  ]

  /// What stands before the first table and is none.
  private static let valuesAtTop: Set<String> = ["hostname", "postmaster"]

  static func contains(_ key: String, in table: String) -> Bool {
    now.contains { $0.table == table && $0.keys.contains(key) }
  }

  /// What to tell someone who wrote `key` in `table`.
  static func hint(for key: String, in table: String) -> String? {
    if later[table]?.contains(key) == true { return "not in this version" }
    let wanted = key.lowercased().split(separator: "-", omittingEmptySubsequences: false).joined(separator: "_")
    let here = nearest(to: wanted, among: now.first { $0.table == table }?.keys ?? [])
    var best = here?.distance ?? Int.max
    var elsewhere: [(key: String, table: String)] = []
    for (other, keys) in now where other != table {
      guard let found = nearest(to: wanted, among: keys), found.distance <= best else { continue }
      // As near as a key of this table is not nearer.
      if let here, found.distance >= here.distance { continue }
      if found.distance < best { elsewhere = [] }
      best = found.distance
      elsewhere.append((found.name, other))
    }
    guard let first = elsewhere.first else { return here.map { "did you mean \(quoted($0.name, in: table))?" } }
    if first.table.isEmpty, !valuesAtTop.contains(first.key) { return "did you mean \(quoted(first.key, in: ""))?" }
    let places = list(elsewhere.map { title($0.table) }, last: "or")
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
    case "client": "in [[client]]"
    default: "in [\(table)]"
    }
  }

  /// "a, b or c".
  static func list(_ words: [String], last: String) -> String {
    words.count < 2
      ? words.joined() : words.dropLast().joined(separator: ", ") + " \(last) " + words[words.count - 1]
  }

  /// A name as it is written: the tables of the top level as headers.
  private static func quoted(_ name: String, in table: String) -> String {
    guard table.isEmpty, !valuesAtTop.contains(name) else { return "'\(name)'" }
    switch name {
    case "upstream", "listen": return "[\(name).NAME]"
    case "client": return "[[client]]"
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
