// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Configuration

@Suite("What a configuration was read with")
struct ReleaseTests {
  @Test("is let go when it is read: a reload a minute must not fill the memory")
  func released() throws {
    weak var kept: Findings?
    weak var file: SourceFile?
    do {
      let source = SourceFile(path: "postern.toml", order: 0, text: "[queue]\nlifetime = \"5d\"\n")
      let findings = Findings(about: source)
      (kept, file) = (findings, source)
      let root = TableReader(try ConfigurationDocument(source), keys: .configuration, findings: findings)
      #expect(root.table("queue").place(of: "lifetime") != nil)
      findings.reportUnknownKeys()
    }
    #expect(kept == nil && file == nil)
  }
}
