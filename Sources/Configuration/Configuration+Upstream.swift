// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

extension Configuration {
  /// `[upstream.NAME]`: where mail goes. What the file does not say comes from the preset.
  package struct Upstream: Sendable, Equatable {
    package enum Mechanism: String, Sendable, CaseIterable {
      case auto, plain, login
      case cramMD5 = "cram-md5"
      case scramSHA256 = "scram-sha-256"
      case external, xoauth2, oauthbearer, none
    }

    /// How the server's certificate is verified. There is no "off".
    package enum Verification: String, Sendable, CaseIterable { case full, pin }

    /// What becomes of MAIL FROM:<> (RFC 5321 section 4.5.5).
    package enum NullSender: String, Sendable, CaseIterable { case keep, rewrite }

    package enum IPVersion: String, Sendable, CaseIterable {
      case any
      case four = "4"
      case six = "6"
    }

    package var name: String
    /// The name of the preset; "generic" is none, "capture" is a Maildir instead of a server.
    package var provider = "generic"
    package var region: String?
    /// Empty only with `provider` capture.
    package var host = ""
    package var port = 465
    package var security = Security.implicit
    package var allowInsecure = false
    package var verification = Verification.full
    /// SHA-256 of public keys (SubjectPublicKeyInfo) in Base64; empty unless `verification` is pin.
    package var pins: [String] = []
    /// A file of CA certificates; nil is the system's store.
    package var authorities: String?
    /// A PEM file with certificate and key; nil is the credential `clientCertificateCredential`, if there is one.
    package var clientCertificate: String?

    package var username: String?
    /// The provider gives out one secret that is both user name and password.
    package var usernameIsPassword = false
    /// The provider shows passwords in groups, with spaces that do not belong to them.
    package var stripsPasswordSpaces = false
    package var mechanism = Mechanism.auto
    /// What the names of the credentials begin with.
    package var credential: String
    /// nil: sessions log in with a password, or not at all.
    package var oauth: OAuth?

    /// Senders that it takes; never empty.
    package var senders: [MailboxPattern] = [.any]
    /// What every other sender becomes; nil: mail of others is refused.
    package var rewrite: Address?
    package var nullSender = NullSender.keep

    /// As with MX: the lowest is used first, and equal ones share.
    package var priority = 10
    package var maxConnections = 2
    /// Messages on one connection; 0 is no limit.
    package var maxPerConnection = 50
    /// Messages in a time; nil is no limit.
    package var rate: Rate?
    package var quota: Quota?

    package var ipVersion = IPVersion.any
    /// Where connections come from; nil leaves it to the system.
    package var sourceAddress: IPAddress?
    /// Our name in EHLO; nil is the gateway's.
    package var helo: String?
    /// The Maildir of `provider` capture.
    package var captureDirectory = "/var/lib/postern/capture"

    package init(name: String) {
      self.name = name
      self.credential = name
    }
  }

  /// So many in a rolling time.
  package struct Quota: Sendable, Hashable {
    package enum Unit: String, Sendable, CaseIterable { case messages, recipients }

    package var count: Int
    package var unit: Unit
    package var seconds: Int

    package init(count: Int, unit: Unit = .messages, seconds: Int = 86_400) {
      self.count = count
      self.unit = unit
      self.seconds = seconds
    }
  }

  /// `oauth` of an upstream: whom to ask for tokens, and as whom. What proves that we are this client is a credential.
  package struct OAuth: Sendable, Equatable {
    package var tenant: String?
    package var clientID: String
    package var tokenURL: HTTPSAddress
    /// nil: no device login there.
    package var deviceURL: HTTPSAddress?
    /// For tokens that the gateway gets as itself; "" leaves it to the server.
    package var scope: String
    /// For tokens that a person gets for the gateway; "" leaves it to the server.
    package var deviceScope: String

    package init(
      tenant: String? = nil, clientID: String, tokenURL: HTTPSAddress, deviceURL: HTTPSAddress? = nil,
      scope: String = "", deviceScope: String = ""
    ) {
      self.tenant = tenant
      self.clientID = clientID
      self.tokenURL = tokenURL
      self.deviceURL = deviceURL
      self.scope = scope
      self.deviceScope = deviceScope
    }
  }
}

extension Configuration.Upstream {
  /// A Maildir instead of a server.
  package var isCapture: Bool { provider == "capture" }

  /// The mailbox that we log in as, if the user name is one.
  package var account: Address? {
    username.flatMap { Address($0) }.flatMap { $0.domain.isEmpty || !$0.isASCII ? nil : $0 }
  }

  /// Whether sessions log in.
  package var authenticates: Bool {
    switch mechanism {
    case .auto: username != nil || usernameIsPassword || oauth != nil
    case .none: false
    case .plain, .login, .cramMD5, .scramSHA256, .external, .xoauth2, .oauthbearer: true
    }
  }

  /// Whether sessions log in with a password, the credential `passwordCredential`.
  package var usesPassword: Bool {
    switch mechanism {
    case .auto: authenticates && oauth == nil
    case .plain, .login, .cramMD5, .scramSHA256: true
    case .external, .xoauth2, .oauthbearer, .none: false
    }
  }

  /// Whether sessions log in with a client certificate that is a credential, `clientCertificateCredential`.
  package var usesCertificateCredential: Bool { mechanism == .external && clientCertificate == nil }

  /// Whether mail may go out as `sender`; nil is the null sender.
  package func accepts(sender: Address?) -> Bool {
    guard let sender else { return nullSender == .keep }
    return senders.contains { $0.matches(sender) }
  }

  /// As whom mail of `sender` goes out. `postmaster` answers for notifications where there is nobody else.
  package func outgoingSender(for sender: Address?, postmaster: Address) -> Configuration.OutgoingSender {
    if accepts(sender: sender) { return .same }
    guard let rewrite = sender == nil ? rewrite ?? postmaster : rewrite else { return .refused }
    return .rewritten(rewrite)
  }

  /// The address that takes the place of an author whom this upstream does not accept; nil: every author passes.
  package var replacementAuthor: Address? {
    senders.contains(.any) ? nil : rewrite
  }
}

extension Configuration {
  /// What becomes of an envelope sender at an upstream.
  package enum OutgoingSender: Sendable, Hashable {
    case same
    case rewritten(Address)
    /// The upstream does not take it, and nobody is named to stand in for it.
    case refused
  }
}
