// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration
import Crypto
import Glibc
import SMTP
import Synchronization

@testable import Gateway
@testable import Queue

/// A gateway that is nothing but its answers.
final class FakeGateway: Administration {
  struct State {
    /// In the order of their numbers.
    var views: [MessageView] = []
    var status = FakeGateway.status
    var problems: [String] = []
    var ambiguous: [String: [MessageID]] = [:]
    var replies: [MessageID: Reply] = [:]
    /// Newest first.
    var finished: [FinishedMessage] = []
    var upstreams = ["office"]
    var logins: [LoginReply] = []
    var clients: [ClientReply] = []
    var clientNames: [String] = []
    var findings: [String: ClientFindings] = [:]
    var credentialError: AdminError?
    /// What was asked to be changed, a line each.
    var calls: [String] = []
    var flushed: [MessageID] = []
    var pages = 0
    var largestLimit = 0
    var holdsAnswers = false
    var held: [@Sendable () -> Void] = []
  }

  static let now: Int64 = 1_795_268_402_000
  static let status = StatusReply(
    health: .ok, version: "1.0.0", host: "gate", uptimeSeconds: 60,
    config: .init(path: "/etc/postern/postern.toml", loaded: Timestamp(milliseconds: now), generation: 1),
    queue: .init(queued: 0, sending: 0, deferred: 0, held: 0, failed: 0, quarantined: 0, bytes: 0, oldestSeconds: nil),
    upstreams: [],
    incoming: .init(sessions: 0, listeners: []), spool: .init(freeBytes: 1), warnings: [])

  private let state: Mutex<State>

  /// Every second message is of user "nas"; the number of a message is its size and one more.
  init(messages: Int) {
    var state = State()
    state.views = (0..<messages).map { number in
      MessageView(
        id: MessageID(number: UInt64(number + 1)), state: .deferred, sender: Address("a@example.com"),
        recipients: [RecipientView(address: Address("b@example.org")!, state: .deferred, attempts: 1)], size: number,
        received: Self.now - 60_000, attempts: 1, nextAttempt: Self.now + 60_000, expires: Self.now + 86_400_000,
        submitter: number.isMultiple(of: 2) ? "nas" : "192.168.1.20")
    }
    self.state = Mutex(state)
  }

  func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

  var views: [MessageView] { state.withLock { $0.views } }
  var flushed: [MessageID] { state.withLock { $0.flushed } }
  var calls: [String] { state.withLock { $0.calls } }
  var pages: Int { state.withLock { $0.pages } }
  var largestLimit: Int { state.withLock { $0.largestLimit } }

  /// Answers what was kept back because of `holdsAnswers`.
  func releaseAnswers() {
    let held = state.withLock { state in
      defer { state.held = [] }
      return state.held
    }
    for answer in held { answer() }
  }

  // MARK: What the console asks

  func status() -> StatusReply { state.withLock { $0.status } }

  func page(after: MessageID?, limit: Int) -> [MessageView] {
    state.withLock { state in
      state.pages += 1
      state.largestLimit = max(state.largestLimit, limit)
      let first = after.map { state.place(behind: $0.number) } ?? 0
      return Array(state.views[first...].prefix(limit))
    }
  }

  func show(_ prefix: String) -> ShowResult {
    state.withLock { state in
      if let ids = state.ambiguous[prefix] { return .ambiguous(ids) }
      guard let view = state.views.first(where: { $0.id.description.hasPrefix(prefix) }) else { return .unknown }
      return .found(MessageReply(view, now: Self.now))
    }
  }

  func details(of id: MessageID) -> MessageDetails? {
    state.withLock { state in
      let place = state.place(behind: id.number) - 1
      guard place >= 0, state.views[place].id == id else { return nil }
      let reply = state.replies[id].map { LastReply(index: 0, wall: Self.now - 30_000, reply: $0) }
      return MessageDetails(
        view: state.views[place],
        origin: Origin(login: id.number.isMultiple(of: 2) ? nil : "nas", address: "192.168.1.20"),
        replies: reply.map { [$0] } ?? [], duplicatePossible: false)
    }
  }

  func detours(of id: MessageID) -> [Detours.Note] { [] }

  func lastReply(of id: MessageID) -> Reply? { state.withLock { $0.replies[id] } }

  func finished(
    among literals: [[Selector.Literal]],
    limit: Int, where isMeant: @escaping @Sendable (FinishedMessage) -> Bool,
    completed: @escaping @Sendable (HistoryFindings) -> Void
  ) {
    let filter = HistoryFilter(literals)
    let found = state.withLock { $0.finished }.filter { message in
      var line: [UInt8] = []
      HistoryLine.append(message, upstream: message.recipients.first?.upstream, to: &line)
      // Of many recipients there are several lines; then one of them is enough.
      return line.withUnsafeBytes { filter.mayMatch($0) } && isMeant(message)
    }
    completed(HistoryFindings(messages: Array(found.prefix(limit)), isCut: found.count > limit))
  }

