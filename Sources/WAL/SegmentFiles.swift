// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Segments that are open for reading, the least recently used given up first.
final class SegmentFiles: Sendable {
  private let disk: any Disk
  private let state = Mutex(State())

  private struct State {
    var files: [UInt32: any DiskFile] = [:]
    /// Least recently used first; as short as `LogLimits.openFilesMax`.
    var order: [UInt32] = []
    /// What is below has been removed: a file that was opened before must not come in after.
    var floor: UInt32 = 0

    mutating func use(_ number: UInt32) -> (any DiskFile)? {
      guard let file = files[number] else { return nil }
      if order.last != number {
        order.removeAll { $0 == number }
        order.append(number)
      }
      return file
    }

    mutating func forgetAll() {
      files = [:]
      order = []
    }

    mutating func insert(_ file: any DiskFile, _ number: UInt32) {
      guard number >= floor else { return }
      if files.updateValue(file, forKey: number) == nil { order.append(number) }
      if order.count > LogLimits.openFilesMax { files[order.removeFirst()] = nil }
    }
  }

  init(disk: any Disk) {
    self.disk = disk
  }

  /// nil if the file is not open and `mayBlock` is false: opening may have to read directories and inodes.
  func file(_ number: UInt32, mayBlock: Bool) throws(LogError) -> (any DiskFile)? {
    if let file = state.withLock({ $0.use(number) }) { return file }
    guard mayBlock else { return nil }
    let file: any DiskFile
    do throws(LogError) {
      file = try open(number)
    } catch {
      // Those that are kept open only for later may be what fills the table.
      guard error.isTableFull else { throw error }
      state.withLock { $0.forgetAll() }
      file = try open(number)
    }
    state.withLock { $0.insert(file, number) }
    return file
  }

  /// A damaged segment may have been put aside; what is intact in it can still be read.
  private func open(_ number: UInt32) throws(LogError) -> any DiskFile {
    do throws(LogError) {
      return try disk.open(SegmentName.text(number))
    } catch {
      guard error.isAbsence, let file = try? disk.open(SegmentName.setAside(number)) else { throw error }
      return file
    }
  }

  func close(_ numbers: [UInt32]) {
    state.withLock { state in
      for number in numbers {
        state.floor = max(state.floor, number + 1)
        state.files[number] = nil
        state.order.removeAll { $0 == number }
      }
    }
  }
}
