// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What may stand before the colon in a selector, for those who type one. The daemon reads selectors with a parser of its
/// own; a test holds the two to the same words.
package enum SelectorTerm: String, Sendable, CaseIterable {
  case from, to, user, client, upstream, state, tries, age, next, size, reason, code, id

  package var summary: String {
    switch self {
    case .from: "sender: address, @domain, pattern with *, or <>"
    case .to: "recipient: address, @domain, pattern with *"
    case .user: "login that handed it in"
    case .client: "address, network or name of the client"
    case .upstream: "the way that it will leave"
    case .state: "where it stands"
    case .tries: "attempts so far"
    case .age: "time since it came"
    case .next: "time to the next attempt"
    case .size: "octets of content"
    case .reason: "words of the last reply, or of a hold"
    case .code: "of the last reply: 421, 5.7.1"
    case .id: "id, or four or more characters of its beginning"
    }
  }

  /// What is known without asking anybody.
  var values: [CandidateReply] {
    switch self {
    case .state: Self.states.map { CandidateReply(text: $0.0, summary: $0.1) }
    case .tries: Self.plain(">1", ">3", ">10")
    case .age: Self.plain(">1h", ">1d", "<10m")
    case .next: Self.plain("<10m", ">1h")
    case .size: Self.plain(">1M", ">10M", "<10K")
    case .code: Self.plain("421", "450", "451", "550", "554")
    case .from: [CandidateReply(text: "<>", summary: "the null path: notifications")]
    case .to, .user, .client, .upstream, .reason, .id: []
    }
  }

  var wanted: Set<Completion.Kind> {
    switch self {
    case .from: [.senders]
    case .to: [.recipients]
    case .user: [.users, .submitters]
    case .client: [.submitters]
    case .upstream: [.upstreams]
    case .id: [.ids]
    case .state, .tries, .age, .next, .size, .reason, .code: []
    }
  }

  package static let states = [
    ("queued", "will be tried at once"), ("sending", "being sent"), ("deferred", "waits for its next attempt"),
    ("held", "kept back by somebody"), ("failed", "refused for good"), ("quarantined", "damaged on disk"),
    ("relayed", "has left, and the sender is still to be told"),
    ("sent", "finished: the upstream took it"), ("expired", "finished: tried for too long"),
    ("dropped", "taken out by somebody; then finished"),
  ]

  private static func plain(_ texts: String...) -> [CandidateReply] {
    texts.map { CandidateReply(text: $0, summary: "") }
  }
}
