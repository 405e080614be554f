// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

@testable import Configuration

extension FuzzTarget {
  /// The configuration, and rules about replies: a value, or errors that a terminal can show.
  static let configuration = FuzzTarget(name: "configuration", octetsMax: 2_048) { octets in
    var input = FuzzInput(octets)
    let isRules = input.flag()
    guard let text = String(validating: Array(input.rest), as: UTF8.self) else { return }
    let source = SourceFile(path: "postern.toml", order: 0, text: text)
    do throws(ConfigurationError) {
      let document = try ConfigurationDocument(source)
      let findings = Findings(about: source)
      if isRules {
        _ = ExplainReader(table: TableReader(document, keys: .explain, findings: findings)).read()
      } else {
        let reader = ConfigurationReader(
          root: TableReader(document, keys: .configuration, findings: findings), directory: "/etc/postern",
          presets: PresetFiles(directories: [], findings: findings), findings: findings)
        _ = reader.read(systemHostname: { "gate.example.com" })
      }
      findings.reportUnknownKeys()
      check(findings.errors.count <= ConfigurationLimits.errorsMax + 1, "\(findings.errors.count) errors")
      if !findings.errors.isEmpty { isPlain(ConfigurationErrors(findings.errors)) }
    } catch {
      isPlain(ConfigurationErrors([error]))
    }
  }
}
