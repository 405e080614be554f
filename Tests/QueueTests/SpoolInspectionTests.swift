// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Queue
import SMTP
import Testing
import WAL

/// A spool in a directory of its own, and its octets.
private final class SpoolDirectory {
  let path: String

  init() {
    var template = Array("/tmp/postern-test-XXXXXX".utf8CString)
    path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
  }

  deinit {
    for name in names { unlink(path + "/" + name) }
    rmdir(path)
  }

  var names: [String] { ((try? PosixDisk(reading: path).list()) ?? []).sorted() }

  func octets(_ name: String) -> [UInt8] {
    let file = open(path + "/" + name, O_RDONLY)
    defer { close(file) }
    var status = stat()
    fstat(file, &status)
    var octets = [UInt8](repeating: 0, count: Int(status.st_size))
    _ = pread(file, &octets, octets.count, 0)
    return octets
  }

  func write(_ name: String, at offset: Int, _ octets: [UInt8]) {
    let file = open(path + "/" + name, O_WRONLY)
    defer { close(file) }
    _ = pwrite(file, octets, octets.count, off_t(offset))
  }

  func remove(_ name: String) { unlink(path + "/" + name) }

  /// Everything that would tell of a write: names, octets, and when they changed.
  func state() -> [String] {
    var lines: [String] = []
    for name in names + ["."] {
      var status = stat()
      lstat(path + "/" + name, &status)
      let sum = name == "." ? 0 : Checksum.crc32c(octets(name))
      lines.append(
        "\(name) \(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec) "
          + "\(status.st_ctim.tv_sec).\(status.st_ctim.tv_nsec) \(sum)")
    }
    return lines
  }
}

@Suite("A spool is inspected without a daemon, and without a change of one octet")
struct SpoolInspectionTests {
  private let directory = SpoolDirectory()

  private func bench() throws -> QueueBench {
    try QueueBench(PosixDisk(path: directory.path), policy: QueuePolicy(segmentOctets: 16 << 10))
  }

  /// A message with chunks that is held, one that has failed, one that is gone, over several segments. Returns the ids.
  private func fill() throws -> [MessageID] {
    let bench = try bench()
    let (first, _) = bench.submit([Array("chunk".utf8), Array("end".utf8)], to: ["a@x.example", "b@x.example"])!
    bench.queue.log.step()
    _ = bench.queue.hold([first], until: bench.now.wall + hour, by: PeerText("root"), now: bench.now)
    let second = bench.take("second", to: ["c@x.example"])
    bench.deliver(.failed)
    let third = bench.take("third")
    bench.deliver()
    let fourth = bench.take("fourth", login: "dave")
    bench.deliver(.deferred)
    bench.queue.log.step()
    // What comes last proves what was before.
    let fifth = bench.take("fifth", login: "eve")
    bench.queue.log.step()
    return [first, second, third, fourth, fifth]
  }

  private func verify() throws -> SpoolReport { try SpoolInspection.verify(path: directory.path) }

  @Test("a sound spool is counted, shown record by record, and left alone")
  func sound() throws {
    let ids = try fill()
    let before = directory.state()
    var records: [DumpedRecord] = []
    let report = try SpoolInspection.dump(path: directory.path) { records.append($0) }
    #expect(directory.state() == before)
    #expect(report.isSound && report.recovery.quarantined.isEmpty && report.recovery.tornRecords == 0)
    #expect(report.recovery.messages == 4 && report.recovery.segments == directory.names.count - 1)
    #expect(report.summary.held == 1 && report.summary.failed == 1 && report.summary.deferred == 1)
    #expect(report.summary.queued == 1 && report.lastChange == QueueBench.start.wall)
    #expect(records.count == report.recovery.records)
    #expect(records.filter { $0.name == "accepted" }.flatMap(\.messages) == ids)
    let names = Set(records.map(\.name))
    #expect(names == ["content", "accepted", "held", "attempted"])
    let held = try #require(records.first { $0.name == "held" })
    #expect(held.messages == [ids[0]] && held.wall == QueueBench.start.wall)
    #expect(held.facts.map(\.name) == ["until", "by"] && held.facts[1].value == .text("root"))
    let accepted = try #require(records.first { $0.name == "accepted" })
    let chunk = try #require(records.first { $0.name == "content" })
    #expect(accepted.facts.contains(.init(name: "chunk", value: .text("\(chunk.segment):\(chunk.offset)"))))
    #expect(accepted.facts.filter { $0.name == "to" }.map(\.value) == [.text("a@x.example"), .text("b@x.example")])
  }

