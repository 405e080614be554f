// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Text that a terminal and a log line can take: controls, separators and bidirectional marks become "?", a tab a space.
///
/// Scalar for scalar, so that carets stand where they should.
func terminalSafe(_ text: some StringProtocol) -> String {
  String(String.UnicodeScalarView(text.unicodeScalars.map(terminalSafe)))
}

private func terminalSafe(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
  if scalar == "\t" { return " " }
  switch scalar.properties.generalCategory {
  case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse: return "?"
  default: return scalar
  }
}

/// A source line as an error may show it, one scalar an element: without the CR of a DOS line end, and without what
/// stands behind a key that sounds like a secret. Works on text that is no TOML, since an error may be just that.
func withoutSecret(_ line: Substring) -> [Character] {
  let scalars = line.unicodeScalars.map { Character(terminalSafe($0)) }
  let shown = line.unicodeScalars.last == "\r" ? scalars.dropLast() : scalars[...]
  var start = shown.startIndex
  // Every assignment of the line counts: { user = "a", password = "b" }.
  for sign in shown.indices where shown[sign] == "=" || shown[sign] == ":" {
    if namesSecret(String(shown[start..<sign])) { return shown[...sign] + Array(" …") }
    start = sign + 1
  }
  return Array(shown)
}

/// Whether text holds a word that means a secret.
func namesSecret(_ text: String) -> Bool {
  let text = text.lowercased()
  return ["passw", "pasw", "passphrase", "passcode", "secret"].contains { text.contains($0) }
}
