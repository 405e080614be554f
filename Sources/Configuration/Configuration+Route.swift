// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

extension Configuration {
  /// `[[route]]`: through which upstreams a delivery goes. All conditions that it names must hold; of the several values
  /// of one condition, any. What is empty or nil is no condition.
  package struct Route: Sendable, Equatable {
    /// Which one of the file, from 1.
    package var number: Int
    /// Envelope senders.
    package var from: [MailboxPattern] = []
    package var to: [MailboxPattern] = []
    /// Logins on the LAN side.
    package var users: [TextPattern] = []
    package var clients: [ClientPattern] = []
    package var size: SizeBound?
    /// Names of upstreams, the first one first; never empty.
    package var via: [String]

    package init(number: Int, via: [String]) {
      self.number = number
      self.via = via
    }
  }

  /// Which clients are meant: a `[[client]]` by its name, or addresses.
  package enum ClientPattern: Sendable, Hashable {
    case name(TextPattern)
    case network(Network)

    package func matches(name: String?, address: IPAddress?) -> Bool {
      switch self {
      case .name(let pattern): name.map(pattern.matches) ?? false
      case .network(let network): address.map(network.contains) ?? false
      }
    }
  }

  /// ">10M": a size that is the bound itself is in "<=" and ">=" only.
  package struct SizeBound: Sendable, Hashable {
    package enum Relation: String, Sendable, CaseIterable {
      case atLeast = ">="
      case atMost = "<="
      case more = ">"
      case less = "<"
    }

    package var relation: Relation
    package var octets: Int

    package init(_ relation: Relation, _ octets: Int) {
      self.relation = relation
      self.octets = octets
    }

    package func holds(_ size: Int) -> Bool {
      switch relation {
      case .atLeast: size >= octets
      case .atMost: size <= octets
      case .more: size > octets
      case .less: size < octets
      }
    }
  }

  /// What routes ask about one delivery: the envelope, and what the client was when it submitted.
  package struct Delivery: Sendable {
    /// nil is the null sender.
    package var sender: Address?
    package var recipient: Address
    package var user: String?
    /// The name of the `[[client]]`.
    package var client: String?
    package var address: IPAddress?
    package var octets: Int

    package init(
      sender: Address?, recipient: Address, user: String? = nil, client: String? = nil, address: IPAddress? = nil,
      octets: Int = 0
    ) {
      self.sender = sender
      self.recipient = recipient
      self.user = user
      self.client = client
      self.address = address
      self.octets = octets
    }
  }

  /// The route that decides; nil: by priority.
  package func route(for delivery: Delivery) -> Route? {
    routes.first { $0.matches(delivery) }
  }
}

extension Configuration.Route {
  package func matches(_ delivery: Configuration.Delivery) -> Bool {
    (from.isEmpty || from.contains { $0.matches(delivery.sender) })
      && (to.isEmpty || to.contains { $0.matches(delivery.recipient) })
      && concerns(user: delivery.user, client: delivery.client, address: delivery.address)
      && (size?.holds(delivery.octets) ?? true)
  }

  /// Whether it may be about what this client hands in: the conditions that do not ask for the message hold.
  package func concerns(user: String?, client: String?, address: IPAddress?) -> Bool {
    (users.isEmpty || users.contains { pattern in user.map(pattern.matches) ?? false })
      && concerns(client: client, address: address)
  }

  /// The same, whoever logs in there.
  package func concerns(client: String?, address: IPAddress?) -> Bool {
    clients.isEmpty || clients.contains { $0.matches(name: client, address: address) }
  }
}
