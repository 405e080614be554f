// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Queue
import Testing
import WAL

@Suite struct PosixQueueTests {
  @Test("a queue in a real directory with its writer thread: accepted, reopened, delivered, gone")
  func roundTrip() throws {
    var template = Array("/tmp/postern-test-XXXXXX".utf8CString)
    let path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    defer { remove(path) }
    var ids: [MessageID] = []
    do {
      let bench = try QueueBench(PosixDisk(path: path), policy: QueuePolicy())
      let writer = LogWriter(log: bench.queue.log)
      writer.start()
      let submitted = (0..<50).map { bench.submit([Array("body \($0)".utf8)])! }
      writer.stop()
      ids = submitted.map(\.id)
      #expect(submitted.allSatisfy { bench.receiver.isAccepted($0.token) })
      #expect(try bench.queue.space().freeOctets > 0)
    }
    do {
      let bench = try QueueBench(PosixDisk(path: path), policy: QueuePolicy())
      #expect(bench.all.map(\.id) == ids)
      let lease = try bench.lease()
      #expect(try bench.content(of: lease) == Array("body 0".utf8))
      bench.queue.release(lease)
      for id in ids { #expect(bench.deliver() == id) }
      bench.queue.log.step()
    }
    let bench = try QueueBench(PosixDisk(path: path), policy: QueuePolicy())
    #expect(bench.all.isEmpty && bench.report.damages.isEmpty)
  }

  private func remove(_ path: String) {
    for name in (try? PosixDisk(path: path).list()) ?? [] { unlink(path + "/" + name) }
    rmdir(path)
  }
}
