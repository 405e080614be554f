// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

extension ConfigurationReader {
  /// `[[route]]`, each of which names upstreams that there are.
  func readRoutes(_ upstreams: [Configuration.Upstream]) -> [Configuration.Route] {
    let names = upstreams.map(\.name)
    return root.tables("route").enumerated().map { index, table in
      var route = Configuration.Route(number: index + 1, via: readWay(table, names))
      route.from = table.read("from", .oneMoreOrEmpty(of: .address, "addresses")) ?? []
      route.to = table.read("to", .oneMoreOrEmpty(of: .address, "addresses")) ?? []
      let login = ValueReader<TextPattern>.string("a user of the LAN side, * for any letters") { text in
        text.isEmpty || terminalSafe(text) != text ? nil : TextPattern(text)
      }
      route.users = table.read("user", .oneMoreOrEmpty(of: login, "users")) ?? []
      route.clients = table.read("client", .oneMoreOrEmpty(of: .client, "clients")) ?? []
      table.read("size", .sizeBound, into: &route.size)
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
