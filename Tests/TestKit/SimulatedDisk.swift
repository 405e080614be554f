// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization
import WAL

/// A spool directory in memory that behaves like a disk at its worst, and always in the same way for the same seed.
///
/// Each file has a cached image, which reads see, and a durable one, which survives a power cut. Un-synced sectors of
/// 512 octets are kept, lost, zeroed or torn by a crash; un-synced directory entries may vanish, un-synced removals
/// come back. After a failed sync the pages are clean: still readable, no longer written by any later sync.
package final class SimulatedDisk: Disk {
  package enum Operation: Sendable, Hashable, CaseIterable {
    case create, write, sync, read, remove, syncDirectory
  }

  /// What happens to an operation that is told to fail.
  package enum Fault: Sendable, Hashable {
    case error(Int32)
    /// A write or read that takes only a part, without an error.
    case short
  }

  private let state: Mutex<State>

  fileprivate struct File {
    var cached: [UInt8]
    var durable: [UInt8]
    /// Sectors that the next sync writes.
    var dirty: Set<Int> = []
    /// Sectors whose durable octets are not known to be the cached ones.
    var unsynced: Set<Int> = []
    var isEntryDurable = false
    var isSizeDurable = false
  }

  fileprivate struct State {
    var files: [String: File] = [:]
    var removed: [String: File] = [:]
    var counts: [Operation: Int] = [:]
    var total = 0
    var faults: [(operation: Operation?, range: Range<Int>, fault: Fault)] = []
    var generator: SeededGenerator
    /// Grows at each restart; what was opened before is dead.
    var run = 0
    var isLocked = false
    var isCold = false
  }

  package static let sectorOctets = 512

  package init(seed: UInt64 = 0) {
    state = Mutex(State(generator: SeededGenerator(seed: seed)))
  }

  // MARK: - What a test decides

  /// From the `nth` call of the operation on (1 is the next), `count` calls fail; nil counts calls of any kind.
  package func fail(_ operation: Operation?, nth: Int = 1, count: Int = 1, with fault: Fault = .error(EIO)) {
    state.withLock { state in
      let done = operation.map { state.counts[$0, default: 0] } ?? state.total
      let end = count == .max ? Int.max : done + nth + count
      state.faults.append((operation, (done + nth)..<end, fault))
    }
  }

  package func heal() {
    state.withLock { $0.faults = [] }
  }

  /// Calls so far; of every kind if nil.
  package func count(_ operation: Operation?) -> Int {
    state.withLock { state in operation.map { state.counts[$0, default: 0] } ?? state.total }
  }

  /// While it is cold, reads that may not block find nothing.
  package func setCold(_ isCold: Bool) {
    state.withLock { $0.isCold = isCold }
  }

  /// The process is gone, the machine runs on: everything written is still there.
  package func kill() {
    state.withLock { $0.restart() }
  }

  /// The power is gone. What was not synced is decided by the seed.
  package func crash(seed: UInt64) {
    state.withLock { state in
      state.generator = SeededGenerator(seed: seed)
      state.crash()
    }
  }

  /// A disk with the same durable and cached content and no faults, as if the process had just been killed.
  package func copy() -> SimulatedDisk {
    let copy = SimulatedDisk()
    let (files, removed) = state.withLock { ($0.files, $0.removed) }
    copy.state.withLock { state in
      state.files = files
      state.removed = removed
    }
    return copy
  }

  package var names: [String] { state.withLock { $0.files.keys.sorted() } }

  package func contents(_ name: String) -> [UInt8] {
    state.withLock { $0.files[name]?.cached ?? [] }
  }

  /// Puts octets on the platter behind the program's back.
  package func overwrite(_ name: String, at offset: Int, with octets: [UInt8]) {
    state.withLock { state in
      state.files[name]?.cached.replaceSubrange(offset..<(offset + octets.count), with: octets)
      state.files[name]?.durable.replaceSubrange(offset..<(offset + octets.count), with: octets)
    }
  }

  package func flip(_ name: String, offset: Int, bit: Int) {
    overwrite(name, at: offset, with: [contents(name)[offset] ^ (1 << UInt8(bit))])
  }

  // MARK: - Disk

  package func lock() throws(LogError) {
    let isFree = state.withLock { state in
      defer { state.isLocked = true }
      return !state.isLocked
    }
    if !isFree { throw .inUse(directory: "simulated", pid: "1", since: "the beginning") }
  }

  package func list() throws(LogError) -> [String] { names }

  package func create(_ name: String, octets: Int) throws(LogError) -> any DiskFile {
    let result: Result<Int, LogError> = state.withLock { state in
      if let error = state.begin(.create, name) { return .failure(error) }
      guard state.files[name] == nil else { return .failure(.disk(attempt: "create", name: name, code: EEXIST)) }
      let blank = [UInt8](repeating: 0, count: octets)
      state.files[name] = File(cached: blank, durable: blank)
      return .success(state.run)
    }
    return SimulatedFile(disk: self, name: name, octets: octets, run: try result.get())
  }

  package func open(_ name: String) throws(LogError) -> any DiskFile {
    let found = state.withLock { state in state.files[name].map { ($0.cached.count, state.run) } }
    guard let (octets, run) = found else { throw .disk(attempt: "open", name: name, code: ENOENT) }
    return SimulatedFile(disk: self, name: name, octets: octets, run: run)
  }

  package func remove(_ name: String) throws(LogError) {
    let error: LogError? = state.withLock { state in
      if let error = state.begin(.remove, name) { return error }
      guard let file = state.files.removeValue(forKey: name) else {
        return .disk(attempt: "remove", name: name, code: ENOENT)
      }
      if file.isEntryDurable { state.removed[name] = file }
      return nil
    }
    if let error { throw error }
  }

  package func syncDirectory() throws(LogError) {
    let error: LogError? = state.withLock { state in
      if let error = state.begin(.syncDirectory, "simulated") { return error }
      for name in state.files.keys { state.files[name]!.isEntryDurable = true }
      state.removed = [:]
      return nil
    }
    if let error { throw error }
  }

  package func freeOctets() throws(LogError) -> Int64 { 1 << 30 }

  // MARK: - Files

  fileprivate func write(_ octets: UnsafeRawBufferPointer, _ name: String, at offset: Int, run: Int) throws(LogError)
    -> Int
  {
    let octets = Array(octets)
    let result: Result<Int, LogError> = state.withLock { state in
      guard state.run == run else { return .failure(.disk(attempt: "write", name: name, code: EBADF)) }
      var count = octets.count
      if let fault = state.fault(.write) {
        // Some of the octets arrive even when the call fails.
        count = octets.isEmpty ? 0 : Int.random(in: 0..<octets.count, using: &state.generator)
        if case .error(let code) = fault {
          state.files[name]?.put(octets.prefix(count), at: offset)
          return .failure(.disk(attempt: "write", name: name, code: code))
        }
        count = max(count, 1)
      }
      state.files[name]?.put(octets.prefix(count), at: offset)
      return .success(count)
    }
    return try result.get()
  }

  fileprivate func sync(_ name: String, run: Int) throws(LogError) {
    let error: LogError? = state.withLock { state in
      guard state.run == run else { return .disk(attempt: "sync", name: name, code: EBADF) }
      if let error = state.begin(.sync, name) {
        state.files[name]?.dirty = []
        return error
      }
      state.files[name]?.sync()
      return nil
    }
    if let error { throw error }
  }

  fileprivate func read(_ name: String, at offset: Int, count: Int, mayBlock: Bool, run: Int) throws(LogError)
    -> [UInt8]?
  {
    let result: Result<[UInt8]?, LogError> = state.withLock { state in
      guard state.run == run, let file = state.files[name] else {
        return .failure(.disk(attempt: "read", name: name, code: EBADF))
      }
      if !mayBlock && state.isCold { return .success(nil) }
      let end = min(offset + count, file.cached.count)
      guard offset < end else { return .success([]) }
      switch state.fault(.read) {
      case .error(let code): return .failure(.disk(attempt: "read", name: name, code: code))
      case .short: return .success(Array(file.cached[offset..<((offset + end + 1) / 2)]))
      case nil: return .success(Array(file.cached[offset..<end]))
      }
    }
    return try result.get()
  }
}

