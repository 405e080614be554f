// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Glibc

/// Where pauses are kept over the end of the process: a file, and the simulator's memory. May wait for the disk.
package protocol PauseStorage: Sendable {
  /// Empty if nothing was ever paused.
  func read() throws(PauseError) -> Pauses
  /// All or nothing, and durable when it returns.
  func write(_ pauses: Pauses) throws(PauseError)
}

/// The file `pauses` beside the segments of the queue. There is none while nothing is paused, so ending the last pause
/// takes no space on a disk that is full.
struct PauseFile: PauseStorage {
  private let directory: String
  /// Far above what a pause for each upstream takes.
  static let octetsMax = 1 << 20

  init(directory: String) {
    self.directory = directory
  }

  private var path: String { "\(directory)/pauses" }

  func read() throws(PauseError) -> Pauses {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else {
      if errno == ENOENT { return Pauses() }
      throw failure("open")
    }
    defer { close(file) }
    var octets: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while true {
      let count = Glibc.read(file, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure("read") }
      if count == 0 { break }
      octets += buffer[..<count]
      guard octets.count <= Self.octetsMax else { throw PauseError("\(path) is larger than \(Self.octetsMax) octets") }
    }
    do {
      return try Pauses(parsing: octets)
    } catch {
      throw PauseError("cannot read \(path): \(error)")
    }
  }

  func write(_ pauses: Pauses) throws(PauseError) {
    if pauses.isEmpty { return try remove() }
    do {
      try FileReplacement.replace(path, with: pauses.text)
    } catch {
      throw PauseError("cannot write \(path): \(error.step): \(String(cString: strerror(error.code)))")
    }
  }

  private func remove() throws(PauseError) {
    guard unlink(path) == 0 || errno == ENOENT else { throw failure("remove") }
    do {
      try FileReplacement.sync(directory)
    } catch {
      throw PauseError("cannot remove \(path): \(error.step): \(String(cString: strerror(error.code)))")
    }
  }

  private func failure(_ attempt: String) -> PauseError {
    PauseError("cannot \(attempt) \(path): \(String(cString: strerror(errno)))")
  }
}
