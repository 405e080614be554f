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
/// whether the user exists or not: neither the answer nor its time tells which. SCRAM needs no derivation here; the client
/// has made it.
package final class LoginChecker: Sendable {
  private struct State {
    var remembered: [String: Remembered] = [:]
    var failures = FailedLogins<Pair>()
    /// Of an address, whatever the names.
    var addressFailures = FailedLogins<String>()
    /// How many sessions each login has.
    var sessions: [String: Int] = [:]
    /// By name, of users that the file had when they logged in.
    var last: [String: LastLogin] = [:]
  }

  package struct LastLogin: Sendable, Equatable {
    /// Milliseconds.
    package var wall: Int64
    package var address: String
  }

  private struct Pair: Hashable {
    var address: String
    var user: String
  }

  private struct Remembered {
    var proof: [UInt8]
    var verifier: SCRAMVerifier
    var until: Int64
  }

  static let rememberedMilliseconds: Int64 = 600_000
  static let rememberedMax = 10_000
  /// An address may fail so many times as often as one user from it: behind a router are many users, and whoever tries
  /// many names is slowed down all the same.
  static let failuresOfAddress = 10

  private let settings: SettingsHolder
  private let clock: Clock
  private let threads: any WorkerThreads
  /// nil: the users come from no file.
  private let watch: UsersWatch?
  private let key = SecureRandom.octets(32)
  private let nobody = SCRAMVerifier.ofNobody(
    salt: SecureRandom.octets(SCRAMVerifier.saltOctets), storedKey: SecureRandom.octets(SHA256.octetCount),
    serverKey: SecureRandom.octets(SHA256.octetCount))

  /// What SCRAM goes on with.
  package enum LookedUp: Sendable {
    /// Of a user who may log in, or one that nobody's password fits; the client cannot tell which.
    case verifier(SCRAMVerifier)
    case throttled
  }
  private let state = Mutex(State())

  package convenience init(settings: SettingsHolder, clock: Clock, threads: any WorkerThreads) {
    self.init(settings: settings, clock: clock, threads: threads, watch: nil)
  }

  init(settings: SettingsHolder, clock: Clock, threads: any WorkerThreads, watch: UsersWatch?) {
    self.settings = settings
    self.watch = watch
    self.clock = clock
    self.threads = threads
  }

  /// A user has this name, whether or not it may log in.
  package func isKnown(_ name: String) -> Bool { settings.current.users.user(named: name) != nil }

  /// As whom a user may send where users may be themselves only.
  package func addresses(of name: String) -> [MailboxPattern] { settings.current.users.user(named: name)?.own ?? [] }

  /// `known` is what the name was looked up to, if it was.
  package func check(
    _ attempt: LoginAttempt, known: SCRAMVerifier? = nil, from address: String, on eventLoop: any EventLoop
  ) -> EventLoopFuture<ServerSession.LoginVerdict> {
    withUsersOfNow(on: eventLoop) { $0.decide(attempt, known, from: address, on: eventLoop) }
  }

  private func decide(
    _ attempt: LoginAttempt, _ known: SCRAMVerifier?, from address: String, on eventLoop: any EventLoop
  ) -> EventLoopFuture<ServerSession.LoginVerdict> {
    switch attempt.evidence {
    case .password(let password):
      return check(attempt.name, password, from: address, on: eventLoop)
    case .proof(let isRight):
      // Looked at again: sessions that were given a challenge before others failed do not get another guess each.
      if isThrottled(attempt.name, from: address) { return eventLoop.makeSucceededFuture(.throttled) }
      // The user may have another password since the name was looked up, or be no more.
      let isOfNow = verifier(of: attempt.name).map { $0 == known } ?? false
      return eventLoop.makeSucceededFuture(decided(attempt.name, isRight && isOfNow, from: address))
    case .certificate:
      // Nothing can be guessed here, so nothing is counted. The users file may have changed since the handshake.
      guard verifier(of: attempt.name) != nil else { return eventLoop.makeSucceededFuture(.rejected) }
      noteLogin(attempt.name, from: address)
      return eventLoop.makeSucceededFuture(.accepted)
    }
  }

  /// For later, where nobody waits for it.
  package func lookAtUsers(on eventLoop: any EventLoop) {
    _ = watch?.look(on: eventLoop)
  }

  /// At once where there is no file to look at.
  private func withUsersOfNow<Outcome: Sendable>(
    on eventLoop: any EventLoop, _ body: @escaping @Sendable (LoginChecker) -> EventLoopFuture<Outcome>
  ) -> EventLoopFuture<Outcome> {
    guard let watch else { return body(self) }
    return watch.look(on: eventLoop).flatMap { body(self) }
  }

  private func check(
    _ name: String, _ password: Secret, from address: String, on eventLoop: any EventLoop
  ) -> EventLoopFuture<ServerSession.LoginVerdict> {
    let user = verifier(of: name)
    let proof = HMACSHA256.authenticate(Array(name.utf8) + [0] + password.octets, key: key)
    let now = clock.now().monotonic
    if let user, isRemembered(name, proof, user, now) {
      noteLogin(name, from: address)
      return eventLoop.makeSucceededFuture(.accepted)
    }
    if isThrottled(name, from: address) { return eventLoop.makeSucceededFuture(.throttled) }
    let verifier = user ?? nobody.salted(nobody.salt, iterations: model.iterations)
    return threads.run(on: eventLoop) { verifier.matches(password: password.octets) }
      .map { [self] matches in
        // Looked at again: of those that were being checked when others failed each would be another guess.
        if isThrottled(name, from: address) { return .throttled }
        if matches, let user {
          remember(name, Remembered(proof: proof, verifier: user, until: now + Self.rememberedMilliseconds))
        }
        return decided(name, matches && user != nil, from: address)
      }
      .flatMapErrorThrowing { _ in .unavailable }
  }

  /// For a name that nobody has it is the same as long as the first user is, over restarts too, and looks like his; no
  /// proof fits it.
  package func lookUp(
    _ name: String, from address: String, on eventLoop: any EventLoop
  ) -> EventLoopFuture<LookedUp> {
    withUsersOfNow(on: eventLoop) { eventLoop.makeSucceededFuture($0.lookUp(name, from: address)) }
  }

  private func lookUp(_ name: String, from address: String) -> LookedUp {
    if isThrottled(name, from: address) { return .throttled }
    let salt = HMACSHA256.authenticate(Array(name.utf8), key: model.serverKey).prefix(model.salt.count)
    return .verifier(verifier(of: name) ?? nobody.salted(Array(salt), iterations: model.iterations))
  }

  /// What a user whom there is not looks like.
  private var model: SCRAMVerifier { settings.current.users.first?.verifier ?? nobody }

  private func verifier(of name: String) -> SCRAMVerifier? {
    settings.current.users.user(named: name).flatMap { $0.isDisabled ? nil : $0.verifier }
  }

  /// Who logged in from there last is not slowed down because of others at the same address.
  private func isThrottled(_ name: String, from address: String) -> Bool {
    guard let rate = settings.current.configuration.access.authFailures else { return false }
    let now = clock.now().monotonic
    return state.withLock { state in
      if state.failures.isThrottled(Self.pair(name, address), by: rate, now: now) { return true }
      return state.last[name]?.address != address
        && state.addressFailures.isThrottled(address, by: Self.ofAddress(rate), now: now)
    }
  }

  private func decided(_ name: String, _ isRight: Bool, from address: String) -> ServerSession.LoginVerdict {
    let pair = Self.pair(name, address)
    guard isRight else {
      let now = clock.now().monotonic
      if let rate = settings.current.configuration.access.authFailures {
        let random = SecureRandom.octets(1)[0]
        state.withLock { state in
          state.failures.failed(pair, by: rate, now: now, random: random)
          state.addressFailures.failed(address, by: Self.ofAddress(rate), now: now, random: random)
        }
      }
      return .rejected
    }
    state.withLock { $0.failures.succeeded(pair) }
    noteLogin(name, from: address)
    return .accepted
  }

  private static func ofAddress(_ rate: Configuration.Rate) -> Configuration.Rate {
    var rate = rate
    rate.count *= failuresOfAddress
    return rate
  }

  /// A name that no user can have is counted as one.
  private static func pair(_ name: String, _ address: String) -> Pair {
    Pair(address: address, user: UsersFile.isValidName(name) ? name : "")
  }

  // MARK: sessions of a login

  /// A session begins under this login; false: it has `limit` already, wherever they come from. Every true is followed by
  /// one `left`.
  func entered(_ name: String, limit: Int) -> Bool {
    state.withLock { state in
      let count = state.sessions[name, default: 0]
      guard limit == 0 || count < limit else { return false }
      state.sessions[name] = count + 1
      return true
    }
  }

  func left(_ name: String) {
    state.withLock { state in
      let count = state.sessions[name, default: 1]
      state.sessions[name] = count > 1 ? count - 1 : nil
    }
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
