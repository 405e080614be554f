// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Crypto
import NIOCore
import SMTP
import Synchronization

/// Checks logins of LAN clients against the users file.
///
/// A login that succeeded is remembered for ten minutes as an HMAC under a key of this process, so a device that
/// connects for each message pays microseconds. Every other login that is checked pays one full derivation, on a worker,
/// whether the user exists or not: neither the answer nor its time tells which.
package final class LoginChecker: Sendable {
  private struct State {
    var remembered: [String: Remembered] = [:]
    var failures = FailedLogins()
    /// By name, of users that the file had when they logged in.
    var last: [String: LastLogin] = [:]
  }

  package struct LastLogin: Sendable, Equatable {
    /// Milliseconds.
    package var wall: Int64
    package var address: String
  }

  private struct Remembered {
    var proof: [UInt8]
    var verifier: SCRAMVerifier
    var until: Int64
  }

  static let rememberedMilliseconds: Int64 = 600_000
  static let rememberedMax = 10_000

  private let settings: SettingsHolder
  private let clock: Clock
  private let threads: any WorkerThreads
  private let key = SecureRandom.octets(32)
  private let nobody = SCRAMVerifier(password: SecureRandom.octets(16), salt: SecureRandom.octets(16))
  private let state = Mutex(State())

  package init(settings: SettingsHolder, clock: Clock, threads: any WorkerThreads) {
    self.settings = settings
    self.clock = clock
    self.threads = threads
  }

  /// A user has this name, whether or not it may log in.
  package func isKnown(_ name: String) -> Bool { settings.current.users.user(named: name) != nil }

  package func check(
    _ attempt: LoginAttempt, from address: String, on eventLoop: any EventLoop
  ) -> EventLoopFuture<ServerSession.LoginVerdict> {
    let current = settings.current
    let user = current.users.user(named: attempt.name).flatMap { $0.isDisabled ? nil : $0.verifier }
    let proof = HMACSHA256.authenticate(Array(attempt.name.utf8) + [0] + attempt.password.octets, key: key)
    let now = clock.now().monotonic
    if let user, isRemembered(attempt.name, proof, user, now) {
      noteLogin(attempt.name, from: address)
      return eventLoop.makeSucceededFuture(.accepted)
    }

    // A name that no user can have is counted for the address alone.
    let counted = UsersFile.isValidName(attempt.name) ? attempt.name : ""
    let pair = FailedLogins.Pair(address: address, user: counted)
    let rate = current.configuration.access.authFailures
    if let rate, state.withLock({ $0.failures.isThrottled(pair, by: rate, now: now) }) {
      return eventLoop.makeSucceededFuture(.throttled)
    }
    let verifier = user ?? nobody
    let password = attempt.password.octets
    return threads.run(on: eventLoop) { verifier.matches(password: password) }
      .map { [self] matches in
        guard matches, let user else {
          if let rate { state.withLock { $0.failures.failed(pair, by: rate, now: now) } }
          return .rejected
        }
        remember(attempt.name, Remembered(proof: proof, verifier: user, until: now + Self.rememberedMilliseconds))
        state.withLock { $0.failures.succeeded(pair) }
        noteLogin(attempt.name, from: address)
        return .accepted
      }
      .flatMapErrorThrowing { _ in .unavailable }
  }

  /// When and from where a user logged in last, since the start.
  package func lastLogin(of name: String) -> LastLogin? { state.withLock { $0.last[name] } }

  /// Names that the file has no more go when there are more than it has.
  private func noteLogin(_ name: String, from address: String) {
    let login = LastLogin(wall: clock.now().wall, address: address)
    let users = settings.current.users
    state.withLock { state in
      if state.last.updateValue(login, forKey: name) == nil, state.last.count > users.count {
        state.last = state.last.filter { $0.key == name || users.user(named: $0.key) != nil }
      }
    }
  }

  /// A changed or removed user is not remembered: the verifier is part of what is compared.
  private func isRemembered(_ name: String, _ proof: [UInt8], _ user: SCRAMVerifier, _ now: Int64) -> Bool {
    state.withLock { state in
      guard let known = state.remembered[name] else { return false }
      return known.until > now && known.verifier == user && constantTimeEqual(known.proof, proof)
    }
  }

  private func remember(_ name: String, _ login: Remembered) {
    state.withLock { state in
      if state.remembered.count >= Self.rememberedMax { state.remembered = [:] }
      state.remembered[name] = login
    }
  }
}
