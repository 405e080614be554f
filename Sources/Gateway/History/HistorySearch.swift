// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Queue

/// Looks through the history, newest line first. A value that reads files, so it belongs on a thread that may wait for
/// the disk; it holds one file in memory at a time, and the messages that it has found.
struct HistorySearch: Sendable {
  let directory: HistoryDirectory

  /// At most `limit` messages; `filter` holds back none that `isMeant` is true of.
  func messages(
    limit: Int, among filter: HistoryFilter = .none, where isMeant: (FinishedMessage) -> Bool
  ) -> HistoryFindings {
    gather(limit: limit, lines: filter.mayMatch, where: isMeant)
  }

  /// Messages whose ids begin so, which is the form in which ids are written; as many as an error about an ambiguous one
  /// wants to name.
  func messages(idPrefix: String, limit: Int) -> HistoryFindings {
    let beginning = HistoryLine.beginning(id: idPrefix)
    return gather(
      limit: limit,
      lines: { line in
        line.count > beginning.count
          && beginning.withUnsafeBytes { memcmp($0.baseAddress!, line.baseAddress!, $0.count) == 0 }
      }, where: { _ in true })
  }

  private func gather(
    limit: Int, lines: (UnsafeRawBufferPointer) -> Bool, where isMeant: (FinishedMessage) -> Bool
  ) -> HistoryFindings {
    var result = HistoryFindings()
    var places: [MessageID: Int] = [:]
    do throws(HistoryError) {
      for file in try directory.files().reversed() {
        let isDone = try visit(file) { line in
          guard line.count <= HistoryLine.octetsMax, lines(line), let message = HistoryLine.message(line),
            isMeant(message)
          else { return false }
          if let place = places[message.id] {
            result.messages[place].merge(message)
          } else if result.messages.count < limit {
            places[message.id] = result.messages.count
            result.messages.append(message)
          } else {
            result.isCut = true
            return true
          }
          return false
        }
        if isDone { break }
      }
    } catch {
      result.problem = error.description
    }
    return result
  }

  /// Whole lines without their line feeds, the last first, until `body` is true; whether it was.
  private func visit(
    _ file: HistoryDirectory.File, _ body: (UnsafeRawBufferPointer) -> Bool
  ) throws(HistoryError) -> Bool {
    guard let octets = try read(file) else { return false }
    return octets.withUnsafeBytes { octets in
      let lineFeed = UInt8(ascii: "\n")
      // What stands behind the last line feed is being written, or was when the machine stopped.
      guard var end = octets.lastIndex(of: lineFeed) else { return false }
      while end > 0 {
        let start = octets[..<end].lastIndex(of: lineFeed).map { $0 + 1 } ?? 0
        if start < end, body(UnsafeRawBufferPointer(rebasing: octets[start..<end])) { return true }
        end = start - 1
      }
      return false
    }
  }

  /// nil: it is gone, or no file of ours.
  private func read(_ file: HistoryDirectory.File) throws(HistoryError) -> [UInt8]? {
    let path = directory.path(of: file)
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw HistoryError("open \(path)", errno)
    }
    defer { close(descriptor) }
    var facts = stat()
    guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return nil }
    // One that somebody made larger is read from its end.
    let size = min(Int(facts.st_size), 2 * HistoryDirectory.fileOctetsMax)
    let start = Int(facts.st_size) - size
    var code: Int32 = 0
    let octets = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while count < size {
        let found = pread(descriptor, buffer.baseAddress! + count, size - count, off_t(start + count))
        if found < 0, errno == EINTR { continue }
        if found < 0 { code = errno }
        guard found > 0 else { return }
        count += found
      }
    }
    guard code == 0 else { throw HistoryError("read \(path)", code) }
    return octets
  }
}

/// What a search of the history found.
package struct HistoryFindings: Sendable {
  /// The one that ended last first. A message that ended in several steps is there once.
  package var messages: [FinishedMessage] = []
  /// There is more than was asked for.
  package var isCut = false
  /// Why some of it could not be read.
  package var problem: String?
}

extension FinishedMessage {
  /// Adds recipients that ended before.
  fileprivate mutating func merge(_ earlier: FinishedMessage) {
    let known = Set(recipients.map(\.index))
    recipients += earlier.recipients.filter { !known.contains($0.index) }
    recipients.sort { $0.index < $1.index }
  }
}
