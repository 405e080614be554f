// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Why the gateway cannot start or reload, in words for the admin.
package struct GatewayError: Error, Sendable, CustomStringConvertible {
  package let description: String
  /// Trying again without a change will meet it again.
  package let isLasting: Bool

  init(_ description: String, isLasting: Bool = true) {
    self.description = description
    self.isLasting = isLasting
  }
}
