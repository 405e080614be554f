// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What both programs say about themselves.
package enum Product {
  package static let version = "0.1.0"
}
