// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// Everything that the admin decides, as one immutable value that is swapped whole on reload.
///
/// The defaults are those written here and nowhere else; `etc/postern.toml` repeats them and a test compares. A value
/// comes from `ConfigurationLoader`, which returns a whole valid one or errors, or from a test.
package struct Configuration: Sendable, Equatable {
  /// Name in banner, EHLO and Received.
  package var hostname: String
  /// Who looks after this gateway; nil if the file does not say.
  package var postmaster: Address?
  /// Never empty. By priority, then in the order of the file.
  package var upstreams: [Upstream]
  /// In the order of the file: the first one that matches decides. None: by priority.
  package var routes: [Route] = []
  package var listeners = Listener.standard
  /// Whether the file has a `[listen]` table; else the listeners are the standard ones.
  package var namesListeners = false
  package var access = Access()
  /// In the order of the file.
  package var clients: [Client] = []
  /// The file that these stand in; nil: there are none.
  package var clientsFile: String?
  package var sender = Sender()
  package var message = Message()
  package var queue = Queue()
  package var bounce = Bounce()
  package var tls = ServerTLS()
  package var control = Control()
  package var log = Log()

  package init(hostname: String, upstream: Upstream) {
    self.init(hostname: hostname, upstreams: [upstream])
  }

  /// In the order of their use.
  package init(hostname: String, upstreams: [Upstream]) {
    precondition(!upstreams.isEmpty, "mail has to go somewhere")
    self.hostname = hostname
    self.upstreams = upstreams
  }

  /// The upstream that is used first.
  package var upstream: Upstream {
    get { upstreams[0] }
    set { upstreams[0] = newValue }
  }

  package func upstream(named name: String) -> Upstream? {
    upstreams.first { $0.name == name }
  }

  /// The postmaster's address, or the nearest thing to one: the mailbox that the upstream's provider gave us, or the one
  /// that every mail domain must have (RFC 5321 section 4.5.1).
  package var postmasterAddress: Address {
    if let postmaster { return postmaster }
    if let account = upstream.account { return account }
    return Address("postmaster@\(hostname)") ?? Address("postmaster")!
  }

  package func client(named name: String) -> Client? {
    clients.first { $0.name == name }
  }

  /// The `[[client]]` that an address belongs to: the narrowest network decides, then the order of the file.
  package func client(at address: IPAddress) -> Client? {
    var found: (client: Client, prefix: Int)?
    for client in clients {
      for network in client.addresses where network.contains(address) && network.prefix > found?.prefix ?? -1 {
        found = (client, network.prefix)
      }
    }
    return found?.client
  }
}

extension Configuration {
  /// How a connection is secured. Never downgraded.
  package enum Security: String, Sendable, CaseIterable {
    case implicit, starttls, none

    /// What a port means where the file does not say (RFC 8314 section 3.3 for 465).
    init(port: Int) {
      self = port == 465 ? .implicit : .starttls
    }
  }

  /// `[listen.NAME]`: a port for the LAN.
  package struct Listener: Sendable, Equatable {
    package var name: String
    /// Addresses; "*" is every address of the host, IPv4 and IPv6.
    package var addresses = ["*"]
    package var port: Int
    package var security: Security
    package var maxSessions = 64
    /// Sessions of one client address; 0 is no limit.
    package var maxSessionsPerClient = 50

    package init(name: String, port: Int, security: Security? = nil) {
      self.name = name
      self.port = port
      self.security = security ?? Security(port: port)
    }

    /// What listens where the file has no `[listen]` table, and the ports of these two names.
    package static let standard = [
      Listener(name: "submission", port: 587), Listener(name: "submissions", port: 465),
    ]
  }

  /// `[access]`: who may submit.
  package struct Access: Sendable, Equatable {
    /// Networks that need no login.
    package var trusted: [Network] = []
    /// Networks that are not served at all; they come before everything else.
    package var deny: [Network] = []
    /// Failed logins that an address and user may have in a time; nil is no limit.
    package var authFailures: Rate? = Rate(count: 5, seconds: 600)
    package var usersFile = "/etc/postern/users"

    package init() {}
  }

