// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization
import TestKit
import Testing

@testable import WAL

@Suite("Files that are open for reading")
struct SegmentFilesTests {
  @Test("a segment that is removed while somebody opens it does not stay open, nor do those before it")
  func removedWhileOpening() throws {
    let disk = SlowDisk()
    for number in 1...3 as ClosedRange<UInt32> { _ = try disk.create(SegmentName.text(number), octets: 4096) }
    let files = SegmentFiles(disk: disk)
    disk.whileOpening { files.close([2]) }
    #expect(try files.file(2, mayBlock: true) != nil, "who asked before may read it to its end")
    #expect(try files.file(2, mayBlock: false) == nil, "nobody keeps its octets on the disk")
    #expect(try files.file(1, mayBlock: true) != nil && files.file(1, mayBlock: false) == nil)
    #expect(try files.file(3, mayBlock: true) != nil && files.file(3, mayBlock: false) != nil)
  }

  @Test("where the table of open files is full, those that are kept for later are closed")
  func tableFull() throws {
    let disk = SimulatedDisk()
    for number in 1...2 as ClosedRange<UInt32> { _ = try disk.create(SegmentName.text(number), octets: 4096) }
    let files = SegmentFiles(disk: disk)
    _ = try files.file(1, mayBlock: true)
    disk.fail(.open, with: .error(EMFILE))
    #expect(try files.file(2, mayBlock: true) != nil)
    #expect(try files.file(1, mayBlock: false) == nil && files.file(2, mayBlock: false) != nil)
    disk.fail(.open, count: 2, with: .error(ENFILE))
    #expect(throws: LogError.self) { try files.file(1, mayBlock: true) }
  }

  @Test("no more files are open than the bound, the least recently used goes first")
  func bound() throws {
    let disk = SimulatedDisk()
    let files = SegmentFiles(disk: disk)
    let last = UInt32(LogLimits.openFilesMax)
    for number in 1...(last + 1) {
      _ = try disk.create(SegmentName.text(number), octets: 4096)
      if number > last { _ = try files.file(1, mayBlock: true) }
      _ = try files.file(number, mayBlock: true)
    }
    #expect(try files.file(2, mayBlock: false) == nil)
    #expect(try files.file(1, mayBlock: false) != nil && files.file(last + 1, mayBlock: false) != nil)
  }
}

/// A disk on which something else happens while a file is opened.
private final class SlowDisk: Disk {
  private let disk = SimulatedDisk()
  private let event = Mutex<(@Sendable () -> Void)?>(nil)

  func whileOpening(_ event: @escaping @Sendable () -> Void) { self.event.withLock { $0 = event } }

  func open(_ name: String) throws(LogError) -> any DiskFile {
    let file = try disk.open(name)
    event.withLock { $0.take() }?()
    return file
  }

  func lock() throws(LogError) { try disk.lock() }
  func list() throws(LogError) -> [String] { try disk.list() }
  func create(_ name: String, octets: Int) throws(LogError) -> any DiskFile { try disk.create(name, octets: octets) }
  func remove(_ name: String) throws(LogError) { try disk.remove(name) }
  func rename(_ name: String, to newName: String) throws(LogError) { try disk.rename(name, to: newName) }
  func syncDirectory() throws(LogError) { try disk.syncDirectory() }
  func freeOctets() throws(LogError) -> Int64 { try disk.freeOctets() }
}
