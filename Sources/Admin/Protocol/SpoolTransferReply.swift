// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What `spool repair` and `spool adopt` brought from one queue on disk into another. The client makes it.
package struct SpoolTransferReply: Sendable, Equatable, Codable {
  /// A message whose id was that of another one.
  package struct Renamed: Sendable, Equatable, Codable {
    package var old: String
    package var new: String

    package init(old: String, new: String) {
      self.old = old
      self.new = new
    }
  }

  package var from: String
  package var into: String
  /// Where the old queue was last written, of an adoption.
  package var host: String?
  /// How many messages are in the new queue because of this.
  package var messages: Int
  /// How many had been taken over before.
  package var earlier: Int
  package var renamed: [Renamed]
  /// Messages that cannot be read whole; they are in the old queue only.
  package var lost: [String]
  /// Named by damage and known by nothing else: messages, or the ends of some.
  package var doubtful: [String]
  /// Places of the old queue that are damaged, a sentence each.
  package var damages: [String]
  /// Why what was counted against quotas did not come along; nil: it did, or there was nothing.
  package var quotas: String?

  package init(
    from: String, into: String, host: String? = nil, messages: Int, earlier: Int = 0, renamed: [Renamed] = [],
    lost: [String] = [], doubtful: [String] = [], damages: [String] = [], quotas: String? = nil
  ) {
    self.from = from
    self.into = into
    self.host = host
    self.messages = messages
    self.earlier = earlier
    self.renamed = renamed
    self.lost = lost
    self.doubtful = doubtful
    self.damages = damages
    self.quotas = quotas
  }

  /// Nothing stayed behind.
  package var isWhole: Bool { lost.isEmpty && doubtful.isEmpty }
}
