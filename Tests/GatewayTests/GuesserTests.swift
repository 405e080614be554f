// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Crypto
import NIOCore
import NIOEmbedded
import Queue
import SMTP
import Synchronization
import TestKit
import Testing

@testable import Gateway

@Suite("Whoever guesses passwords")
struct GuesserTests {
  private static let rate = Configuration.Rate(count: 5, seconds: 600)

  /// A checker with the user alice, a clock that is turned by hand, and a count of derivations.
  private final class Bench {
    let loop = EmbeddedEventLoop()
    let time = HandClock()
    let threads = CountingThreads()
    let verifier: SCRAMVerifier
    private(set) var checker: LoginChecker!

    init(iterations: Int = 4_096) {
      var configuration = Configuration(hostname: "gate.test", upstream: Configuration.Upstream(name: "office"))
      configuration.access.authFailures = GuesserTests.rate
      var settings = Settings.plain(configuration)
      verifier = SCRAMVerifier(password: Array("s3cret".utf8), salt: Array(1...16), iterations: iterations)
      for name in ["alice", "bob", "gone"] {
        settings.users.set(UsersFile.User(name: name, verifier: verifier, isDisabled: name == "gone")!)
      }
      let clock = Clock(now: { [time] in time.now }, zoneOffset: { _ in 0 })
      checker = LoginChecker(settings: SettingsHolder(settings), clock: clock, threads: threads)
    }

    func pass(_ seconds: Int64) { time.pass(seconds) }

    func password(_ password: String, of name: String, from address: String) throws -> ServerSession.LoginVerdict {
      let attempt = LoginAttempt(name: name, evidence: .password(Secret(password)), mechanism: .plain)
      return try verdict(attempt, address)
    }

    func proof(_ isRight: Bool, of name: String, from address: String) throws -> ServerSession.LoginVerdict {
      try verdict(LoginAttempt(name: name, evidence: .proof(isRight: isRight), mechanism: .scram), address)
    }

    func lookUp(_ name: String, from address: String) throws -> LoginChecker.LookedUp {
      let found = checker.lookUp(name, from: address, on: loop)
      loop.run()
      return try found.wait()
    }

    private func verdict(_ attempt: LoginAttempt, _ address: String) throws -> ServerSession.LoginVerdict {
      let verdict = checker.check(attempt, known: verifier, from: address, on: loop)
      loop.run()
      return try verdict.wait()
    }
  }

