// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// One file as it was read: whole, UTF-8, and of a bounded size.
///
/// Values and errors refer to it for their lines. It never reads again.
final class SourceFile: Sendable {
  /// As the admin wrote it, so that errors can be clicked and found.
  let path: String
  /// Place among the files of one configuration: errors are told in this order.
  let order: Int
  let text: String
  private let lines: [Substring]

  init(path: String, order: Int, text: String) {
    self.path = path
    self.order = order
    self.text = text
    // On scalars: to Swift, CR LF is one character that is no "\n".
    lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { Substring($0) }
  }

  /// Reads a file; nil where there is none.
  static func read(_ path: String, order: Int) throws(ConfigurationError) -> SourceFile? {
    let octets: [UInt8]
    do {
      octets = try readOctets(path)
    } catch {
      if error.code == ENOENT { return nil }
      throw ConfigurationError(file: path, message: "cannot read the file: \(error.reason)")
    }
    guard let text = String(validating: octets, as: UTF8.self) else {
      let line = 1 + octets.prefix(firstIllFormed(in: octets)).count { $0 == 0x0A }
      throw ConfigurationError(file: path, line: line, message: "the file is not UTF-8")
    }
    return SourceFile(path: path, order: order, text: text)
  }

  /// A line by its number, from 1; empty where there is none.
  func line(_ number: Int) -> Substring {
    lines.indices.contains(number - 1) ? lines[number - 1] : ""
  }

  /// The text between two columns of one line, or up to the line's end where the range goes further.
  func text(in range: SourceRange) -> String {
    let scalars = line(range.line).unicodeScalars
    return String(scalars.dropFirst(range.column - 1).prefix(max(1, range.lastColumn(in: self) - range.column)))
  }

  private struct ReadingProblem: Error {
    var code: Int32
    var reason: String

    static func system(_ code: Int32) -> Self { Self(code: code, reason: systemReason(code)) }
  }

  private static let pieceOctets = 16_384

  private static func readOctets(_ path: String) throws(ReadingProblem) -> [UInt8] {
    // O_NONBLOCK: a FIFO must not hold us up.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .system(errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .system(errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .init(code: 0, reason: "it is not a regular file") }
    let max = ConfigurationLimits.fileOctetsMax
    // Files of procfs say that they have no octets, so the count that matters is of what came.
    var octets: [UInt8] = []
    while octets.count <= max {
      let count = withUnsafeTemporaryAllocation(byteCount: pieceOctets, alignment: 1) { piece in
        let count = Glibc.read(descriptor, piece.baseAddress!, piece.count)
        octets.append(contentsOf: piece.prefix(Swift.max(0, count)))
        return count
      }
      if count == 0 { break }
      if count < 0, errno != EINTR { throw .system(errno) }
    }
    guard octets.count <= max else { throw .init(code: 0, reason: "it is larger than \(max >> 20) MiB") }
    return octets
  }

  private static func firstIllFormed(in octets: [UInt8]) -> Int {
    var decoder = UTF8()
    var rest = octets.makeIterator()
    var offset = 0
    while case .scalarValue(let scalar) = decoder.decode(&rest) { offset += UTF8.width(scalar) }
    return offset
  }
}

/// The system's text for an `errno`.
func systemReason(_ code: Int32) -> String {
  String(cString: strerror(code))
}

/// A place in a file; lines and columns count from 1, columns in Unicode scalars.
struct SourceRange: Equatable {
  var line: Int
  var column: Int
  /// Behind the last character.
  var endLine: Int
  var endColumn: Int

  /// The column behind the range's part in its first line.
  func lastColumn(in file: SourceFile) -> Int {
    endLine == line ? endColumn : file.line(line).unicodeScalars.count + 1
  }
}