  /// So many in a time.
  package struct Rate: Sendable, Hashable {
    package var count: Int
    package var seconds: Int

    package init(count: Int, seconds: Int) {
      self.count = count
      self.seconds = seconds
    }

    /// "60/h", "5/10m".
    package var text: String {
      let units = [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")]
      let (length, unit) = units.first { seconds % $0.0 == 0 } ?? (1, "s")
      return seconds == length ? "\(count)/\(unit)" : "\(count)/\(seconds / length)\(unit)"
    }
  }

  /// `[[client]]`: one weak or special client.
  package struct Client: Sendable, Equatable {
    package enum Exception: String, Sendable, Hashable, CaseIterable {
      case noAuth = "no-auth"
      case plaintext
      /// TLS from version 1.0 on, with the algorithms of its time.
      case tls10 = "tls1.0"
      /// Lines that end in LF alone.
      case bareLF = "bare-lf"
      /// A name in EHLO that is none.
      case anyHelo = "any-helo"
    }

    package var name: String
    package var addresses: [Network]
    package var allow: Set<Exception> = []
    /// As whom all its mail goes, whatever it says; nil: as it says.
    package var from: Address?
    /// Whom it may write to; empty: anybody.
    package var allowTo: [MailboxPattern] = []
    /// Messages that each of its addresses may hand in in a time; nil is no limit.
    package var rate: Rate?

    package init(name: String, addresses: [Network], allow: Set<Exception> = []) {
      self.name = name
      self.addresses = addresses
      self.allow = allow
    }
  }

  /// `[sender]`: as whom a client may send.
  package struct Sender: Sendable, Equatable {
    package enum Policy: String, Sendable, CaseIterable { case any, own, listed }

    /// What the Received field that we add says of the client to whoever gets the mail.
    package enum ReceivedHeader: String, Sendable, CaseIterable { case full, `private` }

    package var policy = Policy.any
    /// For all clients under "listed"; under "own" for clients without a login, and for logins beside their own.
    package var allowed: [MailboxPattern] = []
    package var receivedHeader = ReceivedHeader.full

    package init() {}
  }

  /// `[message]`: what a message may be.
  package struct Message: Sendable, Equatable {
    /// Octets, offered as SIZE.
    package var maxSize = 50 << 20
    package var maxRecipients = 100

    package init() {}
  }

  /// `[queue]`: where mail waits, and how long.
  package struct Queue: Sendable, Equatable {
    package var directory = "/var/lib/postern/queue"
    /// Milliseconds until the next attempt, by attempts made; the last repeats. Never empty.
    package var retry: [Int64] = [1, 5, 15, 30, 60, 120, 240].map { $0 * 60_000 }
    /// Milliseconds after which undelivered mail is given up: 5 days.
    package var lifetime: Int64 = 432_000_000
    /// Milliseconds after which the sender is told that his mail still waits; nil is never.
    package var warnAfter: Int64? = 14_400_000
    /// Milliseconds for which finished mail is remembered: 7 days; nil is not at all.
    package var historyKeep: Int64? = 604_800_000
    /// How long `undrop` finds what was dropped.
    package var droppedKeep: Int64 = 86_400_000
    /// Octets of the file system that mail leaves free, of a small one a quarter at most.
    package var minFree = 512 << 20
    package var maxMessages = 100_000

    package init() {}
  }

  /// `[bounce]`: who is told of mail that did not arrive.
  package struct Bounce: Sendable, Equatable {
    package enum Recipient: String, Sendable, CaseIterable { case sender, postmaster, both }

    package var to = Recipient.sender

    package init() {}
  }

  /// `[tls]`: what we show to LAN clients.
  package struct ServerTLS: Sendable, Equatable {
    package enum Version: String, Sendable, CaseIterable {
      case v12 = "1.2"
      case v13 = "1.3"
    }

    /// PEM files. Both are empty only where no listener uses TLS.
    package var certificate = ""
    package var key = ""
    package var minimum = Version.v12
    /// PEM file; clients with a certificate of these authorities may log in with it. nil: they are asked for none.
    package var clientAuthorities: String?

    package init() {}
  }

  /// `[control]`: the console's way in.
  package struct Control: Sendable, Equatable {
    package var directory = "/run/postern"

    package init() {}
  }

  /// `[log]`: what is told.
  package struct Log: Sendable, Equatable {
    package enum Level: String, Sendable, CaseIterable { case error, warning, notice, info, debug }

    package var level = Level.info

    package init() {}
  }
}
