// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What somebody has stopped by hand.
package struct Pause: Sendable, Equatable, Codable {
  /// in, out, upstream.
  package var side: String
  /// Of an upstream.
  package var name: String?
  package var since: Timestamp
  /// nil: until it is resumed.
  package var until: Timestamp?
  package var by: String
  package var reason: String?

  package init(
    side: String, name: String? = nil, since: Timestamp, until: Timestamp? = nil, by: String, reason: String? = nil
  ) {
    self.side = side
    self.name = name
    self.since = since
    self.until = until
    self.by = by
    self.reason = reason
  }
}

/// Outcome of `pause` and `resume`.
package struct PauseReply: Sendable, Equatable, Codable {
  /// `pause` or `resume`.
  package var verb: String
  package var side: String
  package var name: String?
  /// False: it was so before.
  package var changed: Bool
  /// What is in force now, for `pause`.
  package var pause: Pause?
  package var notes: [String]

  package init(verb: String, side: String, name: String?, changed: Bool, pause: Pause?, notes: [String] = []) {
    self.verb = verb
    self.side = side
    self.name = name
    self.changed = changed
    self.pause = pause
    self.notes = notes
  }
}
