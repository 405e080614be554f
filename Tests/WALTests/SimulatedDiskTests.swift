// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestKit
import Testing
import WAL

/// The disk that lies must lie in every way that a disk does, and in no other.
@Suite struct SimulatedDiskTests {
  private static let ones = [UInt8](repeating: 1, count: 4096)
  private static let twos = [UInt8](repeating: 2, count: 4096)

  private func write(_ octets: [UInt8], to file: any DiskFile, at offset: Int = 0) throws(LogError) {
    let count = try octets.span.bytes.withUnsafeBytes { (octets) throws(LogError) in
      try file.write(octets, at: offset)
    }
    #expect(count == octets.count)
  }

  /// A file of two pages, the first one durable, the name too.
  private func durableFile(_ disk: SimulatedDisk) throws -> any DiskFile {
    let file = try disk.create("a", octets: 8192)
    try write(Self.ones, to: file)
    try file.sync()
    try disk.syncDirectory()
    return file
  }

  /// What a power cut makes of the same disk, for many seeds.
  private func outcomes<Outcome: Hashable>(_ disk: SimulatedDisk, _ look: (SimulatedDisk) -> Outcome) -> Set<Outcome> {
    Set(
      (0..<200 as Range<UInt64>).map { seed in
        let copy = disk.copy()
        copy.crash(seed: seed)
        return look(copy)
      })
  }

  @Test("what was synced survives any power cut; what was not is old, new, zero or torn, each sector on its own")
  func sectors() throws {
    let disk = SimulatedDisk()
    let file = try durableFile(disk)
    try write(Self.twos, to: file)
    let sectors = outcomes(disk) { disk in
      let octets = disk.contents("a")
      #expect(octets.count == 8192 && octets[4096...].allSatisfy { $0 == 0 })
      return Array(octets[512..<1024])
    }
    func all(_ octet: UInt8) -> [UInt8] { [UInt8](repeating: octet, count: 512) }
    #expect(sectors.contains(all(0)) && sectors.contains(all(1)) && sectors.contains(all(2)))
    let torn = sectors.subtracting([all(0), all(1), all(2)])
    #expect(torn.count > 10)
    #expect(torn.allSatisfy { $0.drop { $0 == 2 }.allSatisfy { $0 == 1 } }, "torn is new, then old")
    #expect(outcomes(disk) { $0.contents("a")[512] == $0.contents("a")[1024] }.count == 2, "sectors do not go together")
    try file.sync()
    #expect(outcomes(disk) { $0.contents("a") } == [Self.twos + [UInt8](repeating: 0, count: 4096)])
  }

  @Test("names that were not synced are there or not, in any order; removed ones may come back")
  func names() throws {
    let disk = SimulatedDisk()
    _ = try durableFile(disk)
    _ = try disk.create("b", octets: 512)
    try disk.remove("a")
    _ = try disk.create("c", octets: 512)
    let found = outcomes(disk, \.names)
    #expect(found.count == 8, "any of three changes, without the others: \(found)")
    try disk.syncDirectory()
    #expect(outcomes(disk, \.names) == [["b", "c"]])
    #expect(disk.copy().names == ["b", "c"])
  }

  @Test("changes of one name follow one another")
  func sameName() throws {
    let disk = SimulatedDisk()
    _ = try durableFile(disk)
    try disk.remove("a")
    let file = try disk.create("a", octets: 4096)
    try write(Self.twos, to: file)
    try file.sync()
    let octets = outcomes(disk) { $0.contents("a").first }
    #expect(octets == [1, nil, 2], "the old file, none, or the new one")
  }

  @Test("after a rename there is exactly one of the two names, whatever was synced")
  func renames() throws {
    let disk = SimulatedDisk()
    _ = try durableFile(disk)
    try disk.rename("a", to: "b")
    #expect(outcomes(disk, \.names) == [["a"], ["b"]])
    #expect(outcomes(disk) { ($0.contents("a") + $0.contents("b")).prefix(4096).allSatisfy { $0 == 1 } } == [true])
    try disk.syncDirectory()
    #expect(outcomes(disk, \.names) == [["b"]])
    _ = try disk.create("a", octets: 512)
    #expect(throws: LogError.disk(attempt: "rename", name: "a", code: EEXIST)) { try disk.rename("a", to: "b") }
  }

  @Test("a new file may lose its length until it is synced")
  func sizes() throws {
    let disk = SimulatedDisk()
    let file = try disk.create("a", octets: 8192)
    try disk.syncDirectory()
    #expect(outcomes(disk) { $0.contents("a").count } == [0, 4096, 8192])
    try file.sync()
    #expect(outcomes(disk) { $0.contents("a").count } == [8192])
  }

