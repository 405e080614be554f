// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import Systemd

/// Where the log goes. Decided once, at the start, from what standard error is: nobody has to configure it.
package enum LogBackend: Sendable {
  /// Standard error is the journal's: entries with fields go to it directly.
  case journal
  /// A person reads.
  case text
  /// A file, a pipe, a container's log: one JSON object a line.
  case json

  package init(isJournal: Bool, isTerminal: Bool) {
    self = isJournal ? .journal : isTerminal ? .text : .json
  }

  /// For this process.
  package static var current: LogBackend {
    LogBackend(isJournal: JournalStream.isStandardError, isTerminal: isatty(STDERR_FILENO) == 1)
  }

  /// Before a process ends soon after its last words. The journal looks up whose process it was when it reads an entry:
  /// who has ended by then is nobody, and `journalctl -u` shows nothing of it.
  package func awaitReader() {
    if case .journal = self { usleep(Self.readerMicroseconds) }
  }

  private static let readerMicroseconds: UInt32 = 250_000

  package func makeHandler(
    output: LineOutput = .standardError, clock: Clock = .system
  ) -> any LogHandler {
    switch self {
    case .journal: JournalLogHandler(prefix: "POSTERN_", otherwise: TextLogHandler(output))
    case .text: TextLogHandler(output)
    case .json: JSONLogHandler(output, clock: clock)
    }
  }
}
