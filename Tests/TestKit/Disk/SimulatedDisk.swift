// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization
import WAL

/// A spool directory in memory that behaves like a disk at its worst, and always in the same way for the same seed.
///
/// Files and directory have a cached image, which the program sees, and a durable one, which survives a power cut.
/// Un-synced sectors of 512 octets are kept, lost, zeroed or torn by a crash; un-synced names, removals and renames
/// each happened or not. After a failed sync the pages are clean, and no later sync writes them. What it never does is
/// to forget what was synced: rot is what `overwrite` and `flip` are for.
package final class SimulatedDisk: Disk {
  private let state: Mutex<State>
  private let trace: EventTrace?

  /// What a process has open.
  struct Handle: Sendable {
    let name: String
    let inode: Int
    let run: Int
  }

  fileprivate struct State {
    var directory = SimulatedDirectory()
    var inodes: [Int: SimulatedInode] = [:]
    var lastInode = 0
    var faults = DiskFaults()
    var generator: SeededGenerator
    /// Grows at each restart; what was opened before is dead.
    var run = 0
    var isLocked = false
    var isCold = false
    var room = Room()
    var failedSync = FailedSync.kept
  }

  package static let sectorOctets = SimulatedInode.sectorOctets

  package init(seed: UInt64 = 0, trace: EventTrace? = nil) {
    state = Mutex(State(generator: SeededGenerator(seed: seed)))
    self.trace = trace
  }

  // MARK: - What a test decides

  /// Space that all files together may take.
  package struct Room: Sendable {
    package var octets: Int64
    /// nil: this file system makes them as it needs them.
    package var inodes: Int64?
    /// Whether a new file gets its octets at once; else each page is taken when it is first written.
    package var isReserving: Bool

    package init(octets: Int64 = 1 << 40, inodes: Int64? = nil, isReserving: Bool = true) {
      self.octets = octets
      self.inodes = inodes
      self.isReserving = isReserving
    }
  }

  package func limit(_ room: Room) {
    state.withLock { $0.room = room }
  }

  package func failSyncs(as model: FailedSync) {
    state.withLock { $0.failedSync = model }
  }

  /// From the `nth` call of the operation on (1 is the next), `count` calls fail; nil counts calls of any kind.
  package func fail(_ operation: Operation?, nth: Int = 1, count: Int = 1, with fault: Fault = .error(EIO)) {
    state.withLock { $0.faults.plan(operation, nth: nth, count: count, fault) }
  }

  /// From now on calls fail by chance.
  package func setWeather(_ weather: Weather) {
    state.withLock { $0.faults.weather = weather }
  }

  /// No call fails any more, whether planned or by chance. A full disk stays full.
  package func heal() {
    state.withLock { $0.faults.heal() }
  }

  /// Calls so far; of every kind if nil.
  package func count(_ operation: Operation?) -> Int {
    state.withLock { $0.faults.count(operation) }
  }

  /// From now on the kind of each call is kept.
  package func recordCalls() {
    state.withLock { $0.faults.recorded = [] }
  }

  package var recordedCalls: [Operation] { state.withLock { $0.faults.recorded ?? [] } }

  /// Reads that failed as planned.
  package var failedReads: Int { state.withLock { $0.faults.failedReads } }

  /// While it is cold, reads that may not block find nothing.
  package func setCold(_ isCold: Bool) {
    state.withLock { $0.isCold = isCold }
  }

  /// The process is gone, the machine runs on: everything written is still there, as far as it was not given up.
  package func kill() {
    trace?.note(.disk, 1, text: "the process is killed")
    state.withLock { state in
      state.restart()
      guard state.failedSync == .unknown else { return }
      for inode in state.inodes.keys.sorted() { state.inodes[inode]!.evict(using: &state.generator) }
    }
  }

  /// The power is gone. What was not synced is decided by the seed.
  package func crash(seed: UInt64) {
    trace?.note(.disk, 2, Int(truncatingIfNeeded: seed), text: "the power is cut")
    state.withLock { state in
      state.restart()
      state.generator = SeededGenerator(seed: seed)
      state.directory.crash(using: &state.generator)
      for inode in state.inodes.keys.sorted() { state.inodes[inode]!.crash(using: &state.generator) }
      state.forgetNameless()
    }
  }

  /// A disk with the same durable and cached content and no faults, as if the process had just been killed.
  package func copy() -> SimulatedDisk {
    let copy = SimulatedDisk()
    let (directory, inodes, lastInode, room) = state.withLock { ($0.directory, $0.inodes, $0.lastInode, $0.room) }
    copy.state.withLock { state in
      state.directory = directory
      state.inodes = inodes
      state.lastInode = lastInode
      state.room = room
    }
    return copy
  }

  package var names: [String] { state.withLock { $0.directory.names } }

  package func contents(_ name: String) -> [UInt8] {
    state.withLock { state in state.directory[name].map { state.inodes[$0]!.contents } ?? [] }
  }

  /// Octets of a file; nil if there is none of that name.
  package func octets(of name: String) -> Int? {
    state.withLock { state in state.directory[name].map { state.inodes[$0]!.size } }
  }

  /// Octets that all files together take.
  package var usedOctets: Int64 { state.withLock { $0.usedOctets } }

  /// Puts octets on the platter behind the program's back.
  package func overwrite(_ name: String, at offset: Int, with octets: [UInt8]) {
    state.withLock { state in
      if let inode = state.directory[name] { state.inodes[inode]!.overwrite(octets, at: offset) }
    }
  }

  package func flip(_ name: String, offset: Int, bit: Int) {
    state.withLock { state in
      guard let inode = state.directory[name] else { return }
      var octet = [UInt8(0)]
      _ = octet.withUnsafeMutableBytes { state.inodes[inode]!.read(into: $0, at: offset) }
      state.inodes[inode]!.overwrite([octet[0] ^ (1 << UInt8(bit))], at: offset)
    }
  }

  /// Shortens a file on the platter.
  package func cut(_ name: String, to octets: Int) {
    state.withLock { state in
      if let inode = state.directory[name] { state.inodes[inode]!.cut(to: octets) }
    }
  }

  // MARK: - Disk

  package func lock() throws(LogError) {
    let isFree = state.withLock { state in
      defer { state.isLocked = true }
      return !state.isLocked
    }
    if !isFree { throw .inUse(directory: "simulated", pid: "1", since: "the beginning") }
  }

  package func list() throws(LogError) -> [String] {
    try call(.list, "simulated") { (state) throws(LogError) in state.directory.names }
  }

  package func create(_ name: String, octets: Int) throws(LogError) -> any DiskFile {
    let handle = try call(.create, name, octets) { (state) throws(LogError) in
      guard state.directory[name] == nil else { throw .disk(attempt: "create", name: name, code: EEXIST) }
      guard state.hasInode else { throw .disk(attempt: "create", name: name, code: ENOSPC) }
      // The name comes first: without room it stays, and the file is empty.
      let inode = state.makeInode(name)
      if case .error(let code) = state.faults.next(.allocate, using: &state.generator) {
        throw .disk(attempt: "allocate", name: name, code: code)
      }
      if state.room.isReserving, state.usedOctets + Int64(octets) > state.room.octets {
        throw .disk(attempt: "allocate", name: name, code: ENOSPC)
      }
      state.inodes[inode] = SimulatedInode(octets: octets)
      return Handle(name: name, inode: inode, run: state.run)
    } failing: { state in
      if state.directory[name] == nil, state.generator.oneIn(2) { _ = state.makeInode(name) }
    }
    return SimulatedFile(disk: self, handle: handle, octets: octets)
  }

  package func open(_ name: String) throws(LogError) -> any DiskFile {
    let (handle, octets) = try call(.open, name) { (state) throws(LogError) in
      guard let inode = state.directory[name] else { throw .disk(attempt: "open", name: name, code: ENOENT) }
      return (Handle(name: name, inode: inode, run: state.run), state.inodes[inode]!.size)
    }
    return SimulatedFile(disk: self, handle: handle, octets: octets)
  }

  package func remove(_ name: String) throws(LogError) {
    try call(.remove, name) { (state) throws(LogError) in
      guard state.directory[name] != nil else { throw .disk(attempt: "remove", name: name, code: ENOENT) }
      state.directory.unlink(name)
    }
  }

  package func rename(_ name: String, to newName: String) throws(LogError) {
    try call(.rename, name) { (state) throws(LogError) in
      guard state.directory[newName] == nil else { throw .disk(attempt: "rename", name: name, code: EEXIST) }
      guard state.directory[name] != nil else { throw .disk(attempt: "rename", name: name, code: ENOENT) }
      state.directory.rename(name, to: newName)
    }
  }

  package func syncDirectory() throws(LogError) {
    try call(.syncDirectory, "simulated") { (state) throws(LogError) in state.directory.sync() }
  }

  package func freeOctets() throws(LogError) -> Int64 {
    try call(.measure, "simulated") { (state) throws(LogError) in max(0, state.room.octets - state.usedOctets) }
  }

  package func freeInodes() throws(LogError) -> Int64? {
    try call(.measure, "simulated") { (state) throws(LogError) in
      state.room.inodes.map { max(0, $0 - Int64(state.directory.names.count)) }
    }
  }

  // MARK: - Files

  func write(_ octets: UnsafeRawBufferPointer, to handle: Handle, at offset: Int) throws(LogError) -> Int {
    let (count, error): (Int, LogError?) = state.withLock { state in
      let (count, code) = state.write(octets, to: handle, at: offset)
      return (count, code.map { .disk(attempt: "write", name: handle.name, code: $0) })
    }
    note(.write, handle.name, offset, octets.count, count, error)
    if let error { throw error }
    return count
  }

  func sync(_ handle: Handle) throws(LogError) {
    try call(.sync, handle.name) { (state) throws(LogError) in
      guard state.run == handle.run else { throw .disk(attempt: "sync", name: handle.name, code: EBADF) }
      state.inodes[handle.inode]!.sync()
    } failing: { state in
      state.inodes[handle.inode]?.failSync(state.failedSync, using: &state.generator)
    }
  }

  func forgetCached(_ handle: Handle) {
    _ = try? sync(handle)
    state.withLock { $0.inodes[handle.inode]?.forgetCached() }
  }

  func read(
    into octets: UnsafeMutableRawBufferPointer, from handle: Handle, at offset: Int, mayBlock: Bool
  ) throws(LogError) -> Int? {
    let (count, error): (Int?, LogError?) = state.withLock { state in
      guard state.run == handle.run, let inode = state.inodes[handle.inode] else {
        return (0, .disk(attempt: "read", name: handle.name, code: EBADF))
      }
      if !mayBlock, state.isCold { return (nil, nil) }
      let count = max(0, min(octets.count, inode.size - offset))
      guard count > 0 else { return (0, nil) }
      let fault = state.faults.next(.read, using: &state.generator)
      if case .error(let code) = fault { return (0, .disk(attempt: "read", name: handle.name, code: code)) }
      let part = fault == .short ? (count + 1) / 2 : count
      return (inode.read(into: UnsafeMutableRawBufferPointer(rebasing: octets[..<part]), at: offset), nil)
    }
    note(.read, handle.name, offset, octets.count, count ?? -1, error)
    if let error { throw error }
    return count
  }

  // MARK: - One call

  /// `failing` says what a call does that fails before it has done anything else.
  private func call<Answer: Sendable>(
    _ operation: Operation, _ name: String, _ size: Int = 0, _ body: (inout State) throws(LogError) -> Answer,
    failing: (inout State) -> Void = { _ in }
  ) throws(LogError) -> Answer {
    let result: Result<Answer, LogError> = state.withLock { state in
      if case .error(let code) = state.faults.next(operation, using: &state.generator) {
        failing(&state)
        return .failure(.disk(attempt: "\(operation)", name: name, code: code))
      }
      do throws(LogError) {
        return .success(try body(&state))
      } catch {
        return .failure(error)
      }
    }
    if case .failure(let error) = result {
      note(operation, name, 0, size, 0, error)
      throw error
    }
    note(operation, name, 0, size, 0, nil)
    return try result.get()
  }

  private func note(
    _ operation: Operation, _ name: String, _ offset: Int, _ octets: Int, _ count: Int, _ error: LogError?
  ) {
    guard let trace else { return }
    var code = 0
    if case .disk(_, _, let errno) = error { code = Int(errno) }
    let number = Int(SegmentName.number(name) ?? 0)
    trace.note(
      .disk, operation.rawValue + 10, number, offset, octets, count, code,
      text: "\(operation) \(name)" + (octets > 0 ? " \(octets) octets at \(offset)" : "")
        + (count > 0 && count < octets ? ", \(count) done" : "") + (error.map { ": \($0)" } ?? ""))
  }
}

