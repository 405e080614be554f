// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What the `From` and `Sender` fields of a message say, kept while they pass. `HeaderScanner` feeds it where somebody
/// will ask; it decides nothing. It grows to `MailLimits.authorOctetsMax` and no further, however many fields there are.
package struct AuthorFields: Sendable {
  /// What one field claims.
  package struct Claim: Sendable, Equatable {
    /// `From` or `Sender`.
    package var field: String
    /// nil: it cannot be said whose they are.
    package var addresses: [String]?
  }

  private struct Field {
    var name: String
    var value: [UInt8] = []
  }

  private var fields: [Field] = []
  private var room = MailLimits.authorOctetsMax
  private var isCut = false

  /// Of each field, in order. A message that has more of them than anybody reads claims what cannot be said.
  package var claims: [Claim] {
    fields.map { field in
      Claim(field: field.name, addresses: isCut ? nil : ExactMailboxes.addresses(field.value[...]))
    }
  }

  /// The value of a field begins.
  mutating func beginField(_ name: String) {
    if take(MailLimits.authorFieldOctets) { fields.append(Field(name: name)) }
  }

  mutating func read(_ octets: Slice<UnsafeRawBufferPointer>) {
    guard take(octets.count) else { return }
    fields[fields.count - 1].value += octets
  }

  private mutating func take(_ count: Int) -> Bool {
    guard !isCut, count <= room else {
      isCut = true
      return false
    }
    room -= count
    return true
  }
}
