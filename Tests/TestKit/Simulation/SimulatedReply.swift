// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import SMTP

/// What an upstream may say to a command that it does not take, and what that must mean to the gateway: for some of them
/// the explain rules say otherwise than their first digit.
enum SimulatedReply: CaseIterable {
  case later, never
  /// About our pace.
  case slow
  /// About our account, so that no message may suffer.
  case quota, locked, login
  /// A rule makes a refusal of it, or a deferral.
  case gone, notYet
  /// No more recipients in this transaction.
  case full

  var text: String {
    switch self {
    case .later: "450 4.2.0 later"
    case .never: "550 5.1.1 never"
    case .slow: "451 4.7.0 slow down, please"
    case .quota: "550 5.4.5 daily limit is reached"
    case .locked: "554 5.7.9 account is locked"
    case .login: "530 5.7.0 who are you"
    case .gone: "450 4.2.2 mailbox is gone"
    case .notYet: "550 5.3.2 not just yet"
    case .full: "452 4.5.3 too many recipients"
    }
  }

  /// The recipient shall not be tried again.
  var isFinal: Bool { self == .never || self == .gone }

  /// The upstream as a whole takes no mail of us.
  var isTrouble: Bool { self == .quota || self == .locked || self == .login }

  static let rules = ExplainRules([
    rule("slow down*", .slow), rule("daily limit*", .quota), rule("account is locked*", .pause(.login)),
    rule("mailbox is gone*", .fail), rule("not just yet*", .retry),
  ])

  private static func rule(_ text: String, _ action: ExplainRule.Action) -> ExplainRule {
    var match = ExplainRule.Match()
    match.texts = [TextPattern(text)]
    return ExplainRule(match: match, cause: "simulated", fix: "none", action: action)
  }
}