  @Test("pages of a failed sync are clean: no later sync writes them, and what is read is up to the file system")
  func failedSync() throws {
    func first(_ model: SimulatedDisk.FailedSync) throws -> (read: UInt8, kept: Set<UInt8>) {
      let disk = SimulatedDisk()
      disk.failSyncs(as: model)
      let file = try durableFile(disk)
      try write(Self.twos, to: file)
      disk.fail(.sync)
      #expect(throws: LogError.self) { try file.sync() }
      try file.sync()
      return (disk.contents("a")[0], outcomes(disk) { $0.contents("a")[0] })
    }
    #expect(try first(.kept) == (2, [0, 1, 2]), "readable, and gone after a power cut")
    #expect(try first(.reverted) == (1, [1]))
    let unknown = try (0..<20 as Range<UInt64>).map { seed in
      let disk = SimulatedDisk(seed: seed)
      disk.failSyncs(as: .unknown)
      let file = try durableFile(disk)
      try write(Self.twos, to: file)
      disk.fail(.sync)
      #expect(throws: LogError.self) { try file.sync() }
      let before = disk.contents("a")
      disk.kill()
      return [before[0], disk.contents("a")[0]]
    }
    #expect(Set(unknown).isSuperset(of: [[1, 1], [2, 2], [2, 1]]), "kept pages may go with the process")
  }

  @Test("what is written again after a failed sync is dirty again")
  func writtenAgain() throws {
    let disk = SimulatedDisk()
    let file = try durableFile(disk)
    try write(Self.twos, to: file)
    disk.fail(.sync)
    #expect(throws: LogError.self) { try file.sync() }
    try write(Self.twos, to: file)
    try file.sync()
    #expect(outcomes(disk) { $0.contents("a")[0] } == [2])
  }

  @Test("a full disk refuses files, or pages where files reserve nothing; removing makes room")
  func room() throws {
    let disk = SimulatedDisk()
    disk.limit(SimulatedDisk.Room(octets: 10_000, inodes: 2))
    _ = try disk.create("a", octets: 8192)
    #expect(try disk.freeOctets() == 1_808 && disk.freeInodes() == 1)
    #expect(throws: LogError.disk(attempt: "allocate", name: "b", code: ENOSPC)) {
      _ = try disk.create("b", octets: 4096)
    }
    #expect(disk.names == ["a", "b"], "the name was made before the room was missing")
    #expect(throws: LogError.disk(attempt: "create", name: "c", code: ENOSPC)) { _ = try disk.create("c", octets: 0) }
    try disk.remove("a")
    #expect(try disk.freeOctets() == 10_000)

    disk.limit(SimulatedDisk.Room(octets: 10_000, isReserving: false))
    let sparse = try disk.create("d", octets: 1 << 20)
    try write(Self.ones, to: sparse)
    try write(Self.ones, to: sparse, at: 512 << 10)
    #expect(throws: LogError.disk(attempt: "write", name: "d", code: ENOSPC)) {
      try write(Self.ones, to: sparse, at: 8192)
    }
    try write(Self.twos, to: sparse)
    #expect(try disk.freeInodes() == nil)
  }

  @Test("a process that was killed can touch nothing; a file outlives its name for those who have it open")
  func handles() throws {
    let disk = SimulatedDisk()
    let file = try durableFile(disk)
    try disk.remove("a")
    try write(Self.twos, to: file)
    try file.sync()
    disk.kill()
    #expect(throws: LogError.disk(attempt: "write", name: "a", code: EBADF)) { try write(Self.twos, to: file) }
    #expect(throws: LogError.self) { try file.sync() }
  }

  @Test("weather makes calls fail by chance, the same way for the same seed")
  func weather() throws {
    func run(_ seed: UInt64) throws -> UInt64 {
      let trace = EventTrace()
      let disk = SimulatedDisk(seed: seed, trace: trace)
      var weather = SimulatedDisk.Weather()
      weather.failing = [.sync: 300, .syncDirectory: 300]
      weather.short = 200
      weather.interrupted = 200
      let file = try durableFile(disk)
      disk.setWeather(weather)
      var codes: Set<Int32> = []
      var shortest = Int.max
      for _ in 0..<100 {
        do throws(LogError) {
          let octets = Self.twos
          let count = try octets.span.bytes.withUnsafeBytes { (octets) throws(LogError) in
            try file.write(octets, at: 4096)
          }
          shortest = min(shortest, count)
          try file.sync()
        } catch {
          if case .disk(_, _, let code) = error { codes.insert(code) }
        }
      }
      #expect(codes == [EIO, EINTR] && shortest < 4096)
      disk.heal()
      try file.sync()
      return trace.hash
    }
    #expect(try run(3) == run(3) && run(3) != run(4))
  }

  @Test("large files cost what is in them")
  func sparse() throws {
    let disk = SimulatedDisk()
    for number in 0..<200 {
      let file = try disk.create("\(number)", octets: 1 << 30)
      try write(Self.ones, to: file, at: 1 << 20)
    }
    #expect(disk.usedOctets == 200 << 30)
  }

  @Test("when memory is given up, reads show what a power cut would leave of a failed sync")
  func forgetting() throws {
    let disk = SimulatedDisk()
    let file = try durableFile(disk)
    try write(Self.twos, to: file)
    disk.fail(.sync)
    #expect(throws: LogError.self) { try file.sync() }
    #expect(disk.contents("a")[0] == 2)
    file.forgetCached()
    #expect(disk.contents("a")[0] == 1)
    #expect(outcomes(disk) { $0.contents("a")[0] } == [1])
    try write(Self.twos, to: file)
    file.forgetCached()
    #expect(outcomes(disk) { $0.contents("a")[0] } == [2], "what can be written is")
  }
}
