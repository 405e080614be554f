// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The table of `clients`. The daemon sends those first that cannot get in; what they heard is the last column, so that
/// one look tells whether the printer came, and what it was told. A wide screen has more columns.
package struct ClientsView: Sendable {
  private var table: Table
  private let now: Timestamp
  private let style: Style
  private let isWide: Bool
  private var clients = 0
  private var troubled = 0
  private var first: String?
  private var notes: [String] = []

  private static let columnsWhenWide = 140
  /// Of the name beside the address, where what was heard needs the room.
  private static let nameCharactersMax = 10

  package init(now: Timestamp, style: Style) {
    isWide = style.width.map { $0 >= Self.columnsWhenWide } ?? true
    table = Table(
      ["CLIENT", "SEEN"] + (isWide ? ["OPEN"] : []) + ["MAIL", "TLS", "LOGIN"]
        + (isWide ? ["RATE", "EXCEPTIONS", "FAILED"] : []) + ["HEARD"], style: style)
    self.now = now
    self.style = style
  }

  package mutating func add(_ client: ClientReply) -> [String] {
    clients += 1
    if client.state != .ok { troubled += 1 }
    if first == nil { first = client.address }
    let wide = isWide ? [String(client.sessions)] : []
    let limits = isWide ? [Self.rate(client), Self.exceptions(client), Self.failures(client)] : []
    return table.add(
      [who(client), Humane.span(seconds: age(client.lastSeen))] + wide
        + ["\(client.acceptedInHour)/\(client.accepted)", Self.version(client.tls), login(client)] + limits
        + [heard(client)])
  }

  /// A line below the list.
  package mutating func add(_ note: NoteReply) -> [String] {
    notes.append(TerminalText.escaped(note.note))
    return []
  }

  package mutating func finish() -> [String] {
    guard let first else { return ["no client has connected since posternd started"] + notes }
    let trouble = troubled == 0 ? "" : ", \(troubled) without success"
    return table.finish() + [
      "\(Humane.count(clients, "client"))\(trouble).   MAIL: last hour/in all.   why: postern why \(first)"
    ] + notes
  }

  private func age(_ time: Timestamp) -> Int { Int((now.milliseconds - time.milliseconds) / 1000) }

  private func who(_ client: ClientReply) -> String {
    guard let name = client.name else { return client.address }
    return "\(client.address) \(isWide ? name : name.cut(to: Self.nameCharactersMax, style: style))"
  }

  /// `TLSv1.2` is 1.2 to everybody.
  private static func version(_ tls: String?) -> String {
    guard let tls else { return "none" }
    let number = tls.hasPrefix("TLSv") ? String(tls.dropFirst("TLSv".count)) : tls
    return number == "1" ? "1.0" : number
  }

  private func login(_ client: ClientReply) -> String {
    guard let user = client.user else { return "-" }
    return user + (isWide ? client.mechanism.map { " \($0)" } ?? "" : "")
  }

  private static func rate(_ client: ClientReply) -> String {
    client.rate.map { "\($0.used) of \($0.limit)" } ?? "-"
  }

  /// What is allowed and was not needed stands in brackets.
  private static func exceptions(_ client: ClientReply) -> String {
    let all = client.allowed.map { client.used.contains($0) ? $0 : "(\($0))" }
    return all.isEmpty ? "-" : all.joined(separator: " ")
  }

  private static func failures(_ client: ClientReply) -> String {
    let counts = [
      (client.failedLogins, "login"), (client.clearLogins, "clear login"), (client.failedHandshakes, "handshake"),
    ]
    let texts = counts.filter { $0.0 > 0 }.map { Humane.count($0.0, $0.1) }
    return texts.isEmpty ? "-" : texts.joined(separator: ", ")
  }

  private func heard(_ client: ClientReply) -> String {
    switch client.state {
    case .ok: "250 OK"
    case .refused: client.lastRefusal?.text ?? "-"
    case .noTLS: "TLS failed: \(client.lastHandshake?.reason ?? "-")"
    case .silent: client.sessions > 0 ? "nothing yet" : "nothing: it left"
    }
  }
}
