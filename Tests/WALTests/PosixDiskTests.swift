// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization
import Testing
import WAL

/// A directory of its own that goes with the value.
final class TemporaryDirectory {
  let path: String

  init() {
    var template = Array("/tmp/postern-test-XXXXXX".utf8CString)
    path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
  }

  deinit {
    if let directory = opendir(path) {
      while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        unlink(path + "/" + name)
      }
      closedir(directory)
    }
    rmdir(path)
  }
}

@Suite struct PosixDiskTests {
  private func open(_ disk: PosixDisk, owner: RecordingOwner) throws -> (WriteAheadLog, [Seen]) {
    var seen: [Seen] = []
    let recovered = try LogRecovery.run(disk: disk) { type, _, payload, _ in seen.append(Seen(type, Array(payload))) }
    return (
      WriteAheadLog(disk: disk, recovered: recovered, salt: 3, host: "gateway", segmentOctets: 1 << 20, owner: owner),
      seen
    )
  }

  private func append(_ payload: [UInt8], _ fate: RecordFate, _ ticket: UInt64, to log: WriteAheadLog) {
    payload.withUnsafeBytes { octets in
      log.append(
        type: 17, head: octets, body: UnsafeRawBufferPointer(start: nil, count: 0), checksum: Checksum.crc32c(payload),
        indexed: payload.count, fate: fate, ticket: ticket)
    }
    log.wake()
  }

  @Test("what is written to a real directory is read back, by the next process too")
  func roundTrip() throws {
    let directory = TemporaryDirectory()
    do {
      let owner = RecordingOwner()
      let (log, _) = try open(PosixDisk(path: directory.path), owner: owner)
      for ticket in 1...40 as ClosedRange<UInt64> {
        append([UInt8](repeating: UInt8(ticket), count: 60_000), .voided, ticket, to: log)
        log.step()
      }
      #expect(log.segments.count == 3)
      let extent = try #require(owner.extent(33))
      #expect(try log.read(extent, mayBlock: true) == [UInt8](repeating: 33, count: 60_000))
      // Just written, so in memory; a file system without the flag may still answer nil.
      if let octets = try log.read(extent, mayBlock: false) { #expect(octets.count == 60_000) }
    }
    let (log, seen) = try open(PosixDisk(path: directory.path), owner: RecordingOwner())
    #expect(seen == (1...40).map { Seen(17, [UInt8](repeating: UInt8($0), count: 60_000)) })
    #expect(log.segments.count == 3)
  }

  @Test("a second opener of the directory is refused, with the pid of the first; the lock goes with its owner")
  func lock() throws {
    let directory = TemporaryDirectory()
    do {
      let first = try PosixDisk(path: directory.path)
      try first.lock()
      let second = try PosixDisk(path: directory.path)
      do {
        try second.lock()
        Issue.record("two processes have the spool")
      } catch {
        let text = error.description
        #expect(text.hasPrefix("cannot lock \(directory.path): spool in use by pid \(getpid()) since 20"))
        #expect(text.hasSuffix("Z"))
      }
      withExtendedLifetime(first) {}
    }
    try PosixDisk(path: directory.path).lock()
  }

  @Test("what may pass by itself is told apart from what somebody has to mend")
  func passing() {
    for code in [EIO, ENOSPC, EMFILE] { #expect(LogError.disk(attempt: "sync", name: "x", code: code).mayPass) }
    for code in [EACCES, EROFS, ENOTDIR] { #expect(!LogError.disk(attempt: "open", name: "x", code: code).mayPass) }
    #expect(LogError.unreadableEnd(name: "x", offset: 0).mayPass)
    #expect(!LogError.newerFormat(name: "x", version: 9).mayPass)
  }

  @Test("a missing directory is made; one that cannot be made is told with its name")
  func directory() throws {
    let directory = TemporaryDirectory()
    let disk = try PosixDisk(path: directory.path + "/queue")
    #expect(try disk.list() == [])
    #expect(try disk.freeOctets() > 0)
    rmdir(directory.path + "/queue")
    #expect(throws: LogError.disk(attempt: "create", name: directory.path + "/a/b", code: ENOENT)) {
      try PosixDisk(path: directory.path + "/a/b")
    }
  }

  @Test("files are created once, listed, removed")
  func files() throws {
    let directory = TemporaryDirectory()
    let disk = try PosixDisk(path: directory.path)
    let file = try disk.create("00000001.wal", octets: 8192)
    #expect(try [1, 2, 3].withUnsafeBytes { try file.write($0, at: 5000) } > 0)
    try file.sync()
    try disk.syncDirectory()
    #expect(throws: LogError.disk(attempt: "create", name: directory.path + "/00000001.wal", code: EEXIST)) {
      _ = try disk.create("00000001.wal", octets: 1)
    }
    #expect(try disk.open("00000001.wal").octets == 8192)
    #expect(try disk.list() == ["00000001.wal"])
    try disk.remove("00000001.wal")
    #expect(try disk.list() == [])
  }

  @Test("the writer thread makes everything durable that many threads append, and stop drains what is left")
  func writerThread() throws {
    let directory = TemporaryDirectory()
    let owner = RecordingOwner()
    let (log, _) = try open(PosixDisk(path: directory.path), owner: owner)
    let writer = LogWriter(log: log)
    writer.start()
    let ticket = Atomic<UInt64>(0)
    onThreads(4) {
      for _ in 0..<50 {
        let own = ticket.add(1, ordering: .relaxed).newValue
        append([1, 2, 3], own % 3 == 0 ? .restated : .voided, own, to: log)
      }
    }
    writer.stop()
    #expect((1...200).allSatisfy { owner.extent($0) != nil && owner.count($0) == 1 })
    let (_, seen) = try open(PosixDisk(path: directory.path), owner: RecordingOwner())
    #expect(seen.count == 200)
  }

  @Test("a lonely change is durable soon, without a record that would hurry it", .timeLimit(.minutes(1)))
  func lonelyChange() throws {
    let directory = TemporaryDirectory()
    let owner = SignallingOwner()
    var recovered = RecoveredLog()
    recovered = try LogRecovery.run(disk: try PosixDisk(path: directory.path)) { _, _, _, _ in }
    let log = WriteAheadLog(
      disk: try PosixDisk(path: directory.path), recovered: recovered, salt: 3, host: "gateway", segmentOctets: 1 << 20,
      owner: owner)
    let writer = LogWriter(log: log)
    writer.start()
    append([1], .restated, 1, to: log)
    owner.wait()
    writer.stop()
  }
}

/// Lets a test wait for the first settlement.
private final class SignallingOwner: LogOwner {
  private let wakeup = Mutex(false)

  func settle(_ settlements: [Settlement]) -> UInt32 {
    wakeup.withLock { $0 = true }
    return 0
  }

  /// Ends when the log has settled something; a log that never does fails the test by its time limit.
  func wait() {
    while !wakeup.withLock({ $0 }) { sched_yield() }
  }
}

/// Runs the body on so many threads at once and waits for all.
func onThreads(_ count: Int, _ body: @escaping @Sendable () -> Void) {
  final class Work: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  let threads = (0..<count).map { _ in
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue().body()
        return nil
      }, Unmanaged.passRetained(Work(body)).toOpaque())
    return thread
  }
  for thread in threads { pthread_join(thread, nil) }
}