extension SimulatedDisk.State {
  fileprivate mutating func fault(_ operation: SimulatedDisk.Operation) -> SimulatedDisk.Fault? {
    counts[operation, default: 0] += 1
    total += 1
    return faults.first { fault in
      fault.range.contains(fault.operation == nil ? total : fault.operation == operation ? counts[operation]! : 0)
    }?.fault
  }

  /// For operations that work or do not.
  fileprivate mutating func begin(_ operation: SimulatedDisk.Operation, _ name: String) -> LogError? {
    guard case .error(let code) = fault(operation) else { return nil }
    return .disk(attempt: "\(operation)", name: name, code: code)
  }

  fileprivate mutating func restart() {
    run += 1
    isLocked = false
  }

  fileprivate mutating func crash() {
    restart()
    for name in files.keys.sorted() {
      var file = files[name]!
      if !file.isEntryDurable, generator.oneIn(2) {
        files[name] = nil
        continue
      }
      file.crash(using: &generator)
      files[name] = file
    }
    for name in removed.keys.sorted() where files[name] == nil && generator.oneIn(2) {
      var file = removed[name]!
      file.crash(using: &generator)
      files[name] = file
    }
    removed = [:]
  }
}

extension SimulatedDisk.File {
  fileprivate mutating func put(_ octets: ArraySlice<UInt8>, at offset: Int) {
    guard !octets.isEmpty else { return }
    cached.replaceSubrange(offset..<(offset + octets.count), with: octets)
    for sector in (offset / SimulatedDisk.sectorOctets)...((offset + octets.count - 1) / SimulatedDisk.sectorOctets) {
      dirty.insert(sector)
      unsynced.insert(sector)
    }
  }

