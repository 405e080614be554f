// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

#if SEEDED_FAULTS
  import Synchronization

  /// The one seeded fault of this process, in a build that is made for nothing else. In every other build there is no
  /// such type, the `SeededFault` of each module is false whatever it is asked for, and nothing of them is left in the
  /// binary: they are internal to their modules, so the compiler sees everybody who asks.
  package enum ChosenFault {
    private static let name = Mutex("")

    package static func make(_ name: String) { self.name.withLock { $0 = name } }

    package static func isMade(_ name: String) -> Bool { self.name.withLock { $0 == name } }
  }
#endif
