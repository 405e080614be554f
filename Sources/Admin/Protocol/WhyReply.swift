// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The one answer of `why`: what it is about, what stands in the way, what happens next, what to type. Sentences are
/// made by the daemon, so that every console says the same.
package struct WhyReply: Sendable, Equatable, Codable {
  /// The id of a message, the name of an upstream, or the address or name of a client.
  package var subject: String
  package var state: String
  /// One sentence: `Message 7KQ2M9XF4 to ops@example.org has not left because:`.
  package var headline: String
  /// In the order in which they gate; each a sentence or two.
  package var reasons: [String]
  /// The last reply word for word, if there was one.
  package var reply: String?
  package var next: Timestamp?
  package var expires: Timestamp?
  /// What to type, with a word on what it does.
  package var actions: [Action]
  /// What to write into the configuration, before the actions.
  package var stanza: Stanza?

  package struct Stanza: Sendable, Equatable, Codable {
    package var file: String
    /// The name of the `[[client]]` whose place it takes; nil: it is a new one.
    package var replaces: String?
    /// TOML, lines with line feeds between them.
    package var text: String

    package init(file: String, replaces: String?, text: String) {
      self.file = file
      self.replaces = replaces
      self.text = text
    }
  }

  package struct Action: Sendable, Equatable, Codable {
    package var label: String
    package var command: String

    package init(label: String, command: String) {
      self.label = label
      self.command = command
    }
  }

  package init(
    subject: String, state: String, headline: String, reasons: [String], reply: String? = nil, next: Timestamp? = nil,
    expires: Timestamp? = nil, actions: [Action], stanza: Stanza? = nil
  ) {
    self.stanza = stanza
    self.subject = subject
    self.state = state
    self.headline = headline
    self.reasons = reasons
    self.reply = reply
    self.next = next
    self.expires = expires
    self.actions = actions
  }
}
