// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import struct Admin.Pause
import struct Admin.Timestamp
import Configuration
import Logging
import NIOCore
import NIOEmbedded
import SMTP
import Synchronization
import TLS
import TestKit

@testable import Gateway
@testable import Queue

/// The relay's side of a gateway in a time that a test moves: queue, dispatcher and connections, and an upstream that
/// takes a while for each message.
final class RelayBench {
  /// What the upstream does.
  enum Mood {
    /// Nobody listens.
    case down
    /// Takes each message, after so many milliseconds.
    case takes(after: Int64)
    /// Takes the message and never says so.
    case silent
    case defers
    case refuses(Reply)
    /// Says so after so many milliseconds.
    case refusesLate(Reply, after: Int64)
  }

  static let start = Instant(wall: 1_790_000_000_000, monotonic: 50_000)

  let loop = EmbeddedEventLoop()
  let queue: MessageQueue
  let dispatcher: Dispatcher
  var mood = Mood.down
  /// Of upstreams that are not as `mood` says, by host.
  var moods: [String: Mood] = [:]
  let board = HealthBoard()
  let detours = Detours()
  private let rules: ExplainRules
  /// Monotonic milliseconds since the start and envelope sender of each transaction that got as far as its dot.
  private(set) var dots: [(time: Int64, sender: String)] = []
  /// Recipients of the messages that an upstream took, by its host, a list for each message.
  private(set) var taken: [String: [[String]]] = [:]
  /// Connections that were open at once.
  private(set) var openPeersMax = 0
  /// Connections that were asked for.
  fileprivate(set) var connects = 0
  private let time: Time
  fileprivate var peers: [RelayPeer] = []
  private let receiver = Deaf()

  final class Time: Sendable {
    let now = Mutex(RelayBench.start)
    /// Every run of the dispatcher reads the clock.
    let reads = Mutex(0)
  }

  convenience init(connections: Int = 20, policy: QueuePolicy = QueuePolicy(segmentOctets: 1 << 20)) throws {
    var configuration = Configuration(hostname: "gate.test", upstream: Configuration.Upstream(name: "office"))
    configuration.upstream.host = "relay.test"
    configuration.upstream.security = .none
    configuration.upstream.maxConnections = connections
    try self.init(configuration, policy: policy)
  }

  init(
    _ configuration: Configuration, policy: QueuePolicy = QueuePolicy(segmentOctets: 1 << 20),
    storage: (any QuotaStorage)? = nil, rules: ExplainRules = ExplainRules([])
  ) throws {
    self.rules = rules
    let time = Time()
    self.time = time
    let loop = loop
    let wakeUp = Bell<Dispatcher>(eventLoop: loop)
    let settings = Settings.plain(configuration, rules: rules)
    let clock = Clock(
      now: {
        time.reads.withLock { $0 += 1 }
        return time.now.withLock { $0 }
      }, zoneOffset: { _ in 0 })
    queue = try MessageQueue.open(
      disk: SimulatedDisk(), policy: policy, now: Self.start, salt: 7, host: "gate", router: settings.routes,
      ready: { wakeUp.ring() }
    ).queue
    let quotas = storage.map { QuotaBook(storage: $0, threads: BenchThreads(), eventLoop: loop, clock: clock) }
    let connector = BenchConnector()
    var generator = SeededGenerator(seed: 7)
    dispatcher = Dispatcher(
      parts: Dispatcher.Parts(
        queue: queue, connector: connector, threads: BenchThreads(), clock: clock,
        random: { generator.next() }, log: EventLog(handler: SwiftLogNoOpLogHandler(), level: .critical),
        quotas: quotas, detours: detours),
      settings: settings, eventLoop: loop, wakeUp: wakeUp, board: board)
    connector.bench.withLock { $0 = NIOLoopBound(self, eventLoop: loop) }
  }

  var now: Instant { time.now.withLock { $0 } }
  var clockReads: Int { time.reads.withLock { $0 } }

  /// Queues messages of these senders, in this order; "" is the null sender.
  func accept(_ senders: [(sender: String, login: String)], to recipients: [String] = ["b@upstream.test"]) {
    for (number, each) in senders.enumerated() {
      let submission = Submission(
        id: queue.makeID(),
        envelope: Envelope(
          sender: each.sender.isEmpty ? nil : Address(each.sender)!, recipients: recipients.map { Address($0)! }),
        origin: Origin(login: each.login, address: "192.0.2.1"), prefix: [])
      queue.accept(
        submission, last: Array("Subject: s\r\n\r\n".utf8).span.bytes, of: queue.makeDraft(), now: now,
        notify: Waiter(receiver: receiver, token: 0))
      if number % 1_000 == 999 { queue.log.step() }
    }
    queue.log.step()
    settle()
  }

  /// In steps, so that clock and timers go together.
  func pass(_ milliseconds: Int64, step: Int64 = 100) {
    var rest = milliseconds
    while rest > 0 {
      let part = min(rest, step)
      rest -= part
      time.now.withLock { $0 = $0.advanced(by: part) }
      loop.advanceTime(by: .milliseconds(part))
      settle()
    }
  }

  /// The wall clock is set.
  func jump(_ milliseconds: Int64) {
    time.now.withLock { $0.wall += milliseconds }
  }

