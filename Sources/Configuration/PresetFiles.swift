// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The providers that are known: a file each, `providers/NAME.toml`, beside the configuration or where the program was
/// installed; the former wins.
///
/// A final class because it keeps what it read: two upstreams of one provider read its file once. It lives as long as
/// one load.
final class PresetFiles {
  private let directories: [DataDirectory]
  private let findings: Findings
  private var known: [String: Preset] = [:]
  private var filesRead = 0

  /// Behind all files of the configuration itself, in the order of errors.
  private static let order = 1 << 20

  init(directories: [String], findings: Findings) {
    self.directories = directories.map(DataDirectory.init)
    self.findings = findings
  }

  /// nil: no such provider. A file that is wrong is told, and its preset is damaged.
  func preset(named name: String) -> Preset? {
    if let preset = known[name] { return preset }
    guard let preset = Name.isValid(name) ? read(name) : nil else { return nil }
    known[name] = preset
    return preset
  }

  /// All that are there, by name.
  func names() -> [String] {
    Set(directories.flatMap { $0.names() } + Preset.builtIn).sorted()
  }

  private func read(_ name: String) -> Preset? {
    do throws(ConfigurationError) {
      for directory in directories {
        guard let source = try directory.read(name, order: Self.order + filesRead) else { continue }
        filesRead += 1
        let own = Findings(about: source)
        var preset = PresetReader(
          table: TableReader(try ConfigurationDocument(source), keys: .preset, findings: own)
        ).read(name)
        own.reportUnknownKeys()
        own.errors.forEach(findings.add)
        preset.isDamaged = !own.errors.isEmpty
        return preset
      }
    } catch {
      findings.add(error)
      var preset = Preset(name: name)
      preset.isDamaged = true
      return preset
    }
    return Preset.builtIn.contains(name) ? Preset(name: name) : nil
  }
}
