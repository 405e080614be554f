// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What the text of a message must hold for a selector to mean it, so that who has many messages as text reads only those
/// that can be meant. Holding it proves nothing.
extension Selector {
  package enum Literal: Sendable, Hashable {
    /// All of some value.
    case value(String)
    /// Some value holds this, in ASCII of any case; `*` stands for anything, and what is no ASCII is as it is.
    case pattern([UInt8])
  }

  /// For finished messages: of each element some literal. A term that text alone cannot decide has no element.
  package var finishedLiterals: [[Literal]] {
    terms.compactMap { term in
      if term.isNegated { return nil }
      var literals: [Literal] = []
      for condition in term.alternatives {
        switch condition.literal {
        case .some(let literal): literals.append(literal)
        case .needless: break
        case .unknown: return nil
        }
      }
      return literals
    }
  }

  fileprivate enum LiteralOfCondition {
    case some(Literal)
    /// No finished message fulfils it.
    case needless
    case unknown
  }
}

extension Selector.Condition {
  fileprivate var literal: Selector.LiteralOfCondition {
    switch self {
    case .id(let prefix): .some(.pattern(Array(prefix.lowercased().utf8)))
    case .sender(let pattern), .recipient(let pattern): .some(pattern.literal)
    case .user(let pattern), .client(let pattern), .upstream(let pattern), .reason(let pattern), .code(let pattern):
      .some(.pattern(pattern.octets))
    case .state(_, let state): state.map { .some(.value($0.rawValue)) } ?? .needless
    case .next: .needless
    case .network, .tries, .age, .size: .unknown
    }
  }
}

extension AddressPattern {
  fileprivate var literal: Selector.Literal {
    switch self {
    case .null: .value("")
    case .domain(let pattern), .address(let pattern): .pattern(pattern.octets)
    }
  }
}
