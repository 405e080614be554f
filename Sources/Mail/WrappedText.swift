// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Lines of text for people, broken at spaces so that they fit on a narrow screen (RFC 5322 section 2.1.1). A word that
/// is longer than a line, such as an address, stays whole, so that it can be copied.
struct WrappedText {
  private(set) var lines: [String] = []

  mutating func addEmptyLine() {
    lines.append("")
  }

  mutating func add(_ text: String, indent: Int = 0, isParagraph: Bool = false) {
    if isParagraph { addEmptyLine() }
    let margin = String(repeating: " ", count: indent)
    var line = margin
    var isEmpty = true
    for word in text.split(separator: " ") {
      if !isEmpty, line.count + 1 + word.count > MailLimits.lineOctetsPreferred - 2 {
        lines.append(line)
        line = margin
        isEmpty = true
      }
      line += isEmpty ? String(word) : " \(word)"
      isEmpty = false
    }
    lines.append(line)
  }
}
