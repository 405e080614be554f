// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP
import TestKit
import Testing
import WAL

@Suite struct AcceptTests {
  @Test("a message does not exist before its sync, and exists after it")
  func acceptance() throws {
    let bench = try QueueBench()
    let (id, token) = bench.submit([Array("Subject: x\r\n\r\nhello\r\n".utf8)], prefix: Array("Received: y\r\n".utf8))!
    #expect(bench.deliver() == nil && bench.all.isEmpty && !bench.receiver.hasAnswer(token))
    bench.queue.log.step()
    #expect(bench.receiver.isAccepted(token) && bench.readyCalls.count == 1)
    let view = try #require(bench.queue.view(id))
    #expect(view.state == .queued && view.size == 21 && view.received == bench.now.wall && view.submitter == "alice")
    #expect(view.recipients == [RecipientView(address: Address("bob@example.org")!, state: .queued, attempts: 0)])
    #expect(view.expires == bench.now.wall + 5 * day)
    let lease = try bench.lease()
    #expect(lease.id == id && lease.content.prefixOctets == 13 && lease.content.octets == 34 && lease.attempt == 1)
    #expect(lease.content.chunkCount == 1)
    #expect(try bench.content(of: lease) == Array("Received: y\r\nSubject: x\r\n\r\nhello\r\n".utf8))
    #expect(bench.deliver() == nil, "what is leased is not leased again")
    #expect(bench.queue.view(id)?.state == .sending)
  }

  @Test(
    "a body of any size comes back octet for octet, now and after a restart",
    arguments: [
      [0], [1], [65_536], [65_536, 0], [65_536, 1], [1, 65_536, 7, 65_536, 30],
    ])
  func bodies(sizes: [Int]) throws {
    let bench = try QueueBench()
    var generator = SeededGenerator(seed: 5)
    let chunks = sizes.map { generator.octets($0) }
    let prefix = generator.octets(300)
    _ = bench.submit(chunks, from: nil, to: ["a@x.example", "\"b c\"@y.example"], prefix: prefix)
    bench.queue.log.step()
    for bench in [bench, try bench.restarted()] {
      let lease = try bench.lease()
      #expect(lease.envelope.sender == nil)
      #expect(lease.envelope.recipients.map(\.text) == ["a@x.example", "\"b c\"@y.example"])
      #expect(lease.content.octets == prefix.count + sizes.reduce(0, +))
      #expect(try bench.content(of: lease) == prefix + chunks.flatMap(\.self))
    }
  }

  @Test("every completion of a batch comes in one call for each receiver")
  func oneCall() throws {
    let bench = try QueueBench()
    let tokens = (0..<10).map { bench.submit([Array("\($0)".utf8)])!.token }
    bench.queue.log.step()
    #expect(bench.receiver.calls == 1)
    #expect(tokens.allSatisfy(bench.receiver.isAccepted))
  }

  @Test("a refused message is nowhere, and neither is one whose earlier chunk alone was stored")
  func refused() throws {
    let bench = try QueueBench()
    let disk = bench.simulatedDisk
    bench.take("first")
    let (id, token) = try #require(bench.submit([[1, 2, 3], [4, 5, 6]]))
    disk.fail(.sync)
    bench.queue.log.step()
    #expect(bench.receiver.failure(token) == .refused)
    #expect(bench.queue.view(id) == nil)
    let next = try bench.restarted()
    #expect(next.all.count == 1 && next.report.damages.isEmpty)
    #expect(next.take("later").number > id.number, "ids are never used again")
  }

  @Test("what the client was is read back from the log")
  func origin() throws {
    let bench = try QueueBench()
    let id = bench.take("x")
    let details = try #require(try bench.queue.details(id))
    #expect(
      details.origin == Origin(login: "alice", address: "192.0.2.1", helo: "printer", listener: "submission"))
    #expect(details.replies.isEmpty && !details.duplicatePossible)
    #expect(try bench.queue.details(MessageID(number: 999)) == nil)
  }

  @Test("a body that is arriving keeps its segments, until it is dropped")
  func drafts() throws {
    let bench = try QueueBench(policy: QueuePolicy(segmentOctets: 128 << 10))
    var draft = bench.queue.makeDraft()
    let first = bench.token()
    let chunk: [UInt8] = [1, 2, 3]
    bench.queue.store(chunk.span.bytes, in: &draft, notify: Waiter(receiver: bench.receiver, token: first))
    bench.queue.log.step()
    guard case .stored(let extent) = bench.receiver.answer(first) else { return }
    draft.stored(extent)
    let filler = String(repeating: "x", count: 60_000)
    for _ in 0..<6 {
      bench.take(filler)
      bench.deliver()
      bench.queue.log.step()
    }
    #expect(bench.queue.log.segments.first == 1 && bench.queue.log.segments.count > 2)
    let token = bench.token()
    let last: [UInt8] = [4]
    let id = bench.queue.makeID()
    bench.queue.accept(
      Submission(
        id: id, envelope: Envelope(sender: nil, recipients: [Address("a@b.example")!]),
        origin: Origin(address: "::1")),
      last: last.span.bytes, of: draft, now: bench.now, notify: Waiter(receiver: bench.receiver, token: token))
    bench.queue.log.step()
    let lease = try bench.lease()
    #expect(lease.id == id && lease.submitter == "::1")
    #expect(try bench.content(of: lease) == [1, 2, 3, 4])
    bench.queue.record(
      [RecipientOutcome(index: 0, result: .delivered, reply: bench.reply(.delivered))], of: lease, now: bench.now,
      jitter: 0)
    bench.settle()
    #expect(bench.queue.log.segments.count == 1, "nothing lives any more")
    #expect(try bench.restarted().all.isEmpty)
  }
}
