// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Octets that must never be shown: a password, a credential, a key. Whatever prints one (interpolation, `dump`, an
/// error that holds it) prints `<redacted>`; only code that asks for `octets` sees them.
package struct Secret: Sendable {
  package var octets: [UInt8]

  package init(_ octets: [UInt8]) {
    self.octets = octets
  }

  package init(_ text: String) {
    self.init(Array(text.utf8))
  }
}

extension Secret: Equatable {
  package static func == (a: Secret, b: Secret) -> Bool {
    constantTimeEqual(a.octets, b.octets)
  }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "<redacted>" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