  @Test("while a daemon has the spool it is refused by pid, and one that comes meanwhile is noticed")
  func inUse() throws {
    _ = try fill()
    do {
      let daemon = try bench()
      let before = directory.state()
      let error = #expect(throws: QueueError.self) { _ = try verify() }
      #expect(error?.isInUse == true && error?.description.contains("spool in use by pid \(getpid()) since") == true)
      #expect(directory.state() == before)
      withExtendedLifetime(daemon) {}
    }
    _ = try verify()
    for stays in [true, false] {
      var daemon: QueueBench?
      let error = #expect(throws: QueueError.self) {
        _ = try SpoolInspection.dump(path: directory.path) { _ in
          guard daemon == nil else { return }
          // It is not kept from starting.
          daemon = try? bench()
          daemon?.take("new")
          if !stays { daemon = nil }
        }
      }
      #expect(error?.isInUse == true)
    }
  }

  @Test("what is no spool is an error, and nothing is made")
  func missing() {
    let path = directory.path + "/nowhere"
    let error = #expect(throws: QueueError.self) { _ = try SpoolInspection.verify(path: path) }
    #expect(error?.description == "cannot open \(path): No such file or directory" && error?.isInUse == false)
    #expect(directory.names.isEmpty && access(path, F_OK) != 0)
  }

  @Test("an empty directory is a sound spool with nothing in it")
  func empty() throws {
    let report = try verify()
    #expect(report.isSound && report.recovery.messages == 0 && report.lastChange == nil && directory.names.isEmpty)
  }

  @Test("every flipped bit of a record is named with its place, and with the message that it was about")
  func flips() throws {
    let ids = try fill()
    var records: [DumpedRecord] = []
    _ = try SpoolInspection.dump(path: directory.path) { records.append($0) }
    for record in records.dropLast() {
      let original = directory.octets(record.segment)
      for place in 0..<(40 + record.octets) {
        let offset = record.offset + place
        directory.write(record.segment, at: offset, [original[offset] ^ (1 << UInt8(place % 8))])
        let before = directory.state()
        let report = try verify()
        #expect(directory.state() == before)
        let damages = report.recovery.damages
        let around = damages.filter { damage in
          damage.segment == record.segment && damage.offset <= offset && offset < damage.offset + damage.octets
        }
        #expect(!around.isEmpty, "\(record.name) \(place)")
        #expect(report.recovery.messages >= 3, "\(record.name) \(place)")
        // A type that has changed, or the number itself, tells another story.
        let isTellable = place != 4 && !(40..<48).contains(place)
        if isTellable, let id = record.messages.first, record.name != "held" {
          #expect(around.contains { $0.message == id }, "\(record.name) \(place)")
        }
        if record.name == "content" { #expect(damages.contains { $0.message == ids[0] }, "\(place)") }
        directory.write(record.segment, at: offset, [original[offset]])
      }
    }
    #expect(try verify().isSound)
  }

  @Test("a bad copy of a segment header is named although it costs nothing", arguments: [0, 2048])
  func headerCopy(offset: Int) throws {
    _ = try fill()
    directory.write("00000001.wal", at: offset + 20, [0xEE])
    let report = try verify()
    #expect(report.recovery.messages == 4)
    #expect(
      report.recovery.damages.map(\.description) == [
        "damaged copy of the header in 00000001.wal at offset \(offset), 128 octets: nothing is lost, "
          + "the other copy serves"
      ])
    #expect(try bench().report.damages == report.recovery.damages, "the daemon says the same")
  }

  @Test("a torn end is no damage: nobody was told of it")
  func torn() throws {
    let ids = try fill()
    var last: DumpedRecord?
    _ = try SpoolInspection.dump(path: directory.path) { last = $0 }
    let record = try #require(last)
    #expect(record.messages == [ids[4]])
    directory.write(record.segment, at: record.offset + 60, [UInt8](repeating: 0, count: record.octets))
    let before = directory.state()
    let report = try verify()
    #expect(report.isSound && report.recovery.tornRecords > 0 && report.recovery.messages == 3)
    #expect(report.recovery.torn.map(\.segment) == [record.segment])
    #expect(report.recovery.torn.map(\.message) == [ids[4]])
    #expect(directory.state() == before)
  }

  @Test("a segment that is not there is named, with the messages whose content it had")
  func missingSegment() throws {
    let filler = [UInt8](repeating: 1, count: 6_000)
    var id: MessageID?
    do {
      let bench = try bench()
      bench.take("kept")
      // Its first chunk is in the second segment, its end in the third.
      id = bench.submit([filler, filler, filler])?.id
      bench.queue.log.step()
      for _ in 0..<3 { bench.take("more") }
    }
    #expect(try verify().isSound)
    let chunks = directory.names.filter { $0.hasSuffix(".wal") }
    #expect(chunks.count >= 3)
    directory.remove(chunks[1])
    let before = directory.state()
    let report = try verify()
    #expect(directory.state() == before)
    #expect(report.recovery.quarantined == [id] && report.summary.quarantined == 1)
    let damages = report.recovery.damages
    #expect(damages.contains { $0.segment == chunks[0] && $0.missing == [chunks[1]] })
    #expect(damages.contains { $0.segment == chunks[1] && $0.message == id })
    #expect(damages.first?.description.hasPrefix("missing behind \(chunks[0]): \(chunks[1]), ") == true)
  }
}
