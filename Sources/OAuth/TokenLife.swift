// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import SMTP

/// The life of the tokens of one login: when the server is asked, what is kept first, who gets what. `TokenKeeper` feeds
/// it events and carries out the action that comes back; after each event it sets its timer to `wakeUp`. It reads no
/// clock, and `jitter` is any number.
///
/// A refresh token that the server replaced is durable before anything that came with it is used: else a crash would
/// leave us with one that holds no more.
package struct TokenLife: Sendable {
  package enum Action: Sendable, Equatable {
    case wait
    /// For all who wait for a token.
    case answer(Answer)
    case request(TokenRequest)
    /// Write it down, durably; then `kept` or `notKept`.
    case keep(KeptGrant)
  }

  package enum Answer: Sendable, Equatable {
    case token(Secret)
    case trouble(TokenTrouble)
  }

  private enum Phase: Equatable {
    case resting
    case requesting
    /// The disk has it at this moment, or has refused it.
    case keeping(KeptGrant, TokenGrant)
    case unkept(KeptGrant, TokenGrant)
  }

  private struct Access {
    var token: Secret
    /// Monotonic milliseconds. Until `fresh` it is given out; until `usable`, if no other can be had.
    var renewal: Int64
    var fresh: Int64
    var usable: Int64
    /// Wall.
    var ends: Int64
    /// The upstream refused the one before.
    var isSecondTry: Bool
    var wasUsed = false
  }

  private let client: OAuthClient
  private let upstream: String
  private var phase = Phase.resting
  private var access: Access?
  /// What somebody's sign-in left us; nil in the application's own flow, and before anybody signed in.
  package private(set) var kept: KeptGrant?
  /// The server said that it holds no more, or it cannot be read.
  private var over: TokenTrouble?
  /// What came of the last request, if it was not a token.
  package private(set) var trouble: TokenTrouble?
  private var failures = 0
  private var isSecondTry = false
  /// Monotonic: when to ask again by itself, unless a token is in use.
  private var nextLook: Int64?
  private var nextTry: Int64 = 0

  private static let day: Int64 = 86_400_000
  /// Providers drop a sign-in that is not used for 90 days (Microsoft) or half a year (Google).
  private static let idleDaysOfDevice: Int64 = 7
  /// Nobody drops an application; that its secret has expired should be known before a scan waits for it.
  private static let idleDaysOfApplication: Int64 = 1

  /// `lack` says why there is no `kept`, if there should be one.
  package init(
    _ client: OAuthClient, upstream: String, kept: KeptGrant?, lack: TokenTrouble? = nil, now: Moment, jitter: UInt64
  ) {
    self.client = client
    self.upstream = upstream
    switch client.flow {
    case .application:
      // Machines that start together after an outage do not ask together.
      nextLook = now.monotonic + 1_000 + Int64(jitter % 30_000)
    case .device:
      self.kept = kept
      over = lack
      scheduleLook(idleSince: kept.map { now.monotonic - max(0, now.wall - $0.renewed) }, now, jitter)
    }
  }

  /// When to call `timePassed`; monotonic milliseconds.
  package var wakeUp: Int64? {
    if case .unkept = phase { return nextTry }
    guard phase == .resting else { return nil }
    // Nobody is asked; it is told when the last token is of no use any more.
    if over != nil { return access?.usable }
    let due = access.flatMap { $0.wasUsed ? $0.renewal : nil } ?? nextLook
    return due.map { max($0, nextTry) }
  }

  /// Wall milliseconds: when the token in hand ends.
  package var tokenEnds: Int64? { access?.ends }

  /// Nothing can be had before somebody signs in: known without asking anybody.
  package var standingTrouble: TokenTrouble? {
    if let over { return over }
    return client.flow == .device && kept == nil ? nobodySignedIn : nil
  }

  private var nobodySignedIn: TokenTrouble {
    TokenTrouble(isLasting: true, "nobody has signed in at the provider yet: \(client.signInCommand(upstream))")
  }

  // MARK: events

  /// Somebody wants to log in.
  package mutating func wanted(now: Moment) -> Action {
    if let access, now.monotonic < access.fresh {
      self.access?.wasUsed = true
      return .answer(.token(access.token))
    }
    switch phase {
    case .requesting, .keeping: return .wait
    case .unkept(let kept, let grant): return keep(kept, grant)
    case .resting: return ask(now)
    }
  }

  /// The time of `wakeUp` has come.
  package mutating func timePassed(now: Moment) -> Action {
    guard let due = wakeUp, due <= now.monotonic else { return .wait }
    if case .unkept(let kept, let grant) = phase { return keep(kept, grant) }
    return ask(now)
  }

  package mutating func received(_ grant: TokenGrant, now: Moment, jitter: UInt64) -> Action {
    guard phase == .requesting else { return .wait }
    guard let old = kept, client.flow == .device else { return use(grant, now, jitter) }
    var new = old
    new.refreshToken = grant.refreshToken ?? old.refreshToken
    new.account = grant.account ?? old.account
    new.renewed = now.wall
    // That it was used is worth a write only now and then.
    guard new.refreshToken != old.refreshToken || now.wall - old.renewed >= Self.day || now.wall < old.renewed else {
      return use(grant, now, jitter)
    }
    return keep(new, grant)
  }

  /// The server said no, or said nothing that we understand.
  package mutating func refused(_ refusal: TokenRefusal, now: Moment, jitter: UInt64) -> Action {
    guard phase == .requesting else { return .wait }
    let words = refusal.explained(upstream: upstream).replacing(
      "postern creds login \(upstream)", with: client.signInCommand(upstream))
    let text = "\(client.settings.tokenAddress.host): \(words)"
    switch refusal.nature {
    case .passing, .pending, .slowDown: return failed(TokenTrouble(isLasting: false, text), now, jitter)
    case .needsMending: return failed(TokenTrouble(isLasting: true, text), now, jitter)
    case .grantIsOver:
      let trouble = TokenTrouble(isLasting: true, text)
      if client.flow == .device { over = trouble }
      return failed(trouble, now, jitter)
    }
  }

  /// There was no answer.
  package mutating func unanswered(_ reason: String, now: Moment, jitter: UInt64) -> Action {
    failed(TokenTrouble(isLasting: false, reason), now, jitter)
  }

  /// The disk has what it was given.
  package mutating func kept(now: Moment, jitter: UInt64) -> Action {
    guard case .keeping(let new, let grant) = phase else { return .wait }
    kept = new
    over = nil
    return use(grant, now, jitter)
  }

  /// It has not. What came with it is not used; it is tried again soon, and when somebody wants to log in.
  package mutating func notKept(_ reason: String, now: Moment, jitter: UInt64) -> Action {
    guard case .keeping(let new, let grant) = phase else { return .wait }
    phase = .unkept(new, grant)
    nextTry = now.monotonic + 10_000 + Int64(jitter % 5_000)
    let trouble = TokenTrouble(isLasting: false, reason)
    self.trouble = trouble
    return .answer(.trouble(trouble))
  }

  /// What is kept is newer than what was asked with. Returns the request anew.
  package mutating func found(_ grant: KeptGrant) -> TokenRequest {
    kept = grant
    return .refresh(grant.refreshToken)
  }

  /// Somebody has signed in. Takes the place of whatever was there; a request under way is forgotten.
  package mutating func signedIn(_ new: KeptGrant, _ grant: TokenGrant) -> Action {
    access = nil
    isSecondTry = false
    return keep(new, grant)
  }

  /// The upstream took it.
  package mutating func accepted(_ token: Secret) {
    guard access?.token == token else { return }
    access?.isSecondTry = false
  }

  /// The upstream refused it. True: another one is there or will be, and may fare better. A second one that is refused
  /// will not: then it is not the token that is wrong. Either way the next is a new one.
  package mutating func rejected(_ token: Secret) -> Bool {
    guard let access, access.token == token else { return over == nil }
    self.access = nil
    isSecondTry = true
    return !access.isSecondTry
  }

  // MARK: steps

  private mutating func ask(_ now: Moment) -> Action {
    if let trouble = standingTrouble {
      if let access, now.monotonic < access.usable { return .answer(.token(access.token)) }
      access = nil
      return .answer(.trouble(trouble))
    }
    phase = .requesting
    switch (client.flow, kept) {
    case (.device, let kept?): return .request(.refresh(kept.refreshToken))
    case (.device, nil), (.application, _): return .request(.application)
    }
  }

  private mutating func keep(_ new: KeptGrant, _ grant: TokenGrant) -> Action {
    phase = .keeping(new, grant)
    return .keep(new)
  }

  private mutating func use(_ grant: TokenGrant, _ now: Moment, _ jitter: UInt64) -> Action {
    let lifetime = grant.lifetimeSeconds * 1000
    let spread = Int64(jitter % 1000) * (lifetime / 20) / 1000
    access = Access(
      token: grant.accessToken,
      renewal: now.monotonic + lifetime - min(600_000, lifetime / 3) - spread,
      fresh: now.monotonic + lifetime - min(300_000, lifetime / 4),
      usable: now.monotonic + lifetime - min(30_000, lifetime / 20), ends: now.wall + lifetime,
      isSecondTry: isSecondTry)
    isSecondTry = false
    phase = .resting
    trouble = nil
    failures = 0
    nextTry = 0
    scheduleLook(idleSince: now.monotonic, now, jitter)
    return .answer(.token(grant.accessToken))
  }

  private mutating func failed(_ trouble: TokenTrouble, _ now: Moment, _ jitter: UInt64) -> Action {
    guard phase == .requesting else { return .wait }
    phase = .resting
    self.trouble = trouble
    let first: Int64 = trouble.isLasting ? 3_600_000 : 30_000
    let pause = min(first << min(Int64(failures), 10), 3_600_000)
    failures += 1
    nextTry = now.monotonic + pause + (Int64(jitter % 401) - 200) * pause / 1000
    if nextLook == nil { nextLook = nextTry }
    // Whatever the server says takes nothing from a token that still holds. What does not pass is told at its end.
    if let access, now.monotonic < access.usable {
      if trouble.isLasting { nextTry = min(nextTry, access.usable) }
      return .answer(.token(access.token))
    }
    return .answer(.trouble(trouble))
  }

  /// When to ask although nobody wants a token.
  private mutating func scheduleLook(idleSince: Int64?, _ now: Moment, _ jitter: UInt64) {
    guard let idleSince else { return nextLook = nil }
    let days = client.flow == .device ? Self.idleDaysOfDevice : Self.idleDaysOfApplication
    let spread = Int64(jitter % 1000) * (days * Self.day / 10) / 1000
    // A machine that was off for long asks soon, not at once.
    nextLook = max(idleSince + days * Self.day - spread, now.monotonic + 1_000 + Int64(jitter % 30_000))
  }
}
