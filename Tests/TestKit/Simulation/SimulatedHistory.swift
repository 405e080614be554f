// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import Synchronization

/// What the queue says of mail that is at its end, until the oracle reads it.
final class SimulatedHistory: FinishedMail {
  private let endings = Mutex<[Ending]>([])

  func finished(_ mail: [Ending]) {
    endings.withLock { $0 += mail }
  }

  func take() -> [Ending] {
    endings.withLock { endings in
      defer { endings = [] }
      return endings
    }
  }
}
