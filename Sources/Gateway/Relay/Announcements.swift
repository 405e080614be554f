// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import Synchronization
import WAL

/// What each upstream that is configured announced in its last EHLO answer, and what follows for the largest message that
/// we offer to take. The dispatcher's accounts write it, sessions and the console read it; nobody holds it for longer
/// than a look. It is kept in memory only: a start knows nothing, refuses nothing, and learns with the first connection.
package final class Announcements: Sendable {
  package struct Announcement: Sendable, Equatable {
    package var extensions: Extensions
    package var seen: Instant
  }

  /// The largest message that is taken from anybody.
  package struct Offer: Sendable, Equatable {
    package var octets: UInt64
    /// By `message.max_size`.
    package var configured: UInt64
    /// Whose SIZE it is, if that is less.
    package var upstream: String?
  }

  private struct State {
    var settings: Settings?
    var known: [String: Announcement] = [:]
    var offer: Offer?
  }

  /// Behind this time it is worth a connection to hear whether it still holds.
  fileprivate static let freshMilliseconds: Int64 = 600_000

  private let state = Mutex(State())
  private let changes = Atomic<UInt64>(0)
  private let isDoubted = Atomic(false)
  private let doubted: @Sendable () -> Void

  /// `doubted`: somebody should ask `takeDoubt`.
  package init(doubted: @escaping @Sendable () -> Void = {}) {
    self.doubted = doubted
  }

  /// Grows when an upstream has announced something else than before: cheap to ask before anything else is.
  package var version: UInt64 { changes.load(ordering: .acquiring) }

  package subscript(upstream: String) -> Announcement? { state.withLock { $0.known[upstream] } }

  package var all: [String: Extensions] { state.withLock { $0.known.mapValues(\.extensions) } }

  /// nil: nobody has said what upstreams there are.
  package var offer: Offer? { state.withLock { $0.offer } }

  /// The upstreams of these settings are in use from now on. What was announced stays where it was announced by the same
  /// host and port. Returns the offer if it is another one because of upstreams.
  package func adopt(_ settings: Settings) -> Offer? {
    change { state in
      state.known = state.known.filter { name, _ in
        guard let new = settings.upstream(named: name) else { return false }
        return state.settings?.upstream(named: name)?.upstream.endpoint == new.upstream.endpoint
      }
      state.settings = settings
    }
  }

  /// An upstream has said this on a connection that stands. Returns as above.
  package func note(_ extensions: Extensions, by upstream: String, now: Instant) -> Offer? {
    change { state in
      // A connection may outlive the settings that it was made with.
      guard state.settings?.upstream(named: upstream) != nil else { return }
      state.known[upstream] = Announcement(extensions: extensions, seen: now)
    }
  }

  /// A client was refused by what was announced. Mail that is refused makes no connection, so an upstream that takes more
  /// by now would never be heard: those that were not heard for a while are asked.
  package func doubt(now: Instant) {
    let isOld = state.withLock { state in state.known.values.contains { $0.isOld(now) } }
    guard isOld, !isDoubted.exchange(true, ordering: .acquiringAndReleasing) else { return }
    doubted()
  }

  /// Whether there was doubt since this was asked last.
  func takeDoubt() -> Bool { isDoubted.exchange(false, ordering: .acquiringAndReleasing) }

  /// One that was never heard is not asked for this.
  func isOld(_ upstream: String, _ now: Instant) -> Bool { self[upstream]?.isOld(now) ?? false }

  private func change(_ body: (inout State) -> Void) -> Offer? {
    state.withLock { state in
      let (known, old) = (state.known.mapValues(\.extensions), state.offer)
      body(&state)
      let new = state.known.mapValues(\.extensions)
      if new != known { changes.add(1, ordering: .releasing) }
      state.offer = state.settings?.offer(new)
      guard let offer = state.offer else { return nil }
      // Another `max_size` is told by the reload.
      return (old?.upstream ?? offer.upstream) != nil && old?.octets != offer.octets ? offer : nil
    }
  }
}

extension Announcements.Announcement {
  fileprivate func isOld(_ now: Instant) -> Bool {
    now.monotonic - seen.monotonic >= Announcements.freshMilliseconds
  }
}

extension Extensions {
  /// As they are spelled, for people: what matters for what we offer to clients comes first.
  var keywords: [String] {
    let limit = size.map { $0 == 0 ? "SIZE" : "SIZE \($0)" }
    let flags = [
      (smtpUTF8, "SMTPUTF8"), (eightBitMIME, "8BITMIME"), (chunking, "CHUNKING"), (dsn, "DSN"),
      (pipelining, "PIPELINING"), (enhancedStatusCodes, "ENHANCEDSTATUSCODES"),
    ]
    return (limit.map { [$0] } ?? []) + flags.filter(\.0).map(\.1)
  }
}
