// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Gateway
import Glibc
import Queue
import SMTP
import Synchronization
import WAL

// How long a start takes with so many queued messages, what they cost in memory, and how long it takes to get one.
//
//   queue-bench fill DIRECTORY MESSAGES   makes a spool: 1 KiB each, one recipient, deferred once
//   queue-bench open DIRECTORY ROUTES     opens it as a start of the daemon does, with so many routes, each to an
//                                         upstream of its own: prints messages, milliseconds, octets, milliseconds
//                                         until all mail is due, nanoseconds for a lease, and milliseconds for a reload
//                                         that changes the way of all
//
// Two runs, so that what was needed to fill the spool is not counted. Benchmarks/bench.py makes rows of it.

final class NobodyWaits: CompletionReceiver {
  let failures = Atomic(0)

  func receive(_ completions: [(token: UInt64, completion: Completion)]) {
    for (_, completion) in completions {
      if case .failed = completion { failures.add(1, ordering: .relaxed) }
    }
  }
}

let policy = QueuePolicy()
let start = Instant(wall: 1_800_000_000_000, monotonic: 0)

func fill(_ path: String, messages: Int) throws {
  let receiver = NobodyWaits()
  let (queue, _) = try MessageQueue.open(
    disk: try PosixDisk(path: path), policy: policy, now: start, salt: 0x706F_7374_6572_6E21,
    host: "bench", ready: {})
  let content = [UInt8](repeating: 0x78, count: 1024)
  let prefix = Array("Received: from printer by gateway.example.org; Fri, 15 Jan 2027 08:00:00 +0000\r\n".utf8)
  let later = Reply(451, EnhancedStatus(4, 3, 0), "try again later")
  for batch in stride(from: 0, to: messages, by: 1000) {
    let count = min(1000, messages - batch)
    let now = start.advanced(by: Int64(batch))
    for index in batch..<(batch + count) {
      let submission = Submission(
        id: queue.makeID(),
        envelope: Envelope(
          sender: Address("sender\(index % 100)@example.com")!,
          recipients: [Address("recipient\(index)@customer.example.org")!]),
        origin: Origin(login: "user\(index % 20)", address: "192.0.2.1", helo: "printer", listener: "submission"),
        prefix: prefix)
      queue.accept(
        submission, last: content.span.bytes, of: queue.makeDraft(), now: now,
        notify: Waiter(receiver: receiver, token: 0))
    }
    queue.log.step()
    while let lease = queue.lease(now: now) {
      let outcomes = lease.recipientIndexes.map { RecipientOutcome(index: $0, result: .deferred, reply: later) }
      queue.record(outcomes, of: lease, now: now, jitter: UInt64(batch))
    }
    queue.log.step()
  }
  precondition(receiver.failures.load(ordering: .relaxed) == 0, "the disk did not take every message")
}

/// Private and shared memory of this process as /proc/self/smaps_rollup says.
func memoryOctets() -> Int {
  guard let file = fopen("/proc/self/smaps_rollup", "r") else { return 0 }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 256)
  while fgets(&line, Int32(line.count), file) != nil {
    let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    guard text.hasPrefix("Pss:") else { continue }
    return 1024 * (Int(text.filter(\.isNumber)) ?? 0)
  }
  return 0
}

func nanoseconds() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

func milliseconds(since began: Int) -> Int { (nanoseconds() - began) / 1_000_000 }

/// Every hundredth message has a route, as long as there are some.
func table(routes: Int) -> RouteTable {
  var configuration = Configuration(
    hostname: "bench", upstreams: (0...routes).map { Configuration.Upstream(name: "up\($0)") })
  configuration.routes = (0..<routes).map { number in
    var route = Configuration.Route(number: number + 1, via: ["up\(number + 1)"])
    route.from = [MailboxPattern("sender\(number)@example.com")!]
    return route
  }
  return RouteTable(configuration)
}

func open(_ path: String, routes: Int) throws {
  let disk = try PosixDisk(path: path)
  let router = table(routes: routes)
  let memory = memoryOctets()
  var began = nanoseconds()
  let (queue, report) = try MessageQueue.open(
    disk: disk, policy: policy, now: start.advanced(by: 60_000), salt: 1, host: "bench", router: router, ready: {})
  let took = milliseconds(since: began)
  let octets = memoryOctets() - memory
  precondition(queue.summary(now: start).messages == report.messages)

  let now = start.advanced(by: 3_600_000)
  began = nanoseconds()
  precondition(queue.readyCount(now: now) == report.messages, "all mail is due by now")
  let due = milliseconds(since: began)

  let lanes = router.ways.indices.map { Lane(number: UInt8($0)) }
  let leases = 100_000
  began = nanoseconds()
  for number in 0..<leases {
    guard let lease = queue.lease(lanes[number % lanes.count], now: now) else { continue }
    queue.release(lease)
  }
  let lease = (nanoseconds() - began) / leases

  began = nanoseconds()
  queue.adopt(table(routes: routes + 1))
  print(report.messages, took, octets, due, lease, milliseconds(since: began))
}

switch (CommandLine.arguments.dropFirst().first, CommandLine.arguments.count) {
case ("fill", 4): try fill(CommandLine.arguments[2], messages: Int(CommandLine.arguments[3]) ?? 0)
case ("open", 4): try open(CommandLine.arguments[2], routes: Int(CommandLine.arguments[3]) ?? 0)
default:
  print("usage: queue-bench fill DIRECTORY MESSAGES | open DIRECTORY ROUTES")
  exit(2)
}
