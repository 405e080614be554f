// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Everything known about one upstream, for `upstream show`: its row of `status`, and facts in the order in which they
/// are shown. Texts are made by the daemon, so that every console says the same.
package struct UpstreamReply: Sendable, Equatable, Codable {
  package var upstream: StatusReply.Upstream
  package var facts: [Fact]

  package struct Fact: Sendable, Equatable, Codable {
    /// One or two words; stable.
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  package init(upstream: StatusReply.Upstream, facts: [Fact]) {
    self.upstream = upstream
    self.facts = facts
  }
}
