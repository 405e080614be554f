// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What a command did to messages: how many it meant, how many it changed.
package struct ChangeReply: Sendable, Equatable, Codable {
  /// Who asked, as the kernel says (SO_PEERCRED).
  package struct Actor: Sendable, Equatable, Codable {
    package var uid: UInt32

    package init(uid: UInt32) { self.uid = uid }
  }

  package var verb: String
  package var matched: Int
  package var done: Int
  package var failed: Int
  package var actor: Actor
  /// What keeps the change from having its effect now, as a paused upstream; a sentence each.
  package var notes: [String]?

  package init(verb: String, matched: Int, done: Int, failed: Int, actor: Actor, notes: [String]? = nil) {
    self.verb = verb
    self.matched = matched
    self.done = done
    self.failed = failed
    self.actor = actor
    self.notes = notes
  }
}

/// Outcome of a reload: the new configuration is in force whole, or the old one still is.
package struct ReloadReply: Sendable, Equatable, Codable {
  /// Of the configuration in force.
  package var generation: Int
  /// What is different now, a line each.
  package var changed: [String]
  /// Why nothing changed, ready to print, a line each; empty after success.
  package var problems: [String]

  package init(generation: Int, changed: [String], problems: [String] = []) {
    self.generation = generation
    self.changed = changed
    self.problems = problems
  }
}
