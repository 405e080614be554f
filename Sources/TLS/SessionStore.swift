// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
import Synchronization

/// A session with a server that can be continued: what both sides agreed on, and the certificate that was verified then.
///
/// `@unchecked Sendable`: the one stored reference is to an SSL_SESSION, which OpenSSL hands over when nobody changes it
/// any more and whose references it counts atomically; the dates are written before the store has it, under its lock
/// only.
final class TLSSession: @unchecked Sendable {
  let pointer: OpaquePointer
  /// When the certificate was verified: at the full handshake that this session goes back to, in seconds since 1970.
  var verifiedAt: Int64 = 0

  /// Takes over the reference.
  init(adopting pointer: OpaquePointer) {
    self.pointer = pointer
  }

  deinit {
    SSL_SESSION_free(pointer)
  }

  /// RFC 8446 appendix C.4: whoever sees a ticket twice knows that it is the same client.
  fileprivate var isForOnce: Bool { SSL_SESSION_get_protocol_version(pointer) >= TLS1_3_VERSION }

  /// When it is too old: since its certificate was verified, for its ticket, or because its certificate ends.
  fileprivate func end(keptAt now: Int64, heedingDates: Bool) -> Int64 {
    var end = verifiedAt + TLSLimits.sessionSeconds
    let hint = Int64(clamping: SSL_SESSION_get_ticket_lifetime_hint(pointer))
    if hint > 0 { end = min(end, now + hint) }
    if heedingDates, let peer = SSL_SESSION_get0_peer(pointer) {
      end = min(end, CertificateFacts.notAfter(of: peer) ?? 0)
    }
    return end
  }
}

/// The sessions that connections of one client context may continue, the newest first to go. It belongs to one context,
/// so to one upstream account and its settings: another account, other pins, authorities or certificates, and each
/// reload, begin with an empty one.
final class SessionStore: Sendable {
  private struct Entry {
    var session: TLSSession
    /// A certificate is verified for a name; another name is not this session's.
    var serverName: String
    var end: Int64
  }

  private let entries = Mutex<[Entry]>([])

  /// `now` is in seconds since 1970. `heedingDates`: a session does not outlive its server's certificate.
  func keep(_ session: TLSSession, for serverName: String, now: Int64, heedingDates: Bool) {
    guard SSL_SESSION_is_resumable(session.pointer) == 1 else { return }
    let end = session.end(keptAt: now, heedingDates: heedingDates)
    guard end > now else { return }
    entries.withLock { entries in
      entries.append(Entry(session: session, serverName: serverName, end: end))
      if entries.count > TLSLimits.sessionsMax { entries.removeFirst(entries.count - TLSLimits.sessionsMax) }
    }
  }

  func take(for serverName: String, now: Int64) -> TLSSession? {
    entries.withLock { entries in
      entries.removeAll { $0.end <= now }
      guard let place = entries.lastIndex(where: { $0.serverName == serverName }) else { return nil }
      let session = entries[place].session
      if session.isForOnce { entries.remove(at: place) }
      return session
    }
  }

  /// A handshake that offered one of them failed: the next one goes without.
  func removeAll() {
    entries.withLock { $0.removeAll() }
  }

  var count: Int { entries.withLock { $0.count } }
}
