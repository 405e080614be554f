// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration
import TLS

/// What `upstream show` says about TLS: which level is asked for and why, and what the last connection came to.
struct SecurityFacts {
  private let settings: UpstreamSettings
  private let record: HealthBoard.SecurityRecord?

  init(_ settings: UpstreamSettings, _ record: HealthBoard.SecurityRecord?) {
    self.settings = settings
    self.record = record
  }

  var facts: [UpstreamReply.Fact] {
    let upstream = settings.upstream
    guard upstream.security != .none else {
      return [
        UpstreamReply.Fact("tls", "none: allow_insecure is set; all is sent in clear"),
        UpstreamReply.Fact("tls level", "none: tls = \"none\""),
      ]
    }
    var facts = [UpstreamReply.Fact("tls", way), UpstreamReply.Fact("tls level", level)]
    if let record {
      facts.append(UpstreamReply.Fact("tls seen", Self.seen(record)))
      if let certificate = record.security.certificate {
        facts.append(UpstreamReply.Fact("certificate", Self.text(certificate)))
        facts.append(UpstreamReply.Fact("its pin", certificate.pin))
      }
    } else {
      facts.append(UpstreamReply.Fact("tls seen", "not since these settings are in force"))
    }
    if let identity = settings.tls.identity {
      facts.append(UpstreamReply.Fact("we show", shown(identity)))
    }
    return facts
  }

  private var way: String {
    settings.upstream.security == .implicit ? "from the first octet" : "by STARTTLS, or nothing is said"
  }

  /// The level, in the word of the file, and why that is enough.
  private var level: String {
    let upstream = settings.upstream
    switch upstream.verification {
    case .full:
      let store = upstream.authorities.map { "ca_file \($0)" } ?? "the system's store"
      return "full: the certificate is for \(upstream.host), valid, and of an authority in \(store)"
    case .pin:
      let pins = upstream.pins.count == 1 ? "the pin" : "one of the \(upstream.pins.count) pins"
      return "pin: the certificate's key is \(pins) in tls_pins, whatever its name, dates and authority"
    }
  }

  private static func seen(_ record: HealthBoard.SecurityRecord) -> String {
    let facts = record.security.facts
    let session = facts.resumed ? "resumed, verified within the hour before" : "full handshake, verified"
    return "\(facts.version) \(facts.cipher) (\(facts.bits) bits); \(session); "
      + Timestamp(milliseconds: record.seen).forPeople
  }

  private static func text(_ certificate: CertificateFacts) -> String {
    "\(certificate.subject) by \(certificate.issuer), until \(date(certificate.notAfter))"
  }

  private func shown(_ identity: ClientIdentity) -> String {
    let text = "\(identity.facts.subject) from \(identity.source), until \(Self.date(identity.facts.notAfter))"
    // In a session that goes on nobody asks.
    guard let security = record?.security, !security.facts.resumed, !security.isCertificateAsked else { return text }
    return "\(text); the upstream did not ask for it"
  }

  private static func date(_ seconds: Int64) -> String { Timestamp(milliseconds: seconds * 1000).forPeople }
}
