// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Crypto
import Foundation
import NIOCore
import NIOEmbedded
import NIOPosix
import SMTP
import TestKit

@testable import Gateway
@testable import Queue
@testable import TLS

/// One connection of the relay with a scripted upstream, and the messages it carries: in memory, in a time that the trial
/// moves, or on loopback.
final class UpstreamTrial: UpstreamConnectionDelegate {
  struct Outcome: Sendable {
    /// For each message that was begun, a word for each recipient.
    var results: [String] = []
    var trouble: UpstreamTrouble?
    var quarantined = 0
    /// In the trial's time, until the connection was no more.
    var seconds: Int64 = 0
    var oneFlight = OneFlight.untried
  }

  var oneFlight: OneFlight
  private(set) var outcome = Outcome()
  let disk = SimulatedDisk()
  private let queue: MessageQueue
  private let policy: ClientPolicy
  /// What decides as whom mail goes out.
  private let upstream: Configuration.Upstream
  private var hasEnded = false
  private let ended: (() -> Void)?

  private static let now = Instant(wall: 1_790_000_000_000, monotonic: 50_000)

  /// Messages of so many octets each to `recipients` recipients.
  init(
    _ policy: ClientPolicy, messages: Int = 1, recipients: Int = 2, octets: Int = 200,
    oneFlight: OneFlight = .forbidden, upstream: Configuration.Upstream = Configuration.Upstream(name: "office"),
    ended: (() -> Void)? = nil
  ) throws {
    self.policy = policy
    self.upstream = upstream
    self.oneFlight = oneFlight
    self.ended = ended
    queue = try MessageQueue.open(
      disk: disk, policy: QueuePolicy(segmentOctets: octets > 500_000 ? 32 << 20 : 1 << 20), now: Self.now,
      salt: 7, host: "gate",
      ready: {}
    ).queue
    for _ in 0..<messages { accept(recipients, octets) }
  }

  static let filler = Array("0123456789012345678901234567890123456789012345678901234567890\r\n".utf8)

  /// What each message holds.
  static func content(_ octets: Int) -> [UInt8] {
    let filled = Array("From: A <a@example.org>\r\nSubject: t\r\nBcc: secret@example.net\r\n\r\n.dot\r\n".utf8)
    return filled + (0..<max(0, (octets - filled.count) / filler.count)).flatMap { _ in filler }
  }

  private func accept(_ recipients: Int, _ octets: Int) {
    let waiter = TrialWaiter()
    var draft = queue.makeDraft()
    var rest = Self.content(octets)[...]
    while rest.count > QueueLimits.chunkOctetsMax {
      let chunk = Array(rest.prefix(QueueLimits.chunkOctetsMax))
      rest = rest.dropFirst(chunk.count)
      queue.store(chunk.span.bytes, in: &draft, notify: Waiter(receiver: waiter, token: 0))
      queue.log.step()
      draft.stored(waiter.extent!)
    }
    let submission = Submission(
      id: queue.makeID(),
      envelope: Envelope(
        sender: Address("a@example.org")!, recipients: (0..<recipients).map { Address("r\($0)@example.net")! }),
      origin: Origin(login: "a", address: "192.0.2.1"), prefix: Array("Received: here\r\n".utf8))
    queue.accept(
      submission, last: Array(rest).span.bytes, of: draft, now: Self.now, notify: Waiter(receiver: waiter, token: 0))
    queue.log.step()
  }

  // MARK: running

  /// In memory. Ends when the connection does, at the latest after six hours of its time.
  func run(_ script: UpstreamScript, record: ScriptedUpstream.Box, credentials: TrialCredentials? = nil) throws
    -> Outcome
  {
    let loop = EmbeddedEventLoop()
    let link = ScriptedLink(script, tls: credentials?.server, record: record, on: loop)
    try connect(
      through: link, port: 587, tls: credentials?.client ?? TLSContext.client(authorities: nil, minimum: .v12), on: loop
    )
    link.carry()
    while !hasEnded, outcome.seconds < 6 * 3600 {
      loop.advanceTime(by: .seconds(1))
      outcome.seconds += 1
      link.carry()
    }
    outcome.oneFlight = oneFlight
    return outcome
  }

  /// Over any connector. The event loop is the one that everything happens on.
  func connect(through connector: any Connector, port: Int, tls: TLSContext, on loop: any EventLoop) throws {
    let trial = NIOLoopBound(self, eventLoop: loop)
    connector.connect(to: Destination(host: "localhost", port: port), on: loop) { channel in
      channel.eventLoop.makeCompletedFuture {
        let (trial, pipeline) = (trial.value, channel.pipeline.syncOperations)
        if trial.policy.security == .implicit {
          try pipeline.addHandler(TLSHandler(context: tls, side: .client(serverName: "localhost")))
        }
        try pipeline.addHandler(
          UpstreamHandler(
            policy: trial.policy, tls: tls, serverName: "localhost", queue: trial.queue, threads: TrialThreads(),
            delegate: trial, senders: SenderRule(trial.upstream, postmaster: Address("postmaster@gate.test")!)))
      }
    }.whenFailure { _ in trial.value.end() }
  }