  func end() {
    _ = dispatcher.stop()
    dispatcher.closeAll()
    for peer in peers { peer.channel.close(promise: nil) }
    loop.run()
  }

  private func settle() {
    var goesOn = true
    while goesOn {
      loop.run()
      queue.log.step()
      goesOn = false
      for peer in peers where peer.run() { goesOn = true }
      peers.removeAll { !$0.channel.isActive }
      openPeersMax = max(openPeersMax, peers.count)
    }
  }

  /// What a reload does.
  func reload(_ configuration: Configuration) {
    let settings = Settings.plain(configuration, rules: rules)
    queue.adopt(settings.routes) { dispatcher.replace(settings, routing: $0) }
    settle()
  }

  func pause(_ upstreams: String...) {
    var pauses = Pauses()
    for name in upstreams {
      pauses[.upstream(name)] = Pause(
        .upstream(name), since: Timestamp(milliseconds: now.wall), until: nil, by: "root", reason: nil)
    }
    dispatcher.adopt(pauses)
    settle()
  }

  fileprivate func mood(of host: String) -> Mood { moods[host] ?? mood }

  fileprivate func noteTaken(_ envelope: Envelope, by host: String) {
    taken[host, default: []].append(envelope.recipients.map(\.text))
  }

  fileprivate func noteDot(_ envelope: Envelope) {
    dots.append((now.monotonic - Self.start.monotonic, envelope.sender?.text ?? ""))
  }
}

/// One connection to the upstream, as the upstream sees it.
private final class RelayPeer {
  let channel: EmbeddedChannel
  private unowned let bench: RelayBench
  private let host: String
  private var session = ServerSession(
    policy: ServerPolicy(hostname: "relay.test", offersTLS: false, messageOctetsMax: 1 << 20, recipientsMax: 100),
    rights: ClientRights(mayOmitLogin: true, mayOmitTLS: true), isTLS: false)
  private var input = ByteBuffer()
  private var output = ByteBuffer()
  private var isGreeted = false

  init(_ channel: EmbeddedChannel, _ bench: RelayBench, host: String) {
    self.channel = channel
    self.host = host
    self.bench = bench
  }

  /// Returns whether anything moved.
  func run() -> Bool {
    guard channel.isActive else { return false }
    if !isGreeted {
      isGreeted = true
      session.opened(into: &output)
    }
    while var piece = try? channel.readOutbound(as: ByteBuffer.self) { input.writeBuffer(&piece) }
    var isEnding = false
    loop: while true {
      switch session.received(&input, into: &output) {
      case .wait: break loop
      case .store: session.stored()
      case .commit(let envelope, _): answer(envelope)
      case .close:
        isEnding = true
        break loop
      case .abandon, .send, .startTLS, .lookUp, .verify: break
      }
    }
    guard output.readableBytes > 0 || isEnding else { return false }
    let said = output
    output = ByteBuffer()
    if said.readableBytes > 0 { _ = try? channel.writeInbound(said) }
    if isEnding { channel.close(promise: nil) }
    return true
  }

  private func answer(_ envelope: Envelope) {
    bench.noteDot(envelope)
    switch bench.mood(of: host) {
    case .takes(let milliseconds):
      bench.noteTaken(envelope, by: host)
      let peer = NIOLoopBound(self, eventLoop: bench.loop)
      bench.loop.scheduleTask(in: .milliseconds(milliseconds)) {
        peer.value.session.committed("ID", into: &peer.value.output)
      }
    case .defers:
      session.commitRefused(Reply(451, EnhancedStatus(4, 3, 0), "later"), into: &output)
    case .refuses(let reply): session.commitRefused(reply, into: &output)
    case .refusesLate(let reply, let milliseconds):
      let peer = NIOLoopBound(self, eventLoop: bench.loop)
      bench.loop.scheduleTask(in: .milliseconds(milliseconds)) {
        peer.value.session.commitRefused(reply, into: &peer.value.output)
      }
    case .silent, .down: break
    }
  }
}

private final class BenchConnector: Connector {
  let bench = Mutex<NIOLoopBound<RelayBench>?>(nil)

  func connect(
    to destination: Destination, on eventLoop: any EventLoop,
    configure: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
  ) -> EventLoopFuture<any Channel> {
    let bench = bench.withLock { $0! }.value
    let host = destination.host
    bench.connects += 1
    if case .down = bench.mood(of: host) { return eventLoop.makeFailedFuture(ChannelError.connectTimeout(.seconds(1))) }
    let channel = EmbeddedChannel(handlers: [], loop: bench.loop)
    let configured = configure(channel)
    channel.connect(to: try! SocketAddress(ipAddress: "192.0.2.99", port: 25), promise: nil)
    bench.peers.append(RelayPeer(channel, bench, host: host))
    return configured.map { channel }
  }
}

private struct BenchThreads: WorkerThreads {
  func run<Outcome: Sendable>(
    on eventLoop: any EventLoop, _ work: @escaping @Sendable () throws -> Outcome
  ) -> EventLoopFuture<Outcome> {
    eventLoop.submit(work)
  }
}

private final class Deaf: CompletionReceiver {
  func receive(_ completions: [(token: UInt64, completion: Completion)]) {}
}
