// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// All rules about replies, in the order in which they are asked. Immutable; loaded with the configuration.
package struct ExplainRules: Sendable, Equatable {
  package let rules: [ExplainRule]

  package init(_ rules: [ExplainRule]) {
    self.rules = rules
  }

  /// The rule that decides; nil: nobody knows this reply. Costs the length of the text for each pattern.
  package func first(for seen: ExplainRule.Seen) -> ExplainRule? {
    rules.first { $0.match.holds(seen) }
  }

  package func first(
    for reply: Reply, stage: String, provider: String, login: ExplainRule.Login = .password
  ) -> ExplainRule? {
    first(for: ExplainRule.Seen(reply, stage: stage, provider: provider, login: login))
  }
}

extension ExplainRules {
  /// Reads `explain/*.toml` beside the configuration and in `share`. A file of the former replaces the one of the same
  /// name in the latter, and its rules are asked before; in each directory rules that name a provider come before those
  /// that do not, and then the order is that of the files' names and of their lines.
  package static func load(
    configurationPath: String, share: String? = ShareDirectory.current()
  ) -> Result<ExplainRules, ConfigurationErrors> {
    let own = DataDirectory("\(FileReplacement.directory(of: configurationPath))/explain")
    let installed = share.map { DataDirectory("\($0)/explain") }
    let ownNames = own.names()
    let sources =
      ownNames.map { (own, $0) }
      + (installed.map { installed in installed.names().filter { !ownNames.contains($0) }.map { (installed, $0) } }
        ?? [])
    var errors: [ConfigurationError] = []
    var ranked: [(rank: Int, rule: ExplainRule)] = []
    for (order, (directory, name)) in sources.enumerated() {
      do throws(ConfigurationError) {
        guard let source = try directory.read(name, order: order) else { continue }
        let findings = Findings(about: source)
        let table = TableReader(try ConfigurationDocument(source), keys: .explain, findings: findings)
        let rules = ExplainReader(table: table).read()
        findings.reportUnknownKeys()
        errors += findings.errors
        let isOwn = order < ownNames.count
        ranked += rules.map { ((isOwn ? 0 : 2) + ($0.match.providers.isEmpty ? 1 : 0), $0) }
      } catch {
        errors.append(error)
      }
    }
    guard errors.isEmpty else { return .failure(ConfigurationErrors(errors)) }
    let sorted = ranked.enumerated().sorted { ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset) }
    return .success(ExplainRules(sorted.map(\.element.rule)))
  }
}
