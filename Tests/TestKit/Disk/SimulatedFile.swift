// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// A file of a simulated disk that a process has opened; of no use after that process has ended.
final class SimulatedFile: DiskFile {
  private let disk: SimulatedDisk
  private let handle: SimulatedDisk.Handle
  let octets: Int

  init(disk: SimulatedDisk, handle: SimulatedDisk.Handle, octets: Int) {
    self.disk = disk
    self.handle = handle
    self.octets = octets
  }

  func write(_ octets: UnsafeRawBufferPointer, at offset: Int) throws(LogError) -> Int {
    try disk.write(octets, to: handle, at: offset)
  }

  func sync() throws(LogError) {
    try disk.sync(handle)
  }

  func forgetCached() {
    disk.forgetCached(handle)
  }

  func read(into octets: UnsafeMutableRawBufferPointer, at offset: Int, mayBlock: Bool) throws(LogError) -> Int? {
    try disk.read(into: octets, from: handle, at: offset, mayBlock: mayBlock)
  }
}
