// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Something that whoever reads a list has to know about it: that it is not whole.
package struct NoteReply: Sendable, Equatable, Codable {
  package var note: String

  package init(note: String) { self.note = note }
}
