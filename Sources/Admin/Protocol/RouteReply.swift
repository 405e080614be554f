// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What `route test` found out: which rule decides about a delivery, and what each upstream of its way would do with it.
/// Nothing was sent.
package struct RouteReply: Sendable, Equatable, Codable {
  /// Empty for the null sender.
  package var from: String
  package var to: String
  /// Which `[[route]]` of the file, from 1; nil: none, so that priorities decide.
  package var route: Int?
  /// `ses, then gmail`.
  package var way: String
  /// In the order in which they are tried.
  package var upstreams: [Step]

  package struct Step: Sendable, Equatable, Codable {
    package var name: String
    package var state: String
    package var reason: String?
    /// It is the one that would carry this delivery now; several share.
    package var carries: Bool
    /// The envelope sender that it would get; nil: it takes no mail of that sender, and the delivery would fail.
    package var sender: String?

    package init(name: String, state: String, reason: String?, carries: Bool, sender: String?) {
      self.name = name
      self.state = state
      self.reason = reason
      self.carries = carries
      self.sender = sender
    }
  }

  package init(from: String, to: String, route: Int?, way: String, upstreams: [Step]) {
    self.from = from
    self.to = to
    self.route = route
    self.way = way
    self.upstreams = upstreams
  }
}
