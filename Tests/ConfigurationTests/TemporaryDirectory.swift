// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A directory of one test's files, removed with it.
final class TemporaryDirectory {
  let path: String

  init(_ files: [String: String] = [:]) throws {
    var template = Array("/tmp/postern-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw CocoaError(.fileWriteUnknown) }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    for (name, text) in files { try write(text, to: name) }
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  func write(_ text: String, to name: String) throws {
    let file = URL(fileURLWithPath: file(name))
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func contents(of name: String) throws -> String {
    try String(contentsOfFile: file(name), encoding: .utf8)
  }
}
