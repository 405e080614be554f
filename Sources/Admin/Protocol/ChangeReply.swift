// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What a command did to messages: how many it meant, how many it changed.
package struct ChangeReply: Sendable, Equatable, Codable {
  /// Who asked, as the kernel says (SO_PEERCRED).
  package struct Actor: Sendable, Equatable, Codable {
    package var uid: UInt32
    /// nil from an older daemon.
    package var user: String?

    package init(uid: UInt32, user: String? = nil) {
      self.uid = uid
      self.user = user
    }
  }

  /// What is meant, before anything is done to it.
  package struct Preview: Sendable, Equatable, Codable {
    package struct Sample: Sendable, Equatable, Codable {
      package var id: String
      package var ageSeconds: Int
      package var sender: String
      package var recipient: String

      package init(id: String, ageSeconds: Int, sender: String, recipient: String) {
        self.id = id
        self.ageSeconds = ageSeconds
        self.sender = sender
        self.recipient = recipient
      }

      private enum CodingKeys: String, CodingKey {
        case id
        case ageSeconds = "age_s"
        case sender = "from"
        case recipient = "to"
      }
    }

    package var bytes: Int
    /// The oldest first; three at most.
    package var samples: [Sample]
    /// The last message that was looked at: with it as `up_to`, the command means these and no newer ones.
    package var upTo: String?
    /// When it was; with it as `as_of`, ages and waits are what they were then.
    package var asOf: Timestamp?

    package init(bytes: Int, samples: [Sample], upTo: String?, asOf: Timestamp? = nil) {
      self.bytes = bytes
      self.samples = samples
      self.upTo = upTo
      self.asOf = asOf
    }

    private enum CodingKeys: String, CodingKey {
      case bytes, samples
      case upTo = "up_to"
      case asOf = "as_of"
    }
  }

  package var verb: String
  package var matched: Int
  package var done: Int
  package var failed: Int
  package var actor: Actor
  /// What keeps the change from having its effect now, as a paused upstream; a sentence each.
  package var notes: [String]?
  /// Of a dry run; nothing was done.
  package var preview: Preview?
  /// The command that takes it back, without `postern`.
  package var undo: String?
  /// How long it can be taken back, and until when that is.
  package var keptSeconds: Int?
  package var keptUntil: Timestamp?

  package init(
    verb: String, matched: Int, done: Int, failed: Int, actor: Actor, notes: [String]? = nil, preview: Preview? = nil
  ) {
    self.verb = verb
    self.matched = matched
    self.done = done
    self.failed = failed
    self.actor = actor
    self.notes = notes
    self.preview = preview
  }

  private enum CodingKeys: String, CodingKey {
    case verb, matched, done, failed, actor, notes, preview, undo
    case keptSeconds = "kept_s"
    case keptUntil = "kept_until"
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
