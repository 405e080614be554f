// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

extension ConfigurationReader {
  /// `[listen.NAME]`; where there is none, the two standard ports.
  func readListeners() -> [(listener: Configuration.Listener, place: Place?)] {
    let tables = root.namedTables("listen")
    guard !tables.isEmpty else { return Configuration.Listener.standard.map { ($0, nil) } }
    let listeners = tables.map { (readListener($0.name, $0.table), $0.table) }
    for (index, (listener, table)) in listeners.enumerated() {
      let key = table.place(of: "port") == nil ? "address" : "port"
      if Set(listener.addresses).count < listener.addresses.count {
        table.add("\(table.title) names an address twice", at: "address")
      }
      if let other = listeners[..<index].first(where: { $0.0.overlaps(listener) }) {
        table.add("\(table.title) and \(other.1.title) listen on the same address and port \(listener.port)", at: key)
      }
    }
    return listeners.map { ($0.0, $0.1.place) }
  }

  private func readListener(_ name: String, _ table: TableReader) -> Configuration.Listener {
    let standard = Configuration.Listener.standard.first { $0.name == name }
    if standard == nil, table.place(of: "port") == nil {
      table.add("\(table.title) needs 'port'", hint: "only [listen.submission] and [listen.submissions] have one")
    }
    let port = table.read("port", .integer(Limits.ports)) ?? standard?.port ?? 0
    var listener = Configuration.Listener(name: name, port: port)
    table.read("address", .oneOrMore(of: .listenAddress, "addresses"), into: &listener.addresses)
    table.read("tls", .choice(), into: &listener.security)
    table.read("max_sessions", .integer(Limits.sessions), into: &listener.maxSessions)
    table.read("max_sessions_per_client", .integer(Limits.sessionsPerClient), into: &listener.maxSessionsPerClient)
    return listener
  }
}

extension Configuration.Listener {
  /// Whether the system would refuse one of the two its socket. Port 0 stands for a port that could not be read.
  fileprivate func overlaps(_ other: Self) -> Bool {
    guard port == other.port, port != 0 else { return false }
    return addresses.contains("*") || other.addresses.contains("*") || !Set(addresses).isDisjoint(with: other.addresses)
  }
}
