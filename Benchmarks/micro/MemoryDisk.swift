// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization
import WAL

/// A spool directory in memory whose syncs cost nothing: what is measured over it is our own part.
final class MemoryDisk: Disk {
  private let files = Mutex<[String: MemoryFile]>([:])

  func lock() throws(LogError) {}

  func list() throws(LogError) -> [String] { files.withLock { Array($0.keys) } }

  func create(_ name: String, octets: Int) throws(LogError) -> any DiskFile {
    let file = MemoryFile(octets: octets)
    files.withLock { $0[name] = file }
    return file
  }

  func open(_ name: String) throws(LogError) -> any DiskFile {
    guard let file = files.withLock({ $0[name] }) else {
      throw LogError.disk(attempt: "open", name: name, code: ENOENT)
    }
    return file
  }

  func remove(_ name: String) throws(LogError) { _ = files.withLock { $0.removeValue(forKey: name) } }

  func rename(_ name: String, to newName: String) throws(LogError) {
    files.withLock { $0[newName] = $0.removeValue(forKey: name) }
  }

  func syncDirectory() throws(LogError) {}

  func freeOctets() throws(LogError) -> Int64 { .max }
}

/// One of its files.
final class MemoryFile: DiskFile {
  let octets: Int
  private let content: Mutex<[UInt8]>

  init(octets: Int) {
    self.octets = octets
    content = Mutex([UInt8](repeating: 0, count: octets))
  }

  func write(_ octets: UnsafeRawBufferPointer, at offset: Int) throws(LogError) -> Int {
    content.withLock { content in
      content.withUnsafeMutableBytes { UnsafeMutableRawBufferPointer(rebasing: $0[offset...]).copyMemory(from: octets) }
    }
    return octets.count
  }

  func sync() throws(LogError) {}

  func forgetCached() {}

  func read(into octets: UnsafeMutableRawBufferPointer, at offset: Int, mayBlock: Bool) throws(LogError) -> Int? {
    let count = min(octets.count, max(self.octets - offset, 0))
    content.withLock { content in
      content.withUnsafeBytes { octets.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset...].prefix(count))) }
    }
    return count
  }
}
