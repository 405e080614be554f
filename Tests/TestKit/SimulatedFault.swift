// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// The way to a fault that is seeded in our own code; see `ChosenFault`.
package enum SimulatedFault {
  /// False in every build but the one that is made for it.
  package static func make(_ name: String) -> Bool {
    #if SEEDED_FAULTS
      ChosenFault.make(name)
      return true
    #else
      return false
    #endif
  }
}