extension SimulatedDisk.State {
  var hasInode: Bool { room.inodes.map { $0 > Int64(directory.cached.count) } ?? true }

  var usedOctets: Int64 {
    directory.cached.values.reduce(0) { sum, inode in
      let file = inodes[inode]!
      return sum + Int64(room.isReserving ? file.size : file.allocatedPages * SimulatedInode.pageOctets)
    }
  }

  mutating func makeInode(_ name: String) -> Int {
    lastInode += 1
    inodes[lastInode] = SimulatedInode(octets: 0)
    directory.link(name, lastInode)
    return lastInode
  }

  /// Octets that arrived, some of them also when the call fails, and the error.
  mutating func write(
    _ octets: UnsafeRawBufferPointer, to handle: SimulatedDisk.Handle, at offset: Int
  ) -> (count: Int, code: Int32?) {
    guard run == handle.run, inodes[handle.inode] != nil else { return (0, EBADF) }
    var count = octets.count
    var code: Int32?
    if let fault = faults.next(.write, using: &generator) {
      count = octets.isEmpty ? 0 : Int.random(in: 0..<octets.count, using: &generator)
      if case .error(let errno) = fault { code = errno } else { count = max(count, 1) }
    }
    if !room.isReserving, code == nil {
      let pages = inodes[handle.inode]!.newPages(count, at: offset)
      if pages > 0, usedOctets + Int64(pages * SimulatedInode.pageOctets) > room.octets { (count, code) = (0, ENOSPC) }
    }
    inodes[handle.inode]!.write(UnsafeRawBufferPointer(rebasing: octets[..<count]), at: offset)
    return (count, code)
  }

  mutating func restart() {
    run += 1
    isLocked = false
    forgetNameless()
  }

  mutating func forgetNameless() {
    let named = directory.inodes
    for inode in inodes.keys where !named.contains(inode) { inodes[inode] = nil }
  }
}
