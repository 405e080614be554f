// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// Reads one file of rules about replies.
struct ExplainReader {
  typealias Limits = ConfigurationLimits

  let table: TableReader

  func read() -> [ExplainRule] {
    table.tables("rule").map(readRule)
  }

  private func readRule(_ table: TableReader) -> ExplainRule {
    let cause = required("cause", table)
    let fix = required("fix", table)
    return ExplainRule(match: readMatch(table), cause: cause, fix: fix, action: readAction(table))
  }

  private func required(_ key: String, _ table: TableReader) -> String {
    if table.place(of: key) == nil { table.add("[[rule]] needs '\(key)'") }
    return table.read(key, .text(octetsMax: Limits.adviceOctetsMax)) ?? ""
  }

  private func readMatch(_ rule: TableReader) -> ExplainRule.Match {
    let table = rule.table("match")
    var match = ExplainRule.Match()
    table.read("code", .oneOrMoreNumbers(Limits.replyCodes), into: &match.codes)
    table.read("status", .oneOrMore(of: .status, "enhanced status codes"), into: &match.statuses)
    table.read("text", .oneOrMore(of: .pattern, "texts"), into: &match.texts)
    table.read("stage", .oneOrMore(of: .stage, "stages"), into: &match.stages)
    if let login: ExplainRule.Login = table.read("login", .choice()) { match.logins = [login] }
    rule.read("provider", .oneOrMore(of: .name, "names of providers"), into: &match.providers)
    if ["code", "status", "text"].allSatisfy({ table.place(of: $0) == nil }) {
      rule.add("[[rule]] needs 'match' with 'code', 'status' or 'text'", hint: #"as in match = { code = 535 }"#)
    }
    return match
  }

  private func readAction(_ table: TableReader) -> ExplainRule.Action {
    let word: Action? = table.read("action", .choice())
    let reason: ExplainRule.Reason? = table.read("reason", .choice())
    if table.place(of: "action") == nil { table.add("[[rule]] needs 'action'") }
    if let word, word != .pause, table.place(of: "reason") != nil {
      table.add(#"'reason' is only for action = "pause""#, at: "reason")
    }
    return switch word {
    case .pause: .pause(reason ?? .login)
    case .slow: .slow
    case .fail: .fail
    case .quota: .quota
    case .reroute: .reroute
    case .retry, nil: .retry
    }
  }

  private enum Action: String, CaseIterable { case pause, slow, fail, retry, quota, reroute }
}

extension KnownKeys {
  /// Of a file of rules.
  static let explain = KnownKeys(
    tables: [
      ("", ["rule"]),
      ("rule", ["match", "provider", "cause", "fix", "action", "reason"]),
      ("rule.match", ["code", "status", "text", "stage", "login"]),
    ],
    later: [:], valuesAtTop: [])
}

extension ValueReader where Value == [Int] {
  /// A number, or a list of them.
  fileprivate static func oneOrMoreNumbers(_ range: ClosedRange<Int>) -> Self {
    let number = ValueReader<Int>.integer(range)
    return Self { node, problems in
      if case .array = node.value { return list(of: number, "reply codes").read(node, &problems) }
      return number.read(node, &problems).map { [$0] }
    }
  }
}

extension ValueReader where Value == EnhancedStatus {
  fileprivate static var status: Self {
    .string(#"an enhanced status code such as "5.7.8""#) { EnhancedStatus($0) }
  }
}

extension ValueReader where Value == TextPattern {
  fileprivate static var pattern: Self {
    .string("text with * for anything, at most \(ConfigurationLimits.patternOctetsMax) octets") { text in
      (1...ConfigurationLimits.patternOctetsMax).contains(text.utf8.count) ? TextPattern(text) : nil
    }
  }
}

extension ValueReader where Value == String {
  fileprivate static var stage: Self {
    let stages = ["token", "connect", "tls", "greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "content"]
    return .string(KnownKeys.list(stages.map { #""\#($0)""# }, last: "or")) { stages.contains($0) ? $0 : nil }
  }
}
