// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

extension ConfigurationReader {
  /// `[[route]]`, each of which names upstreams that there are. `clients` are the names of all `[[client]]`.
  func readRoutes(_ upstreams: [Configuration.Upstream], clients: [String]) -> [Configuration.Route] {
    let names = upstreams.map(\.name)
    let tables = root.tables("route")
    return tables.enumerated().map { index, table in
      var route = Configuration.Route(number: index + 1, via: readWay(table, names))
      let from = table.read("from", .oneMoreOrEmpty(of: .address, "addresses"))
      let to = table.read("to", .oneMoreOrEmpty(of: .address, "addresses"))
      let login = ValueReader<TextPattern>.string("a user of the LAN side, * for any letters") { text in
        text.isEmpty || terminalSafe(text) != text ? nil : TextPattern(text)
      }
      let users = table.read("user", .oneMoreOrEmpty(of: login, "users"))
      let client = ValueReader.client(oneOf: clients)
      let origins = table.read("client", .oneMoreOrEmpty(of: client, "clients"))
      (route.from, route.to, route.users, route.clients) = (from ?? [], to ?? [], users ?? [], origins ?? [])
      table.read("size", .sizeBound, into: &route.size)
      // One that could not be read is a condition all the same.
      let isOpen = [("from", from == []), ("to", to == []), ("user", users == []), ("client", origins == [])]
        .allSatisfy { key, isEmpty in isEmpty || table.place(of: key) == nil }
      if isOpen, route.size == nil, table.place(of: "size") == nil, index + 1 < tables.count {
        table.add(
          "this [[route]] has no condition, so that those behind it never match",
          hint: #"put it last; from = "<>" are notifications"#)
      }
      return route
    }
  }

  private func readWay(_ table: TableReader, _ names: [String]) -> [String] {
    let upstream = ValueReader<String> { node, problems in
      if case .string(let name) = node.value, names.contains(name) { return name }
      var hint: String?
      if case .string(let text) = node.value {
        hint = KnownKeys.nearest(to: text, among: names).map { "did you mean \"\($0.name)\"?" }
      }
      problems.append(ValueProblem(node, mustBe: "the name of an [upstream.NAME]", hint: hint))
      return nil
    }
    guard let via = required("via", .oneOrMore(of: .located(upstream), "upstreams"), of: table) else { return [] }
    var seen: Set<String> = []
    for name in via where !seen.insert(name.value).inserted {
      findings.add("'via' names \(name.value) twice", at: name.place)
    }
    return via.map(\.value)
  }
}

extension ValueReader {
  /// A list, one value without brackets, or "" for none.
  fileprivate static func oneMoreOrEmpty<Element>(of element: ValueReader<Element>, _ expected: String) -> Self
  where Value == [Element] {
    let filled = oneOrMore(of: element, expected)
    return Self { node, problems in
      if case .string("") = node.value { return [] }
      return filled.read(node, &problems)
    }
  }
}
