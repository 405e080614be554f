// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What `spool verify` found. The client makes it: no daemon runs when it is asked.
package struct SpoolReply: Sendable, Equatable, Codable {
  /// A place that is not what was written there.
  package struct Damage: Sendable, Equatable, Codable {
    /// `record`, `gap`, `missing-segment`, …: one word for each that docs/FORMAT.md tells apart.
    package var kind: String
    /// What it is, where, and what to do: one sentence.
    package var text: String
    package var segment: String
    package var offset: Int
    package var octets: Int
    /// Whose record or content it was, if that can be told.
    package var message: String?
    /// Files that should be there and are not.
    package var missing: [String]

    package init(
      kind: String, text: String, segment: String, offset: Int, octets: Int, message: String?, missing: [String]
    ) {
      self.kind = kind
      self.text = text
      self.segment = segment
      self.offset = offset
      self.octets = octets
      self.message = message
      self.missing = missing
    }
  }

  package var directory: String
  /// Every octet that was durable is what was written.
  package var isSound: Bool
  /// By state; those that have none are left out.
  package var states: [String: Int]
  package var messages: Int
  package var records: Int
  package var segments: Int
  package var octets: Int
  package var lastChange: Timestamp?
  /// Records of the last sync that a crash has torn; nobody had an answer for them.
  package var torn: Int
  package var damages: [Damage]

  package init(
    directory: String, isSound: Bool, states: [String: Int], messages: Int, records: Int, segments: Int, octets: Int,
    lastChange: Timestamp?, torn: Int, damages: [Damage]
  ) {
    self.directory = directory
    self.isSound = isSound
    self.states = states
    self.messages = messages
    self.records = records
    self.segments = segments
    self.octets = octets
    self.lastChange = lastChange
    self.torn = torn
    self.damages = damages
  }

  private enum CodingKeys: String, CodingKey {
    case directory, states, messages, records, segments, torn, damages
    case isSound = "sound"
    case octets = "bytes"
    case lastChange = "last_change"
  }
}

/// A record of the log, as `spool dump` shows it: everything but content.
package struct SpoolRecordReply: Sendable, Equatable, Codable {
  package struct Fact: Sendable, Equatable, Codable {
    package var name: String
    package var value: String

    package init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  package var segment: String
  package var offset: Int
  package var octets: Int
  /// `accepted`, `attempted`, …, or `unreadable`.
  package var record: String
  package var time: Timestamp?
  package var messages: [String]
  /// In the order of the record; a name may come several times.
  package var facts: [Fact]

  package init(
    segment: String, offset: Int, octets: Int, record: String, time: Timestamp?, messages: [String], facts: [Fact]
  ) {
    self.segment = segment
    self.offset = offset
    self.octets = octets
    self.record = record
    self.time = time
    self.messages = messages
    self.facts = facts
  }
}
