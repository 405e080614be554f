// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What can leave at all of what one client hands in, by what the upstreams announced last. The handler shows it to the
/// session, which offers no more at EHLO, and refuses at MAIL, RCPT and in the content what would only come back.
///
/// A value; it knows upstreams by what they take and not by name. What is not known to be impossible is possible.
package struct Feasibility: Equatable, Sendable {
  /// What upstreams take.
  package struct Bounds: Equatable, Sendable {
    /// `max`: no limit is known (RFC 1870 section 3 has SIZE without a number, too).
    package var octetsMax: UInt64
    /// Of recipients' addresses; senders' may be replaced by others.
    package var takesUTF8: Bool
    package var takesUTF8Senders: Bool

    package init(octetsMax: UInt64 = .max, takesUTF8: Bool = true, takesUTF8Senders: Bool = true) {
      self.octetsMax = octetsMax
      self.takesUTF8 = takesUTF8
      self.takesUTF8Senders = takesUTF8Senders
    }

    /// Nobody to ask; the other one is as it is with `or`.
    package static let nothing = Bounds(octetsMax: 0, takesUTF8: false, takesUTF8Senders: false)

    /// Either of two may take the message.
    package func or(_ other: Bounds) -> Bounds {
      Bounds(
        octetsMax: max(octetsMax, other.octetsMax), takesUTF8: takesUTF8 || other.takesUTF8,
        takesUTF8Senders: takesUTF8Senders || other.takesUTF8Senders)
    }
  }

  /// A way that mail goes which meets its conditions; what is empty or nil is no condition.
  package struct Way: Equatable, Sendable {
    package var from: [MailboxPattern]
    package var to: [MailboxPattern]
    package var octets: ClosedRange<UInt64>?
    package var bounds: Bounds

    package init(
      from: [MailboxPattern] = [], to: [MailboxPattern] = [], octets: ClosedRange<UInt64>? = nil, bounds: Bounds
    ) {
      self.from = from
      self.to = to
      self.octets = octets
      self.bounds = bounds
    }
  }

  /// In the order in which they are tried; the first one that matches counts.
  private let ways: [Way]
  /// Of all mail.
  package let bounds: Bounds

  /// One has no conditions; those behind it are nobody's. What is offered counts other ways too: the client may be one who
  /// has them when it has logged in.
  package init(_ ways: [Way], orBehindLogin others: [Way] = []) {
    let last = ways.firstIndex { $0.from.isEmpty && $0.to.isEmpty && $0.octets == nil } ?? ways.endIndex
    self.ways = Array(ways.prefix(last + 1))
    bounds = (self.ways + others).reduce(.nothing) { $0.or($1.bounds) }
  }

  /// Some way takes less than that, or not all that is UTF-8.
  func limits(_ octetsMax: UInt64) -> Bool {
    ways.contains { $0.bounds.octetsMax < octetsMax || !$0.bounds.takesUTF8 || !$0.bounds.takesUTF8Senders }
  }

  package static let everything = Feasibility([Way(bounds: Bounds())])

  /// Of mail from this sender. nil: not known yet, so that every way counts that may still be the message's.
  func bounds(from sender: Address?, to recipient: Address? = nil, octets: UInt64?) -> Bounds {
    var found = Bounds.nothing
    for way in ways where way.from.isEmpty || way.from.contains(where: { $0.matches(sender) }) {
      var isCertain = true
      if !way.to.isEmpty {
        if let recipient {
          guard way.to.contains(where: { $0.matches(recipient) }) else { continue }
        } else {
          isCertain = false
        }
      }
      if let range = way.octets {
        if let octets {
          guard range.contains(octets) else { continue }
        } else {
          isCertain = false
        }
      }
      found = found.or(way.bounds)
      if isCertain { break }
    }
    return found
  }
}