  @Test("of one user is slowed at his address, and the user elsewhere is not")
  func pair() throws {
    let bench = Bench()
    for _ in 0..<5 { #expect(try bench.password("wrong", of: "alice", from: "192.0.2.1") == .rejected) }
    #expect(try bench.password("s3cret", of: "alice", from: "192.0.2.1") == .throttled)
    #expect(try bench.proof(true, of: "alice", from: "192.0.2.1") == .throttled)
    guard case .throttled = try bench.lookUp("alice", from: "192.0.2.1") else {
      Issue.record("a challenge for a guesser")
      return
    }
    #expect(try bench.password("s3cret", of: "alice", from: "192.0.2.2") == .accepted)
    #expect(try bench.password("s3cret", of: "bob", from: "192.0.2.1") == .accepted)
    bench.pass(13)
    #expect(try bench.password("s3cret", of: "alice", from: "192.0.2.1") == .accepted)
  }

  @Test("from many addresses locks nobody out")
  func manyAddresses() throws {
    let bench = Bench()
    for address in 0..<200 { _ = try bench.proof(false, of: "alice", from: "198.51.100.\(address)") }
    #expect(try bench.password("s3cret", of: "alice", from: "192.0.2.1") == .accepted)
  }

  @Test("with many names is slowed at his address, and who logged in there before is not")
  func manyNames() throws {
    let bench = Bench()
    #expect(try bench.password("s3cret", of: "bob", from: "192.0.2.1") == .accepted)
    for name in 0..<50 { #expect(try bench.proof(false, of: "user\(name)", from: "192.0.2.1") == .rejected) }
    #expect(try bench.proof(false, of: "another", from: "192.0.2.1") == .throttled)
    #expect(try bench.password("s3cret", of: "alice", from: "192.0.2.1") == .throttled)
    #expect(try bench.password("s3cret", of: "alice", from: "192.0.2.2") == .accepted)
    #expect(try bench.proof(true, of: "bob", from: "192.0.2.1") == .accepted)
  }

  @Test("waits twice as long each time, some of them a little longer, and is forgotten in the end")
  func delays() {
    for (random, extra) in [(0, 0), (255, 25)] as [(UInt8, Int64)] {
      var failures = FailedLogins<String>()
      var now: Int64 = 0
      for _ in 0..<5 { failures.failed("x", by: Self.rate, now: now, random: random) }
      for delay in [10, 20, 40, 80, 160, 320, 600, 600] as [Int64] {
        let end = delay * (1_000 + extra * 10)
        #expect(failures.isThrottled("x", by: Self.rate, now: now + end - 1))
        #expect(!failures.isThrottled("x", by: Self.rate, now: now + end))
        now += min(end, 600_000)
        failures.failed("x", by: Self.rate, now: now, random: random)
      }
      failures.failed("x", by: Self.rate, now: now + 600_001, random: random)
      #expect(!failures.isThrottled("x", by: Self.rate, now: now + 600_001))
    }
  }

  @Test("in a crowd is remembered in a table that does not grow, the latest first")
  func bounded() {
    var failures = FailedLogins<Int>(guessersMax: 1_000)
    for guesser in 0..<20_000 { failures.failed(guesser, by: Self.rate, now: Int64(guesser), random: 0) }
    #expect(failures.count <= 1_000)
    for _ in 0..<4 { failures.failed(19_999, by: Self.rate, now: 20_000, random: 0) }
    #expect(failures.isThrottled(19_999, by: Self.rate, now: 20_001))
    #expect(failedLoginsMax == 65_536)
  }

  @Test(
    "cannot tell from the work whether a user is there: one derivation each, of the same cost",
    arguments: ["alice", "nobody", "gone", "no\u{7}name"])
  func derivations(name: String) throws {
    let bench = Bench()
    #expect(try bench.password("wrong", of: name, from: "192.0.2.1") == .rejected)
    #expect(bench.threads.runs.load(ordering: .relaxed) == 1)
    // SCRAM needs none for anybody.
    guard case .verifier(let first) = try bench.lookUp(name, from: "192.0.2.1"),
      case .verifier(let second) = try bench.lookUp(name, from: "192.0.2.2")
    else {
      Issue.record("no challenge")
      return
    }
    #expect(first.iterations == 4_096 && first.salt.count == 16)
    #expect(first.salt == second.salt)
    #expect(try bench.proof(false, of: name, from: "192.0.2.1") == .rejected)
    #expect(bench.threads.runs.load(ordering: .relaxed) == 1)
  }

  @Test("is told the same of a login that was remembered as of any other")
  func remembered() throws {
    let bench = Bench()
    #expect(try bench.password("s3cret", of: "alice", from: "192.0.2.1") == .accepted)
    #expect(try bench.password("s3cret", of: "alice", from: "192.0.2.1") == .accepted)
    #expect(bench.threads.runs.load(ordering: .relaxed) == 1)
    #expect(try bench.password("wrong", of: "alice", from: "192.0.2.1") == .rejected)
    #expect(bench.threads.runs.load(ordering: .relaxed) == 2)
  }

  @Test("or whose password is known to all has so many sessions and no more, wherever from")
  func sessions() {
    let checker = Bench().checker!
    #expect((0..<50).allSatisfy { _ in checker.entered("alice", limit: 50) })
    #expect(!checker.entered("alice", limit: 50))
    #expect(checker.entered("bob", limit: 50))
    checker.left("alice")
    #expect(checker.entered("alice", limit: 50))
    #expect((0..<500).allSatisfy { _ in checker.entered("carol", limit: 0) })
  }
}

private final class HandClock: Sendable {
  private let monotonic = Mutex<Int64>(1_000)

  var now: Instant { Instant(wall: 0, monotonic: monotonic.withLock { $0 }) }

  func pass(_ seconds: Int64) { monotonic.withLock { $0 += seconds * 1_000 } }
}

private final class CountingThreads: WorkerThreads {
  let runs = Atomic(0)

  func run<Outcome: Sendable>(
    on eventLoop: any EventLoop, _ work: @escaping @Sendable () throws -> Outcome
  ) -> EventLoopFuture<Outcome> {
    runs.add(1, ordering: .relaxed)
    return eventLoop.submit(work)
  }
}
