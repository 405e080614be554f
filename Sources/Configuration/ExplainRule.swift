// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// What a reply of an upstream means, what to do about it, and what the gateway does meanwhile: one record, so that
/// advice and behaviour cannot disagree.
package struct ExplainRule: Sendable, Equatable {
  /// What the gateway does.
  package enum Action: Sendable, Hashable {
    /// Nothing leaves through this upstream until somebody mends it; no message is to blame.
    case pause(Reason)
    /// Fewer connections; the message waits its turn.
    case slow
    /// The message, or the recipient, cannot be delivered.
    case fail
    /// The message is tried again later.
    case retry
    /// Nothing leaves through this upstream until its quota has room.
    case quota
    /// The next upstream of its way is asked at once; if all were, the reply's first digit decides.
    case reroute
  }

  /// The reasons of a pause, as status and log spell them.
  package enum Reason: String, Sendable, CaseIterable { case login, quota, tls }

  /// What we log in with.
  package enum Login: String, Sendable, CaseIterable { case password, token }

  /// What must be so for the rule to apply; of several values any, and what is empty is no condition.
  package struct Match: Sendable, Equatable {
    package var codes: [Int] = []
    package var statuses: [EnhancedStatus] = []
    package var texts: [TextPattern] = []
    /// Where in the dialogue, as `UpstreamTrouble` names it.
    package var stages: [String] = []
    package var providers: [String] = []
    package var logins: [Login] = []

    package init() {}

    /// What asks least of the reply comes first.
    func holds(_ seen: Seen) -> Bool {
      (providers.isEmpty || providers.contains(seen.provider)) && (stages.isEmpty || stages.contains(seen.stage))
        && (logins.isEmpty || logins.contains(seen.login))
        && (codes.isEmpty || seen.code.map(codes.contains) ?? false)
        && (statuses.isEmpty || seen.status.map(statuses.contains) ?? false)
        && (texts.isEmpty || texts.contains { $0.matches(seen.text) })
    }
  }

  /// What an upstream, or its token endpoint, answered. The latter has no reply code.
  package struct Seen: Sendable {
    package var code: Int?
    package var status: EnhancedStatus?
    package var text: String
    package var stage: String
    package var provider: String
    package var login: Login

    package init(_ text: PeerText, stage: String, provider: String, login: Login = .password) {
      self.login = login
      self.text = text.text
      self.stage = stage
      self.provider = provider
    }

    package init(_ reply: Reply, stage: String, provider: String, login: Login = .password) {
      self.init(reply.text, stage: stage, provider: provider, login: login)
      code = reply.code
      status = reply.status
    }
  }

  package var match: Match
  package var cause: String
  /// What to do; `{upstream}` stands for the upstream's name.
  package var fix: String
  package var action: Action

  package init(match: Match, cause: String, fix: String, action: Action) {
    self.match = match
    self.cause = cause
    self.fix = fix
    self.action = action
  }

  /// What to do about the upstream of this name.
  package func fix(upstream: String) -> String {
    Template.fill(fix, [Template.upstream: upstream])
  }
}

extension ExplainRule.Action: CustomStringConvertible {
  package var description: String {
    switch self {
    case .pause(let reason): "pause (\(reason.rawValue))"
    case .slow: "slow"
    case .fail: "fail"
    case .retry: "retry"
    case .quota: "quota"
    case .reroute: "reroute"
    }
  }
}