  func finished(idPrefix: String, completed: @escaping @Sendable (HistoryFindings) -> Void) {
    let found = state.withLock { $0.finished }.filter { $0.id.description.hasPrefix(idPrefix) }
    completed(HistoryFindings(messages: found))
  }

  var surroundings: Selector.Surroundings {
    Selector.Surroundings(upstreams: { _ in ["office"] }) { network, address in
      Network(network)!.contains(IPAddress(address)!)
    }
  }

  func meaning(of reply: Reply, from upstreams: [String]) -> ReplyMeaning? { nil }

  func meaning(ofTroubleOf upstream: String) -> ReplyMeaning? { nil }

  func route(_ delivery: Configuration.Delivery) -> RouteReply {
    RouteReply(
      from: delivery.sender?.text ?? "", to: delivery.recipient.text, route: nil, way: "office",
      upstreams: [RouteReply.Step(name: "office", state: "ok", reason: nil, carries: true, sender: nil)])
  }

  func upstream(_ name: String) throws(AdminError) -> UpstreamReply {
    UpstreamReply(
      upstream: StatusReply.Upstream(name: name, endpoint: "relay.test:465", state: "ok"),
      facts: [UpstreamReply.Fact("priority", "10")])
  }

  func flush(_ ids: [MessageID]) -> Int {
    state.withLock { $0.flushed += ids }
    return ids.count
  }

  func hold(_ ids: [MessageID], until: Int64?, by: String, reason: String?) -> Int {
    state.withLock { state in
      state.calls.append("hold \(ids.count) until \(until.map(String.init) ?? "-") by \(by): \(reason ?? "-")")
      return state.update(ids) { view in
        guard view.state != .held else { return false }
        view.state = .held
        view.hold = Hold(until: until, since: Self.now, by: PeerText(by), reason: reason.map { PeerText($0) })
        return true
      }
    }
  }

  func release(_ ids: [MessageID]) -> Int {
    state.withLock { state in
      state.calls.append("release \(ids.count)")
      return state.update(ids) { view in
        guard view.state == .held else { return false }
        view.state = .deferred
        view.hold = nil
        return true
      }
    }
  }

  /// What is given back is gone at once.
  func bounce(_ ids: [MessageID], reason: String?, report: Bool) -> Int {
    state.withLock { state in
      state.calls.append("bounce \(ids.count) report \(report): \(reason ?? "-")")
      let before = state.views.count
      let gone = Set(ids)
      state.views.removeAll { gone.contains($0.id) }
      return before - state.views.count
    }
  }

  let droppedKeep: Int64 = 86_400_000

  func drop(_ ids: [MessageID], into batch: UInt64?, by: String) -> DroppedMail? {
    state.withLock { state in
      let number = batch ?? 41
      state.calls.append("drop \(ids.count) into \(batch.map(String.init) ?? "-") by \(by)")
      let until = Self.now + droppedKeep
      let count = state.update(ids) { view in
        guard view.drop == nil else { return false }
        view.state = .dropped
        view.drop = Drop(batch: number, until: until, since: Self.now, by: PeerText(by))
        return true
      }
      return count > 0 ? DroppedMail(batch: number, count: count, until: until) : nil
    }
  }

  func erase(_ ids: [MessageID]) -> Int {
    state.withLock { state in
      state.calls.append("erase \(ids.count)")
      let before = state.views.count
      let gone = Set(ids)
      state.views.removeAll { gone.contains($0.id) }
      return before - state.views.count
    }
  }

  func undrop(batch: UInt64) -> Int {
    state.withLock { state in
      state.update(state.views.filter { $0.drop?.batch == batch }.map(\.id)) { view in
        view.state = .deferred
        view.drop = nil
        return true
      }
    }
  }

  func droppedBatches() -> [UInt64: Int] {
    views.compactMap(\.drop?.batch).reduce(into: [:]) { $0[$1, default: 0] += 1 }
  }

  func reload(completed: @escaping @Sendable (ReloadReply) -> Void) {
    let problems = state.withLock { $0.problems }
    answer {
      completed(ReloadReply(generation: 2, changed: problems.isEmpty ? ["upstream.gmail"] : [], problems: problems))
    }
  }

  func pause(_ target: PauseTarget, until: Int64?, by: String, reason: String?) throws(AdminError) -> PauseReply {
    let (side, name) = try Self.words(target)
    return state.withLock { state in
      state.calls.append("pause \(target) until \(until.map(String.init) ?? "-") by \(by): \(reason ?? "-")")
      let pause = Pause(
        side: side, name: name, since: Timestamp(milliseconds: Self.now), until: until.map(Timestamp.init), by: by,
        reason: reason)
      let changed = !state.status.pauses.contains { $0.side == side && $0.name == name }
      state.status.pauses.append(pause)
      return PauseReply(verb: "pause", side: side, name: name, changed: changed, pause: pause)
    }
  }

