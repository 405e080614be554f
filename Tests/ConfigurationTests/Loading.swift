// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Foundation

/// The smallest file that works.
let smallest = """
  [upstream.relay]
  host = "smtp.example.com"
  [tls]
  certificate = "/c.pem"
  key = "/k.pem"

  """

/// The data files of this tree, as they are installed.
let shareDirectory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appendingPathComponent("etc").path

/// Loads `postern.toml` and what lies beside it; the host is called gate.example.com.
func load(_ files: [String: String]) throws -> Result<Configuration, ConfigurationErrors> {
  let directory = try TemporaryDirectory(files)
  return withExtendedLifetime(directory) {
    ConfigurationLoader.load(
      path: directory.file("postern.toml"), share: shareDirectory, hostname: { "gate.example.com" })
  }
}

/// Loads one file, completed by the tables of `smallest` that it lacks.
func load(_ text: String) throws -> Result<Configuration, ConfigurationErrors> {
  try load(["postern.toml": completed(text)])
}

/// What an admin sees, with the names of the files relative to the test's directory; "" if nothing is wrong.
func rendered(_ files: [String: String]) throws -> String {
  let directory = try TemporaryDirectory(files)
  let result = ConfigurationLoader.load(
    path: directory.file("postern.toml"), share: shareDirectory, hostname: { "gate.example.com" })
  guard case .failure(let errors) = result else { return "" }
  return errors.description.replacingOccurrences(of: directory.path + "/", with: "")
}

func completed(_ text: String) -> String {
  var text = text.hasSuffix("\n") || text.isEmpty ? text : text + "\n"
  if !text.contains("upstream") { text += "[upstream.relay]\nhost = \"smtp.example.com\"\n" }
  if !text.contains("[tls]") { text += "[tls]\ncertificate = \"/c.pem\"\nkey = \"/k.pem\"\n" }
  return text
}
