// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Configuration
import SMTP

/// What an answer of an upstream means and what to do about it, in words for `why` and `upstream show`: those of the rule
/// that also decides what the gateway does, else what the standards say of the numbers. It decides nothing.
package struct ReplyMeaning: Sendable, Equatable {
  package var cause: String
  /// nil: nothing that anybody knows.
  package var fix: String?

  package init(cause: String, fix: String? = nil) {
    self.cause = cause
    self.fix = fix
  }

  init(_ rule: ExplainRule, upstream: String) {
    self.init(cause: rule.cause, fix: rule.fix(upstream: upstream))
  }

  /// Of a reply to a message; nil where the reply's own text is all there is.
  init?(_ reply: Reply, rules: ExplainRules, provider: String, upstream: String) {
    if let (rule, _) = ReplyVerdict.rule(for: reply, rules, provider) {
      self.init(rule, upstream: upstream)
    } else if reply.status != nil {
      self.init(cause: StatusMeaning.of(reply))
    } else {
      return nil
    }
  }

  /// Of a reply that one of these upstreams gave. Where it is not known which, what only one provider means by it may not
  /// be meant.
  init?(_ reply: Reply, from upstreams: [String], in settings: Settings) {
    let candidates = upstreams.compactMap(settings.upstream(named:))
    guard let any = candidates.first else { return nil }
    let isOne = candidates.allSatisfy { $0.upstream.provider == any.upstream.provider }
    self.init(
      reply, rules: any.rules, provider: isOne ? any.upstream.provider : "",
      upstream: candidates.count == 1 ? any.name : "NAME")
  }

  var sentences: [String] { ["that means: \(cause)"] + (fix.map { ["what to do: \($0)"] } ?? []) }
}
