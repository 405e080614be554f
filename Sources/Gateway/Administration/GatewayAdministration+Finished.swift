// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Queue

/// What the console asks of the history.
extension GatewayAdministration {
  func finished(
    among literals: [[Selector.Literal]],
    limit: Int, where isMeant: @escaping @Sendable (FinishedMessage) -> Bool,
    completed: @escaping @Sendable (HistoryFindings) -> Void
  ) {
    gateway.search { search in
      completed(search.messages(limit: limit, among: HistoryFilter(literals), where: isMeant))
    }
  }

  func finished(idPrefix: String, completed: @escaping @Sendable (HistoryFindings) -> Void) {
    gateway.search { completed($0.messages(idPrefix: idPrefix, limit: AdminLimits.ambiguousMax)) }
  }
}
