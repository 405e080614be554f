// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Configuration
import SMTP

/// The `[[client]]` stanza that would have let a client in: what it has already, and of exceptions only those whose lack
/// it was refused for. A value; it is shown, never applied.
struct ClientRemedy {
  enum Outcome {
    /// `besides` is what else has to become of the configuration, in sentences.
    case stanza(WhyReply.Stanza, besides: [String])
    /// The configuration would let it in by now.
    case none
    /// A stanza would let in more than this client.
    case unwise(String)
  }

  private let address: IPAddress
  private let findings: ClientFindings
  private let existing: Configuration.Client?

  init(_ record: ClientRecord, _ findings: ClientFindings) {
    address = record.address
    self.findings = findings
    existing = findings.configuration.client(at: record.address)
  }

  /// `needs` are exceptions; `change` is what else must become of the client.
  func outcome(needs: ClientExceptions, change: (inout Configuration.Client) -> Void = { _ in }) -> Outcome {
    var needs = needs
    // Without TLS nobody can log in.
    if needs.contains(.plaintext) { needs.insert(.noAuth) }
    if findings.needsNoLogin(address) { needs.remove(.noAuth) }
    let allowed = ClientExceptions(existing?.allow ?? [])
    needs.subtract(allowed)
    if needs.contains(.noAuth), !isNamed {
      if findings.isRouter(address) {
        return .unwise("this is a router of this host: behind its address may be anybody, so give the client a login")
      }
      if Network("\(address)")?.isPrivate != true {
        return .unwise("this is an address of the internet: give the client a login instead of an exception")
      }
    }
    var client = existing ?? Configuration.Client(name: newName, addresses: [])
    if !isAlone {
      client.name = newName
      client.addresses = [Network("\(address)")].compactMap { $0 }
    }
    client.allow.formUnion(needs.list)
    change(&client)
    guard
      client.allow != existing?.allow ?? [] || client.rate != existing?.rate
        || client.allowTo != existing?.allowTo ?? []
    else { return .none }
    return .stanza(
      WhyReply.Stanza(
        file: findings.configuration.clientsFile ?? findings.path, replaces: isAlone ? client.name : nil,
        text: client.toml),
      besides: isAlone ? [] : besides(client.name))
  }

  /// Somebody has written this very address into a stanza.
  private var isNamed: Bool {
    existing?.addresses.contains(where: isOurs) == true
  }

  /// That stanza is about nobody else, so that it can be changed.
  private var isAlone: Bool {
    existing?.addresses.allSatisfy(isOurs) == true
  }

  private func isOurs(_ network: Network) -> Bool { network.isOneAddress && network.contains(address) }

  /// A new stanza takes the client out of the one that was about it, and so out of what goes by that one's name.
  private func besides(_ newName: String) -> [String] {
    guard let existing else { return [] }
    var sentences: [String] = []
    if isNamed {
      sentences.append(
        "[[client]] \(existing.name) is about other addresses too: take \(address) out of it, two cannot have it")
    }
    for route in findings.configuration.routes {
      func isMeant(_ name: String) -> Bool { route.clients.contains { $0.matches(name: name, address: address) } }
      if isMeant(existing.name), !isMeant(newName) {
        sentences.append(
          "[[route]] \(route.number) is about \(existing.name): add \"\(newName)\" to its client, or the mail of this "
            + "one goes another way")
      }
    }
    return sentences
  }

  private var newName: String {
    let plain = "client-" + "\(address)".map { $0 == ":" ? "-" : String($0) }.joined()
    let taken = Set(findings.configuration.clients.map(\.name))
    return ([plain] + (2...(taken.count + 2)).map { "\(plain)-\($0)" }).first { !taken.contains($0) } ?? plain
  }
}

extension Configuration.Client {
  /// As it stands in the file.
  var toml: String {
    func string(_ text: String) -> String {
      "\"" + text.map { ["\"", "\\"].contains($0) ? "\\\($0)" : String($0) }.joined() + "\""
    }
    func list(_ texts: [String]) -> String { "[" + texts.map(string).joined(separator: ", ") + "]" }
    var lines = ["[[client]]", "name = \(string(name))"]
    let places = addresses.map(\.description)
    lines.append("address = \(places.count == 1 ? string(places[0]) : list(places))")
    if !allow.isEmpty { lines.append("allow = \(list(ClientExceptions(allow).list.map(\.rawValue)))") }
    if let from { lines.append("from = \(string(from.text))") }
    if let rate { lines.append("rate = \(string(rate.text))") }
    if !allowTo.isEmpty { lines.append("allow_to = \(list(allowTo.map(\.description)))") }
    return lines.joined(separator: "\n")
  }
}
