// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc

/// Lines of a file or of standard input, each as soon as it is there, so that another program can write commands and
/// read answers in turn.
final class InputLines {
  /// For errors; nil for standard input.
  let path: String?
  private let descriptor: Int32
  private var pending: [UInt8] = []
  private var isEnded = false

  /// A command is far below; what is longer is no script.
  private static let lineOctetsMax = 65_536

  static var standard: InputLines { InputLines(descriptor: STDIN_FILENO, path: nil) }

  convenience init(path: String) throws(AdminError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else {
      throw AdminError(
        "script.unreadable", "cannot read \(path): \(SystemCallError(errno: errno))", exit: .noInput)
    }
    self.init(descriptor: descriptor, path: path)
  }

  private init(descriptor: Int32, path: String?) {
    self.descriptor = descriptor
    self.path = path
  }

  deinit { if descriptor != STDIN_FILENO { close(descriptor) } }

  var isStandardInput: Bool { path == nil }

  /// Without its end; nil behind the last one.
  func next() throws(AdminError) -> String? {
    var searched = 0
    while true {
      if let end = pending[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { pending.removeFirst(end + 1) }
        return Self.text(pending[..<end])
      }
      searched = pending.count
      if isEnded {
        guard !pending.isEmpty else { return nil }
        defer { pending = [] }
        return Self.text(pending[...])
      }
      guard pending.count <= Self.lineOctetsMax else {
        throw AdminError(
          "script.line_too_long", "a line of a script has at most \(Self.lineOctetsMax) octets", exit: .dataError)
      }
      try fill()
    }
  }

  private func fill() throws(AdminError) {
    var buffer = [UInt8](repeating: 0, count: 16_384)
    let count = read(descriptor, &buffer, buffer.count)
    if count > 0 {
      pending += buffer[..<count]
    } else if count == 0 {
      isEnded = true
    } else if errno != EINTR {
      throw AdminError(
        "script.unreadable", "cannot read \(path ?? "standard input"): \(SystemCallError(errno: errno))",
        exit: .noInput)
    }
  }

  private static func text(_ line: ArraySlice<UInt8>) -> String {
    String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
  }
}
