// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// Selectors and the memory of finished mail, which is only looked through where a `state:` asks for it.
extension Selector {
  /// All that `state:` knows, of mail that waits first.
  package static let states: [String] = {
    let waiting = MessageState.allCases.map(\.name)
    return waiting + FinishedState.allCases.map(\.rawValue).filter { !waiting.contains($0) }
  }()

  /// Some term wants mail that is finished.
  package var wantsFinished: Bool {
    terms.contains { !$0.isNegated && $0.alternatives.contains(where: \.isFinishedState) }
  }

  /// Mail that waits may be meant: no term wants finished mail alone.
  package var wantsWaiting: Bool {
    !terms.contains { term in
      !term.isNegated
        && term.alternatives.allSatisfy { if case .state(nil, _) = $0 { true } else { false } }
    }
  }

  /// Whether some recipient fulfils all terms, and none of them a term with a hyphen. What a finished message has no
  /// more (a next attempt) or what is not remembered of it fulfils no term.
  package func matches(
    _ message: FinishedMessage, now: Int64, in surroundings: Surroundings = Surroundings()
  ) -> Bool {
    func holds(_ term: Term, _ recipient: FinishedRecipient) -> Bool {
      term.alternatives.contains { $0.holds(message, recipient, now, surroundings) }
    }
    guard wantsFinished else { return false }
    for term in terms where term.isNegated {
      if message.recipients.contains(where: { holds(term, $0) }) { return false }
    }
    return message.recipients.contains { recipient in terms.allSatisfy { $0.isNegated || holds($0, recipient) } }
  }
}

extension Selector.Condition {
  fileprivate var isFinishedState: Bool { if case .state(_, .some) = self { true } else { false } }

  fileprivate func holds(
    _ message: FinishedMessage, _ recipient: FinishedRecipient, _ now: Int64, _ surroundings: Selector.Surroundings
  ) -> Bool {
    switch self {
    case .id(let prefix): message.id.description.hasPrefix(prefix)
    case .sender(let pattern): pattern.matches(message.sender)
    case .recipient(let pattern): pattern.matches(recipient.address)
    // Only the submitter is remembered: a login, the name of a client, or its address.
    case .user(let pattern), .client(let pattern): pattern.matches(message.submitter)
    case .network(let network): surroundings.contains(network, message.submitter)
    case .upstream(let pattern): recipient.upstream.map(pattern.matches) ?? false
    case .reason(let pattern): recipient.reply.map { pattern.matches($0.description) } ?? false
    case .code(let pattern):
      recipient.reply.map { reply in
        pattern.matches(String(reply.code)) || reply.status.map { pattern.matches($0.description) } ?? false
      } ?? false
    case .state(_, let state): state == recipient.state
    case .tries(let comparison): comparison.holds(Int64(recipient.attempts))
    case .age(let comparison): comparison.holds(now - message.received)
    case .next: false
    case .size(let comparison): comparison.holds(Int64(message.size))
    }
  }
}
