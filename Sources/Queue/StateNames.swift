// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The words for states, the same in selectors, tables, JSON and logs.
extension MessageState {
  package var name: String {
    switch self {
    case .queued: "queued"
    case .sending: "sending"
    case .deferred: "deferred"
    case .failed: "failed"
    case .quarantined: "quarantined"
    case .held: "held"
    case .dropped: "dropped"
    case .relayed: "relayed"
    }
  }

  package init?(name: String) {
    guard let state = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = state
  }
}

extension Notice.Kind {
  package var name: String {
    switch self {
    case .failed: "failed"
    case .delayed: "delayed"
    case .relayed: "relayed"
    }
  }
}

extension RecipientState {
  package var name: String {
    switch self {
    case .queued: "queued"
    case .sending: "sending"
    case .deferred: "deferred"
    case .delivered: "delivered"
    case .failed: "failed"
    case .reported: "reported"
    case .relayed: "relayed"
    }
  }
}
