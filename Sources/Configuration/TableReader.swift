// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Gathers every problem of a configuration, and every table that was opened.
///
/// A final class because the readers of all tables write into the one list; it lives as long as one load.
final class Findings {
  private(set) var errors: [ConfigurationError] = []
  fileprivate var tables: [TableReader] = []
  private let source: SourceFile

  init(about source: SourceFile) {
    self.source = source
  }

  /// A nil place means the configuration as a whole.
  func add(_ message: String, at place: ConfigurationDocument.Place?, hint: String? = nil) {
    guard errors.count < ConfigurationLimits.errorsMax else { return }
    if let place {
      errors.append(ConfigurationError(at: place.range, of: place.source, message: message, hint: hint))
    } else {
      errors.append(ConfigurationError(file: source.path, message: message, hint: hint))
    }
  }

  /// About another file.
  func add(_ error: ConfigurationError) {
    guard errors.count < ConfigurationLimits.errorsMax else { return }
    errors.append(error)
  }

  /// To be called when everything was asked for: what nobody asked for is unknown.
  func reportUnknownKeys() {
    for table in tables { table.reportUnknownKeys() }
    // They hold these findings.
    tables = []
  }
}

/// Hands out the values of one table by key, checked and converted, and remembers what was asked for.
///
/// A problem goes to the findings and the value stays what it was, so that reading goes on and all is told at once.
final class TableReader {
  typealias Document = ConfigurationDocument

  /// The table with NAME for names that the admin chose, as in `KnownKeys`.
  let shape: String
  /// "upstream.gmail"; "" is the top of the file.
  let name: String
  /// The header; nil if the table is absent, or the top of the file.
  let place: Document.Place?
  /// Whose password somebody means who writes one here.
  var credential = "NAME"

  private let keys: KnownKeys
  private let findings: Findings
  private let entries: [String: Document.Entry]
  private var asked: Set<String> = []

  /// "[upstream.gmail]"
  let title: String

  private init(
    shape: String, name: String, isElement: Bool = false, place: Document.Place?, entries: [String: Document.Entry],
    keys: KnownKeys, findings: Findings
  ) {
    title = isElement ? "[[\(name)]]" : "[\(name)]"
    self.keys = keys
    self.shape = shape
    self.name = name
    self.place = place
    self.entries = entries
    self.findings = findings
    findings.tables.append(self)
  }

  /// The top of the file.
  convenience init(_ document: Document, keys: KnownKeys, findings: Findings) {
    var entries: [String: Document.Entry] = [:]
    if case .table(let all) = document.root.value { entries = all }
    self.init(shape: "", name: "", place: nil, entries: entries, keys: keys, findings: findings)
  }

  // MARK: Values

  /// The value of a key; nil if it is absent or wrong.
  func read<Value>(_ key: String, _ reader: ValueReader<Value>) -> Value? {
    guard let entry = entry(key) else { return nil }
    var problems: [ValueProblem] = []
    let value = reader.read(entry.node, &problems)
    for problem in problems {
      findings.add(problem.message(key), at: problem.place, hint: problem.hint)
    }
    return problems.isEmpty ? value : nil
  }

  /// Replaces a default by what the file says.
  func read<Value>(_ key: String, _ reader: ValueReader<Value>, into value: inout Value) {
    if let found = read(key, reader) { value = found }
  }

  /// The place of a key's value; nil if the key is absent.
  func place(of key: String) -> Document.Place? {
    entries[key]?.node.place
  }

  /// Whether the table has an unknown key that is almost this one, which is told anyway.
  func misspells(_ key: String) -> Bool {
    entries.keys.contains { written in
      !keys.contains(written, in: shape) && KnownKeys.nearest(to: written.lowercased(), among: [key]) != nil
    }
  }

  func add(_ message: String, at key: String? = nil, hint: String? = nil) {
    findings.add(message, at: key.flatMap { place(of: $0) } ?? place, hint: hint)
  }

  // MARK: Tables

  /// `[KEY]`; a table without keys where it is absent.
  func table(_ key: String) -> TableReader {
    let shape = self.shape.isEmpty ? key : "\(self.shape).\(key)"
    let name = self.name.isEmpty ? key : "\(self.name).\(key)"
    guard let entry = entry(key) else { return open(shape: shape, name: name, place: nil, [:]) }
    return open(shape: shape, name: name, entry, instead: "write [\(name)] and its keys on lines of their own")
  }

  /// `[KEY.NAME]`, in the order of the files.
  func namedTables(_ key: String) -> [(name: String, table: TableReader)] {
    guard let parent = entry(key) else { return [] }
    guard case .table(let children) = parent.node.value else {
      findings.add("'\(key)' must be tables, each with a name", at: parent.key, hint: "write [\(key).NAME]")
      return []
    }
    return children.sorted { $0.value.key < $1.value.key }.compactMap { name, entry in
      if case .table = entry.node.value {
        let reader = open(shape: "\(key).NAME", name: "\(key).\(name)", entry, instead: "")
        if !Name.isValid(name) {
          reader.add("'\(name)' cannot be the name of a table in [\(key)]", hint: Name.rule)
        }
        return (name, reader)
      }
      if isSecret(name) {
        reportSecret(name, entry)
      } else if entry.brackets != nil {
        findings.add("[[\(key).\(name)]] must be one table", at: entry.header, hint: "write [\(key).\(name)]")
      } else {
        findings.add("unknown key '\(name)' in [\(key)]", at: entry.key, hint: "the table needs a name: [\(key).NAME]")
      }
      return nil
    }
  }

