// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Reads the configuration's files into one valid value, or says everything that is wrong with them.
///
/// Called at start, at reload and by `--check`. It opens no file but the configuration's own and those of providers:
/// whether certificates, credentials and the users file exist is for those who use them.
package enum ConfigurationLoader {
  /// Reads `path`, the drop-ins in `conf.d` beside it, and the files of the providers that are used. `share` is where the
  /// data files lie that came with the program. `hostname` is asked only where the file says "auto".
  package static func load(
    path: String, share: String? = ShareDirectory.current(), hostname: () -> String = HostName.current
  ) -> Result<Configuration, ConfigurationErrors> {
    let document: ConfigurationDocument
    do {
      document = try ConfigurationDocument.read(path)
    } catch {
      return .failure(error)
    }
    let findings = Findings(about: document.source)
    let directory = directory(of: path)
    let presets = PresetFiles(
      directories: [directory == "/" ? "" : directory, share].compactMap { $0.map { "\($0)/providers" } },
      findings: findings)
    let reader = ConfigurationReader(
      root: TableReader(document, keys: .configuration, findings: findings), directory: directory, presets: presets,
      findings: findings)
    let configuration = reader.read(systemHostname: hostname)
    findings.reportUnknownKeys()
    guard findings.errors.isEmpty else { return .failure(ConfigurationErrors(findings.errors)) }
    return .success(configuration)
  }

  /// Where relative paths start: the directory of the main file.
  private static func directory(of path: String) -> String {
    var working = "/"
    if !path.hasPrefix("/"), let text = getcwd(nil, 0) {
      working = String(cString: text)
      free(text)
    }
    let absolute = path.hasPrefix("/") ? path : "\(working)/\(path)"
    return "/" + absolute.split(separator: "/").dropLast().joined(separator: "/")
  }
}
