// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// Octets that must never be shown: a password, a credential, a key. Whatever prints one (interpolation, `dump`, an
/// error that holds it) prints `<redacted>`; only code that asks for `octets` sees them, and has a copy then.
package struct Secret: Sendable {
  private let memory: Memory

  package init(_ octets: [UInt8]) {
    memory = Memory(octets)
  }

  package init(_ text: String) {
    self.init(Array(text.utf8))
  }

  package var octets: [UInt8] { Array(memory.octets) }

  /// Wiped when the last secret that shares it is gone.
  /// Unchecked, because the octets are written in `init` and `deinit` only.
  private final class Memory: @unchecked Sendable {
    let octets: UnsafeMutableRawBufferPointer

    init(_ octets: [UInt8]) {
      self.octets = .allocate(byteCount: octets.count, alignment: 1)
      self.octets.copyBytes(from: octets)
    }

    deinit {
      if let start = octets.baseAddress { OPENSSL_cleanse(start, octets.count) }
      octets.deallocate()
    }
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
