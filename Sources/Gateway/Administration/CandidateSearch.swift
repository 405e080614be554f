// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Queue

/// `complete`: what the command table can put at the end of the line, and what only the gateway knows. Bounded in what it
/// looks at and in what it answers, because it is asked at every press of a key.
struct CandidateSearch: PagedWork {
  private let service: AdminService
  private let id: Int
  private let level: Command.Level
  private var completion: Admin.Completion
  private var scan: MessageScan
  private var pagesLeft = AdminLimits.completionPagesMax
  /// Addresses and names from the queue.
  private var found: [String: Tally] = [:]
  private var ids: [CandidateReply] = []

  /// What is said of an address: how many messages, and where they stand.
  private struct Tally {
    var messages = 0
    var states: [MessageState: Int] = [:]

    mutating func count(_ state: MessageState) {
      messages += 1
      states[state, default: 0] += 1
    }

    var summary: String {
      let names = MessageState.allCases.filter { states[$0] != nil }.map(\.name).joined(separator: ", ")
      return "\(Humane.count(messages, "message"))   \(names)"
    }
  }

  init(_ service: AdminService, _ request: AdminRequest, level: Command.Level) throws(AdminError) {
    guard let line = request.args.line else { throw .usage("missing_argument", "'complete' needs a line") }
    self.service = service
    self.level = level
    id = request.id
    completion = Admin.Completion.at(line: line, level: level)
    scan = MessageScan(service.administration, nil)
  }

  mutating func step() -> PagedStep {
    guard isLooking, let page = scan.next(now: service.now()) else { return .last(finish()) }
    pagesLeft -= 1
    for view in page { look(at: view) }
    return .more([])
  }

  func abandon() {}

  // MARK: In the queue

  /// With a character of an id typed, it is looked for everywhere, and without a look at messages.
  private var isLooking: Bool {
    guard pagesLeft > 0 else { return false }
    if !completion.wanted.isDisjoint(with: [.senders, .recipients, .submitters]) { return true }
    return completion.wanted.contains(.ids) && completion.typed.isEmpty && ids.count < AdminLimits.candidatesMax
  }

  private mutating func look(at view: MessageView) {
    if completion.wanted.contains(.ids), ids.count < AdminLimits.candidatesMax { ids.append(Self.candidate(view)) }
    var texts: Set<String> = []
    if completion.wanted.contains(.senders), let sender = view.sender {
      texts.insert(isDomain ? "@\(sender.domain)" : sender.text)
    }
    if completion.wanted.contains(.recipients) {
      for recipient in view.recipients.prefix(AdminLimits.completionRecipientsMax) {
        texts.insert(isDomain ? "@\(recipient.address.domain)" : recipient.address.text)
      }
    }
    if completion.wanted.contains(.submitters) { texts.insert(view.submitter) }
    for text in texts where fits(text) && isTypable(text) { found[text, default: Tally()].count(view.state) }
  }

  private var isDomain: Bool { completion.typed.hasPrefix("@") }

  private func fits(_ text: String) -> Bool { text.lowercased().hasPrefix(completion.typed.lowercased()) }

  /// What has a blank, a quote or a comma in it is no word of a selector, and what a terminal would obey is no candidate.
  private func isTypable(_ text: String) -> Bool {
    !text.isEmpty && !text.contains { " ,'\"\\".contains($0) } && TerminalText.escaped(text) == text
  }

  private static func candidate(_ view: MessageView) -> CandidateReply {
    let first = view.recipients.first?.address.text ?? ""
    let rest = view.recipients.count > 1 ? " +\(view.recipients.count - 1)" : ""
    return CandidateReply(text: view.id.description, summary: "\(view.state.name)  to \(first)\(rest)")
  }

  // MARK: The answer

  private mutating func finish() -> [AdminReply] {
    var candidates = completion.candidates
    if completion.wanted.contains(.upstreams) { candidates += upstreams }
    if completion.wanted.contains(.clients) { candidates += clients }
    // Who may log in is the admin's to know; who has mail here anybody sees who sees the queue.
    if completion.wanted.contains(.users), level == .admin { candidates += users }
    if completion.wanted.contains(.batches) { candidates += batches }
    candidates += found.sorted { $0.key < $1.key }.map { CandidateReply(text: $0.key, summary: $0.value.summary) }
    if completion.wanted.contains(.ids) { candidates += completion.typed.isEmpty ? ids : searched }
    var seen: Set<String> = []
    let answer = candidates.filter { seen.insert($0.text).inserted }.prefix(AdminLimits.candidatesMax)
    return answer.map { .data(id: id, .candidate($0)) } + [.end(id: id, exit: .ok)]
  }

  private var upstreams: [CandidateReply] {
    let status = service.administration.status().upstreams
    return service.administration.upstreamNames().filter(fits).map { name in
      let state = status.first { $0.name == name }
      return CandidateReply(text: name, summary: state.map { $0.state + ($0.reason.map { " (\($0))" } ?? "") } ?? "")
    }
  }

  /// Those that were here, and those that never came: of these one asks why.
  private var clients: [CandidateReply] {
    let seen = service.administration.clients().flatMap { client in
      [client.name, client.address].compactMap { $0 }.filter(fits).map { text in
        CandidateReply(text: text, summary: text == client.address ? client.name ?? "" : client.address)
      }
    }
    let names = Set(seen.map(\.text))
    let absent = service.administration.clientNames().filter { fits($0) && !names.contains($0) }
    return seen + absent.map { CandidateReply(text: $0, summary: "not seen since the start") }
  }

  /// The newest first: that is the one that somebody regrets.
  private var batches: [CandidateReply] {
    service.administration.droppedBatches().sorted { $0.key > $1.key }.compactMap { batch, messages in
      let text = "batch:\(batch)"
      return fits(text) ? CandidateReply(text: text, summary: Humane.count(messages, "message")) : nil
    }
  }

  private var users: [CandidateReply] {
    service.administration.logins().filter { fits($0.user) && isTypable($0.user) }.map { login in
      let last = login.lastLogin.map { "last login \($0.forPeople)" } ?? ""
      return CandidateReply(text: login.user, summary: login.disabled ? "disabled" : last)
    }
  }

  /// Ids that begin with what was typed, wherever in the queue they stand.
  private var searched: [CandidateReply] {
    guard let prefix = MessageID.canonical(completion.typed) else { return [] }
    switch service.administration.show(prefix) {
    case .unknown: return []
    case .found(let message): return [CandidateReply(text: message.id, summary: message.state)]
    case .ambiguous(let ids):
      return ids.prefix(AdminLimits.candidatesMax).map { id in
        let before = MessageID(number: id.number - 1)
        let view = service.administration.page(after: before, limit: 1).first { $0.id == id }
        return view.map(Self.candidate) ?? CandidateReply(text: id.description, summary: "")
      }
    }
  }
}