  fileprivate mutating func sync() {
    for sector in dirty {
      let range = range(of: sector)
      durable.replaceSubrange(range, with: cached[range])
    }
    unsynced.subtract(dirty)
    dirty = []
    isSizeDurable = true
  }

  private func range(of sector: Int) -> Range<Int> {
    let start = sector * SimulatedDisk.sectorOctets
    return start..<min(start + SimulatedDisk.sectorOctets, cached.count)
  }

  /// Old, new, zero or torn, for each un-synced sector on its own.
  fileprivate mutating func crash(using generator: inout SeededGenerator) {
    for sector in unsynced.sorted() {
      let range = range(of: sector)
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: break
      case 1: durable.replaceSubrange(range, with: cached[range])
      case 2: durable.replaceSubrange(range, with: repeatElement(0, count: range.count))
      default:
        let cut = range.lowerBound + Int.random(in: 0..<range.count, using: &generator)
        durable.replaceSubrange(range.lowerBound..<cut, with: cached[range.lowerBound..<cut])
      }
    }
    if !isSizeDurable, generator.oneIn(2) { durable = [] }
    cached = durable
    dirty = []
    unsynced = []
    isEntryDurable = true
    isSizeDurable = true
  }
}

private final class SimulatedFile: DiskFile {
  private let disk: SimulatedDisk
  private let name: String
  private let run: Int
  let octets: Int

  init(disk: SimulatedDisk, name: String, octets: Int, run: Int) {
    self.disk = disk
    self.name = name
    self.octets = octets
    self.run = run
  }

  func write(_ octets: UnsafeRawBufferPointer, at offset: Int) throws(LogError) -> Int {
    try disk.write(octets, name, at: offset, run: run)
  }

  func sync() throws(LogError) {
    try disk.sync(name, run: run)
  }

  func read(into octets: UnsafeMutableRawBufferPointer, at offset: Int, mayBlock: Bool) throws(LogError) -> Int? {
    guard let found = try disk.read(name, at: offset, count: octets.count, mayBlock: mayBlock, run: run) else {
      return nil
    }
    octets.copyBytes(from: found)
    return found.count
  }
}
