// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import SMTP

/// What follows from the replies to one message: the one place where explain rules decide. A rule that blames the account
/// leaves the recipient untried, so that no attempt counts and nothing is bounced.
struct ReplyVerdict {
  private(set) var results: [RecipientResult]
  /// The account's, not the message's.
  private(set) var trouble: UpstreamTrouble?
  /// It asked us to slow down.
  private(set) var slowing: Reply?

  /// Stages at which a reply is about a message.
  private static let stages = ["mail", "rcpt", "data", "content"]

  init(_ results: [RecipientResult], rules: ExplainRules, provider: String) {
    self.results = results
    for (index, result) in results.enumerated() {
      guard let reply = result.refusal, let (rule, stage) = Self.rule(for: reply, rules, provider) else { continue }
      switch rule.action {
      case .pause, .quota:
        trouble = UpstreamTrouble(rule.action.kind ?? .busy, at: stage, reply.text, reply)
        if !SeededFault.messageBlamed { self.results[index] = .untried }
      case .slow:
        slowing = reply
        self.results[index] = .deferred(reply)
      case .fail: self.results[index] = .failed(reply)
      case .retry: self.results[index] = .deferred(reply)
      // Which upstream takes it after this one is the route's; it is the same for the next attempt.
      case .reroute: break
      }
    }
  }

  /// Recipients that the upstream has taken the message for, or may have.
  var taken: Int {
    results.count { result in
      switch result {
      case .delivered, .unknown: true
      case .deferred, .failed, .untried: false
      }
    }
  }

  /// Trouble of a connection, of the kind that a rule says.
  static func judged(_ trouble: UpstreamTrouble, rules: ExplainRules, provider: String) -> UpstreamTrouble {
    let rule = Self.rule(for: trouble, rules: rules, provider: provider)
    guard let kind = rule?.action.kind, kind != trouble.kind else { return trouble }
    return UpstreamTrouble(kind, at: trouble.stage, trouble.text, trouble.reply)
  }

  /// What is known of this trouble, for whoever has to mend it.
  static func rule(for trouble: UpstreamTrouble, rules: ExplainRules, provider: String) -> ExplainRule? {
    trouble.reply.flatMap { rules.first(for: $0, stage: trouble.stage, provider: provider) }
      ?? rules.first(for: ExplainRule.Seen(trouble.text, stage: trouble.stage, provider: provider))
  }

  /// The same for a reply to a message, with the stage that the rule is about.
  static func rule(
    for reply: Reply, _ rules: ExplainRules, _ provider: String
  ) -> (ExplainRule, stage: String)? {
    for stage in stages {
      if let rule = rules.first(for: reply, stage: stage, provider: provider) { return (rule, stage) }
    }
    return nil
  }
}

extension ExplainRule.Action {
  /// Of the trouble that the account has.
  fileprivate var kind: UpstreamTrouble.Kind? {
    switch self {
    case .pause(.login): .login
    case .pause(.tls): .tls
    case .pause(.quota), .quota: .quota
    case .slow, .fail, .retry, .reroute: nil
    }
  }
}

extension RecipientResult {
  /// What an upstream said that did not take it.
  fileprivate var refusal: Reply? {
    switch self {
    case .deferred(let reply), .failed(let reply): reply
    case .delivered, .unknown, .untried: nil
    }
  }
}
