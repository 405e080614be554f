// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

extension ConfigurationReader {
  /// `[upstream.NAME]`, by priority and then in the order of the file. Never empty: where there is none, one that stands
  /// for it beside the error.
  func readUpstreams() -> [Configuration.Upstream] {
    let tables = root.namedTables("upstream")
    if tables.isEmpty, root.place(of: "upstream") == nil {
      findings.add(
        "there is no [upstream.NAME]: mail has nowhere to go", at: nil,
        hint: "at least one is needed, called after a provider or with its host")
    }
    guard !tables.isEmpty else { return [Configuration.Upstream(name: "")] }
    let upstreams = tables.map { UpstreamReader(self, name: $0.name, $0.table).read() }
    return upstreams.enumerated().sorted { ($0.element.priority, $0.offset) < ($1.element.priority, $1.offset) }
      .map(\.element)
  }
}