  /// On loopback, against a listener of this script.
  static func runOnLoopback(
    _ policy: ClientPolicy, octets: Int = 200, _ script: UpstreamScript, record: ScriptedUpstream.Box,
    server: TLSContext?, client: TLSContext
  ) throws -> Outcome {
    let listener = try ScriptedListener(script, tls: server, record: record)
    defer { listener.shutDown() }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    defer { try? group.syncShutdownGracefully() }
    let loop = group.next()
    let done = loop.makePromise(of: Void.self)
    let port = listener.port
    let made = try loop.submit {
      let trial = try UpstreamTrial(policy, octets: octets) { done.succeed() }
      try trial.connect(through: .loopback, port: port, tls: client, on: loop)
      return NIOLoopBound(trial, eventLoop: loop)
    }.wait()
    let timeout = loop.scheduleTask(in: .seconds(20)) { done.fail(ChannelError.connectTimeout(.seconds(20))) }
    defer { timeout.cancel() }
    try done.futureResult.wait()
    return try loop.submit { made.value.outcome }.wait()
  }

  private func end() {
    guard !hasEnded else { return }
    hasEnded = true
    ended?()
  }

  // MARK: what the connection reports

  func connectionReady(_ connection: UpstreamHandler) {
    guard let lease = queue.lease(now: Self.now) else { return connection.quit() }
    connection.deliver(lease)
  }

  func connectionProgressed() {}

  func connectionFinished(_ connection: UpstreamHandler, _ lease: consuming Lease, _ results: [RecipientResult]) {
    outcome.results.append(results.map(Self.word).joined(separator: " "))
    // Whoever is not decided would be tried again at once.
    let outcomes = lease.recipientIndexes.map {
      RecipientOutcome(index: $0, result: .failed, reply: Reply(550, nil, "over"))
    }
    queue.record(outcomes, of: lease, now: Self.now, jitter: 0)
  }

  func connectionUnreadable(_ connection: UpstreamHandler, _ lease: consuming Lease, _ reason: String) {
    outcome.quarantined += 1
    queue.release(lease)
  }

  func connectionClosed(_ connection: UpstreamHandler, _ trouble: UpstreamTrouble?) {
    outcome.trouble = trouble
    end()
  }

  private static func word(_ result: RecipientResult) -> String {
    switch result {
    case .delivered: "delivered"
    case .relayed: "relayed"
    case .deferred: "deferred"
    case .failed: "failed"
    case .unknown: "unknown"
    case .untried: "untried"
    }
  }
}

/// A certificate for localhost, who signs it, and servers and clients of both. The files are gone when they are read.
struct TrialCredentials: Sendable {
  let server: TLSContext
  let client: TLSContext
  /// Certificates that no client should take.
  let unacceptable: [String: TLSContext]

  static let shared = Result { try TrialCredentials() }

  private init() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "postern-trial-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let maker = try CertificateMaker(directory: directory.path)
    let stranger = try CertificateMaker(directory: directory.path, authority: "stranger")
    func context(_ files: CertificateMaker.Files) throws -> TLSContext {
      try TLSContext.server(certificate: files.certificate, key: files.key, minimum: .v12)
    }
    let good = try maker.makeCertificate("good")
    server = try context(good)
    client = try TLSContext.client(authorities: maker.authority, minimum: .v12)
    var unacceptable = [
      "expired": try context(try maker.makeCertificate("expired", validity: .expired)),
      "not yet valid": try context(try maker.makeCertificate("not-yet", validity: .notYet)),
      "of another name": try context(try maker.makeCertificate("other", names: ["elsewhere.example"])),
      "of a stranger": try context(try stranger.makeCertificate("strange")),
    ]
    for weakness in CertificateMaker.Weakness.allCases {
      let server = try context(good)
      try maker.install(weakness, on: server.pointer)
      unacceptable[weakness.rawValue] = server
    }
    self.unacceptable = unacceptable
  }
}

/// `@unchecked Sendable`: written and read only on the one thread that steps the log.
private final class TrialWaiter: CompletionReceiver, @unchecked Sendable {
  var extent: Extent?

  func receive(_ completions: [(token: UInt64, completion: Completion)]) {
    for case (_, .stored(let extent)) in completions { self.extent = extent }
  }
}

private struct TrialThreads: WorkerThreads {
  func run<Outcome: Sendable>(
    on eventLoop: any EventLoop, _ work: @escaping @Sendable () throws -> Outcome
  ) -> EventLoopFuture<Outcome> {
    // So long that the other side has its say meanwhile.
    eventLoop.scheduleTask(in: .milliseconds(20), work).futureResult
  }
}
