// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration
import Glibc

/// The file `quotas` beside the segments of the queue.
struct QuotaFile: QuotaStorage {
  private let path: String
  /// Far above what the counts of each upstream take.
  private static let octetsMax = 1 << 20

  init(directory: String) {
    path = "\(directory)/quotas"
  }

  func read() throws(QuotaError) -> QuotaRecord {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else {
      if errno == ENOENT { return QuotaRecord() }
      throw QuotaError("cannot open \(path): \(String(cString: strerror(errno)))")
    }
    defer { close(file) }
    var octets: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while octets.count <= Self.octetsMax {
      let count = Glibc.read(file, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw QuotaError("cannot read \(path): \(String(cString: strerror(errno)))") }
      if count == 0 { break }
      octets += buffer[..<count]
    }
    do {
      return try QuotaRecord(parsing: octets)
    } catch {
      throw QuotaError("cannot read \(path): it is not what posternd wrote")
    }
  }

  func write(_ record: QuotaRecord) throws(QuotaError) {
    do {
      try FileReplacement.replace(path, with: record.octets)
    } catch {
      throw QuotaError("cannot write \(path): \(error.step): \(String(cString: strerror(error.code)))")
    }
  }
}
