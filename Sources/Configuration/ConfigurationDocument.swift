// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import CToml
import Glibc

/// What stands in the configuration's files, merged, each key and value with its place.
///
/// The main file comes first, then `conf.d/*.toml` beside it in lexical order: tables merge, anything else is replaced,
/// the later file wins. It knows TOML and nothing of what the keys mean.
struct ConfigurationDocument {
  /// The main file.
  let source: SourceFile
  private(set) var root: Node

  struct Place: Equatable {
    var source: SourceFile
    var range: SourceRange

    static func == (one: Place, other: Place) -> Bool { one.source === other.source && one.range == other.range }
  }

  struct Node {
    var value: Value
    var place: Place
    /// The text as it stands in the file.
    var seen: String { place.source.text(in: place.range) }
  }

  indirect enum Value {
    case table([String: Entry])
    case array([Node])
    case string(String)
    case integer(Int64)
    case boolean(Bool)
    case float, dateTime
  }

  /// One key of a table.
  struct Entry {
    var key: Place
    var node: Node
  }

  /// Reads all files; every file that is not TOML gives its error.
  static func read(_ path: String) throws(ConfigurationErrors) -> ConfigurationDocument {
    var errors: [ConfigurationError] = []
    var documents: [ConfigurationDocument] = []
    func attempt(_ body: () throws(ConfigurationError) -> Void) {
      do { try body() } catch { errors.append(error) }
    }
    attempt { () throws(ConfigurationError) in
      guard let source = try SourceFile.read(path, order: 0) else {
        throw ConfigurationError(file: path, message: "cannot read the file: \(systemReason(ENOENT))")
      }
      documents.append(try ConfigurationDocument(source))
    }
    attempt { () throws(ConfigurationError) in
      for (index, path) in try dropIns(beside: path).enumerated() {
        attempt { () throws(ConfigurationError) in
          // A file that went away since the directory was read is like one that never was.
          guard let source = try SourceFile.read(path, order: index + 1) else { return }
          documents.append(try ConfigurationDocument(source))
        }
      }
    }
    guard errors.isEmpty else { throw ConfigurationErrors(errors) }
    return documents.dropFirst().reduce(into: documents[0]) { $0.root.merge($1.root) }
  }

  /// Parses one file.
  init(_ source: SourceFile) throws(ConfigurationError) {
    var parse = Parse(source: source)
    var text = source.text
    text.withUTF8 { octets in
      octets.withMemoryRebound(to: CChar.self) { octets in
        // `visit` and `fail` run before ctoml_walk returns, with the pointer that they are given here.
        withUnsafeMutablePointer(to: &parse) { pointer in
          ctoml_walk(
            octets.baseAddress, octets.count, pointer,
            { context, node in context!.assumingMemoryBound(to: Parse.self).pointee.add(node!.pointee) },
            { context, failure in context!.assumingMemoryBound(to: Parse.self).pointee.fail(failure!.pointee) })
        }
      }
    }
    if let error = parse.error { throw error }
    self.source = source
    root = parse.root()
  }

  /// The files of `conf.d` in the order of their names' octets.
  private static func dropIns(beside path: String) throws(ConfigurationError) -> [String] {
    let directory = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().map { $0 + "/" }.joined()
    let dropIns = directory + "conf.d"
    guard let stream = opendir(dropIns) else {
      if errno == ENOENT || errno == ENOTDIR { return [] }
      throw ConfigurationError(file: dropIns, message: "cannot read the directory: \(systemReason(errno))")
    }
    defer { closedir(stream) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: $0.pointee)) { String(cString: $0) }
      }
      if name.hasSuffix(".toml"), !name.hasPrefix(".") { names.append(name) }
      errno = 0
    }
    guard errno == 0 else {
      throw ConfigurationError(file: dropIns, message: "cannot read the directory: \(systemReason(errno))")
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { "\(dropIns)/\($0)" }
  }
}

extension ConfigurationDocument.Node {
  /// Tables merge and keep the place where they were written first; anything else is replaced.
  fileprivate mutating func merge(_ later: Self) {
    guard case .table(var entries) = value, case .table(let more) = later.value else {
      self = later
      return
    }
    for (name, entry) in more {
      guard entries[name] != nil else {
        entries[name] = entry
        continue
      }
      entries[name]!.node.merge(entry.node)
      if case .table = entry.node.value { continue }
      entries[name]!.key = entry.key
    }
    value = .table(entries)
  }
}

/// Gathers what the walk hands over; parents come before their children.
private struct Parse {
  typealias Document = ConfigurationDocument

  let source: SourceFile
  var error: ConfigurationError?
  private var nodes: [(key: String, keyPlace: Document.Place, node: Document.Node, children: Int)] = []

  init(source: SourceFile) {
    self.source = source
  }

  mutating func add(_ seen: ctoml_node) {
    let value: Document.Value =
      switch seen.kind {
      case CTOML_TABLE: .table([:])
      case CTOML_ARRAY: .array([])
      case CTOML_STRING: .string(String(seen.string))
      case CTOML_INTEGER: .integer(seen.integer)
      case CTOML_BOOLEAN: .boolean(seen.boolean)
      case CTOML_FLOAT: .float
      default: .dateTime
      }
    let node = Document.Node(value: value, place: place(seen.region))
    nodes.append((String(seen.key), place(seen.key_region), node, seen.children))
  }

  mutating func fail(_ failure: ctoml_failure) {
    let prefix = "Error while parsing "
    var text = String(failure.description)
    if text.hasPrefix(prefix) { text.removeFirst(prefix.count) }
    let range = place(failure.region).range
    // Inside text of several lines the place may be that of a password, of which the line says nothing.
    guard !source.text.contains("\"\"\""), !source.text.contains("'''") else {
      error = ConfigurationError(
        file: source.path, order: source.order, line: range.line, message: "syntax error: \(text)")
      return
    }
    let isValue = ["value:", "decimal", "floating", "boolean:", "date", "time"].contains { text.hasPrefix($0) }
    error = ConfigurationError(
      at: range, of: source, message: "syntax error: \(text)",
      hint: isValue ? #"all values but whole numbers, true and false stand in quotes: "5m", "25M""# : nil)
  }

  /// The tree, built from the flat list.
  func root() -> Document.Node {
    var next = 0
    return build(&next).node
  }

  private func build(_ next: inout Int) -> (name: String, key: Document.Place, node: Document.Node) {
    let flat = nodes[next]
    var node = flat.node
    next += 1
    switch node.value {
    case .table:
      var entries: [String: Document.Entry] = [:]
      for _ in 0..<flat.children {
        let child = build(&next)
        entries[child.name] = Document.Entry(key: child.key, node: child.node)
      }
      node.value = .table(entries)
    case .array:
      var elements: [Document.Node] = []
      for _ in 0..<flat.children { elements.append(build(&next).node) }
      node.value = .array(elements)
    default: break
    }
    return (flat.key, flat.keyPlace, node)
  }

  private func place(_ region: ctoml_region) -> Document.Place {
    Document.Place(
      source: source,
      range: SourceRange(
        line: max(1, Int(region.line)), column: max(1, Int(region.column)),
        endLine: max(1, Int(region.end_line)), endColumn: max(1, Int(region.end_column))))
  }
}

extension String {
  fileprivate init(_ text: ctoml_text) {
    self.init(decoding: UnsafeRawBufferPointer(start: text.octets, count: text.count), as: UTF8.self)
  }
}