  /// `[[KEY]]`, in the order of the file.
  func tables(_ key: String) -> [TableReader] {
    guard let parent = entry(key) else { return [] }
    guard case .array(let elements) = parent.node.value else {
      findings.add("'\(key)' must be a list of tables", at: parent.header, hint: "write [[\(key)]]")
      return []
    }
    return elements.compactMap { element in
      let entry = Document.Entry(key: element.place, node: element)
      guard case .table(let entries) = element.value else {
        findings.add("'\(key)' must be a list of tables", at: element.place, hint: "write [[\(key)]]")
        return nil
      }
      return TableReader(
        shape: key, name: key, isElement: true, place: entry.header, entries: entries, keys: keys, findings: findings)
    }
  }

  private func open(shape: String, name: String, _ entry: Document.Entry, instead: String) -> TableReader {
    guard case .table(let entries) = entry.node.value else {
      findings.add("'\(name)' must be a table", at: entry.header, hint: instead)
      return open(shape: shape, name: name, place: nil, [:])
    }
    return open(shape: shape, name: name, place: entry.header, entries)
  }

  private func open(
    shape: String, name: String, place: Document.Place?, _ entries: [String: Document.Entry]
  ) -> TableReader {
    TableReader(shape: shape, name: name, place: place, entries: entries, keys: keys, findings: findings)
  }

  private func entry(_ key: String) -> Document.Entry? {
    precondition(keys.contains(key, in: shape), "\(key) is missing in KnownKeys")
    asked.insert(key)
    return entries[key]
  }

  // MARK: What nobody asked for

  fileprivate func reportUnknownKeys() {
    for (key, entry) in entries where !asked.contains(key) {
      let hint = keys.hint(for: key, in: shape)
      if isSecret(key) {
        reportSecret(key, entry)
      } else if let brackets = entry.brackets {
        let table = shape.isEmpty ? key : "\(name).\(key)"
        findings.add("unknown table \(brackets.open)\(table)\(brackets.close)", at: entry.header, hint: hint)
      } else {
        let table = shape.isEmpty ? "before the first table" : "in \(title)"
        findings.add("unknown key '\(key)' \(table)", at: entry.key, hint: hint)
      }
      reportSecrets(in: entry.node)
    }
  }

  /// A secret stands in the file also where the table around it is unknown.
  private func reportSecrets(in node: Document.Node) {
    switch node.value {
    case .table(let entries):
      for (key, entry) in entries {
        if isSecret(key) { reportSecret(key, entry) }
        reportSecrets(in: entry.node)
      }
    case .array(let elements): elements.forEach(reportSecrets)
    default: return
    }
  }

  private func reportSecret(_ key: String, _ entry: Document.Entry) {
    let kind = key.lowercased().contains("client") ? "client-secret" : "password"
    findings.add(
      "'\(key)' does not belong in this file", at: entry.key,
      hint: """
        write it alone into /etc/postern/credentials/\(credential).\(kind) (mode 0640, root:postern), \
        then delete this line; it is in backups of this file now, consider a new one
        """)
  }

  private func isSecret(_ key: String) -> Bool {
    namesSecret(key) || ["pass", "pwd", "passwd"].contains(key.lowercased())
      || KnownKeys.editDistance(key.lowercased(), "password") <= 2
  }
}

extension ConfigurationDocument.Place: Comparable {
  static func < (one: Self, other: Self) -> Bool {
    (one.source.order, one.range.line, one.range.column) < (other.source.order, other.range.line, other.range.column)
  }
}

extension ConfigurationDocument.Entry {
  /// The brackets of a table that has a header of its own.
  fileprivate var brackets: (open: String, close: String)? {
    let text = node.place.source.line(node.place.range.line).unicodeScalars.dropFirst(node.place.range.column - 1)
    switch node.value {
    case .table where text.first == "[": return ("[", "]")
    case .array(let elements):
      guard let first = elements.first, case .table = first.value, text.starts(with: "[[".unicodeScalars) else {
        return nil
      }
      return ("[[", "]]")
    default: return nil
    }
  }

  /// The header of a table, or the key where it has none.
  fileprivate var header: ConfigurationDocument.Place {
    var place = node.place
    let line = place.source.line(place.range.line).unicodeScalars
    let header = line.dropFirst(place.range.column - 1).prefix { $0 != "#" }
    guard brackets != nil, let end = header.lastIndex(of: "]") else { return key }
    place.range.endLine = place.range.line
    place.range.endColumn = place.range.column + header.distance(from: header.startIndex, to: end) + 1
    return place
  }
}