  func resume(_ target: PauseTarget, by: String) throws(AdminError) -> PauseReply {
    let (side, name) = try Self.words(target)
    return state.withLock { state in
      state.calls.append("resume \(target) by \(by)")
      let before = state.status.pauses.count
      state.status.pauses.removeAll { $0.side == side && $0.name == name }
      return PauseReply(
        verb: "resume", side: side, name: name, changed: before > state.status.pauses.count, pause: nil)
    }
  }

  private static func words(_ target: PauseTarget) throws(AdminError) -> (side: String, name: String?) {
    switch target {
    case .incoming: return ("in", nil)
    case .outgoing: return ("out", nil)
    case .upstream("office"): return ("upstream", "office")
    case .upstream(let name): throw AdminError("upstream.unknown", "there is no upstream '\(name)'", exit: .noInput)
    }
  }

  func upstreamNames() -> [String] { state.withLock { $0.upstreams } }

  func credentials() -> [CredentialReply] {
    upstreamNames().map { CredentialReply(upstream: $0, kind: "password", login: "gate", state: "ok") }
  }

  func setCredential(
    _ upstream: String, kind: CredentialKind?, secret: Secret, test: Bool, by: String,
    completed: @escaping @Sendable (Result<CredentialChangeReply, AdminError>) -> Void
  ) {
    let error = state.withLock { state in
      state.calls.append("creds \(upstream) test \(test) by \(by) octets \(secret.octets.count)")
      return state.credentialError
    }
    answer {
      if let error { return completed(.failure(error)) }
      completed(
        .success(
          CredentialChangeReply(
            upstream: upstream, credential: "\(upstream).password", tested: test, released: 0, live: true)))
    }
  }

  func beginSignIn(
    _ upstream: String, by: String, completed: @escaping @Sendable (Result<SignInReply, AdminError>) -> Void
  ) {
    state.withLock { $0.calls.append("sign in \(upstream) by \(by)") }
    completed(
      .success(
        SignInReply(
          upstream: upstream, address: "https://login.test/device", code: "WDJB-MJHT",
          ends: Timestamp(milliseconds: 900_000))))
  }

  func awaitSignIn(
    _ upstream: String, by: String, completed: @escaping @Sendable (Result<CredentialChangeReply, AdminError>) -> Void
  ) {
    state.withLock { $0.calls.append("await \(upstream) by \(by)") }
    completed(
      .success(
        CredentialChangeReply(
          upstream: upstream, credential: "\(upstream).token", tested: true, released: 0, live: true)))
  }

  func testCredential(
    _ upstream: String, by: String, completed: @escaping @Sendable (Result<CredentialChangeReply, AdminError>) -> Void
  ) {
    state.withLock { $0.calls.append("test \(upstream) by \(by)") }
    completed(
      .success(
        CredentialChangeReply(
          upstream: upstream, credential: "\(upstream).password", tested: true, released: 0, live: true)))
  }

  func clients() -> [ClientReply] { state.withLock { $0.clients } }

  func clientNames() -> [String] { state.withLock { $0.clientNames } }

  func clientFindings(_ subject: String) -> ClientFindings? { state.withLock { $0.findings[subject] } }

  func logins() -> [LoginReply] { state.withLock { $0.logins } }

  private func answer(_ body: @escaping @Sendable () -> Void) {
    let isHeld = state.withLock { state in
      if state.holdsAnswers { state.held.append(body) }
      return state.holdsAnswers
    }
    if !isHeld { body() }
  }
}

extension FakeGateway.State {
  /// Index of the first message with a higher number.
  fileprivate func place(behind number: UInt64) -> Int {
    var (low, high) = (0, views.count)
    while low < high {
      let middle = (low + high) / 2
      if views[middle].id.number > number { high = middle } else { low = middle + 1 }
    }
    return low
  }

  fileprivate mutating func update(_ ids: [MessageID], _ body: (inout MessageView) -> Bool) -> Int {
    ids.count { id in
      let place = place(behind: id.number) - 1
      return place >= 0 && views[place].id == id && body(&views[place])
    }
  }
}

/// What the log would hold, a line each: `UID PID COMMAND | OUTCOME`, with the counts where there are any.
final class AuditLog: Sendable {
  private let entries = Mutex<[AdminAction]>([])

  var actions: [AdminAction] { entries.withLock { $0 } }

  var lines: [String] {
    actions.map { action in
      let counts = action.matched.map { ": \($0) matched, \(action.changed ?? 0) changed" } ?? ""
      return "\(action.uid) \(action.pid) \(action.command) | \(action.outcome)\(counts)"
    }
  }

  @Sendable func record(_ action: AdminAction) { entries.withLock { $0.append(action) } }
}
