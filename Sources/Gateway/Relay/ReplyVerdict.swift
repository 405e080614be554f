// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import SMTP

/// Where mail goes that an upstream has sent to another one.
enum Onward: Equatable {
  /// What is left of its way can take it.
  case lane(UInt8)
  /// Others are left, and none of them can take it now.
  case later
  /// All were asked.
  case nobody
}

/// What follows from the replies to one message: the one place where explain rules decide. A rule that blames the account
/// leaves the recipient untried, so that no attempt counts and nothing is bounced.
struct ReplyVerdict {
  private(set) var results: [RecipientResult]
  /// The account's, not the message's.
  private(set) var trouble: UpstreamTrouble?
  /// It asked us to slow down.
  private(set) var slowing: Reply?
  /// Recipients that another upstream may take, by place in the results, with what this one said.
  private(set) var sentOn: [Int: Reply] = [:]

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
      case .reroute: sentOn[index] = reply
      }
    }
  }

  /// Whether there is another upstream for those that are to have one. If all of the way were asked, the last reply
  /// decides by its first digit: nobody takes this message, and its sender is told now.
  mutating func settle(_ onward: Onward) {
    for (index, reply) in sentOn {
      switch onward {
      case .lane: results[index] = .untried
      case .later: results[index] = .deferred(reply)
      case .nobody: break
      }
    }
    if case .lane = onward { return }
    sentOn = [:]
  }

  /// Recipients that the upstream has taken the message for, or may have.
  var taken: Int {
    results.count { result in
      switch result {
      case .delivered, .relayed, .unknown: true
      case .deferred, .failed, .untried: false
      }
    }
  }

  /// Trouble of a connection, of the kind that a rule says.
  static func judged(_ trouble: UpstreamTrouble, of settings: UpstreamSettings) -> UpstreamTrouble {
    let rule = Self.rule(for: trouble, of: settings)
    guard let kind = rule?.action.kind, kind != trouble.kind else { return trouble }
    return UpstreamTrouble(kind, at: trouble.stage, trouble.text, trouble.reply)
  }

  /// What is known of this trouble, for whoever has to mend it.
  static func rule(for trouble: UpstreamTrouble, of settings: UpstreamSettings) -> ExplainRule? {
    let (rules, provider, login) = (settings.rules, settings.upstream.provider, settings.loginKind)
    return trouble.reply.flatMap { rules.first(for: $0, stage: trouble.stage, provider: provider, login: login) }
      ?? rules.first(for: ExplainRule.Seen(trouble.text, stage: trouble.stage, provider: provider, login: login))
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
    case .delivered, .relayed, .unknown, .untried: nil
    }
  }
}
