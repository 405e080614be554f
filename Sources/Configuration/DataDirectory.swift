// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A directory of data files `NAME.toml`. That it does not exist means that it has none.
struct DataDirectory {
  private let path: String

  init(_ path: String) {
    self.path = path
  }

  /// In the order of their octets, without the suffix.
  func names() -> [String] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let file = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: $0.pointee)) { String(cString: $0) }
      }
      let name = String(file.dropLast(Self.suffix.count))
      if file.hasSuffix(Self.suffix), Name.isValid(name) { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// nil where there is no such file. `order` is its place among errors.
  func read(_ name: String, order: Int) throws(ConfigurationError) -> SourceFile? {
    try SourceFile.read("\(path)/\(name)\(Self.suffix)", order: order)
  }

  private static let suffix = ".toml"
}
