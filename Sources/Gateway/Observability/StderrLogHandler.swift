// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging

/// One event, one line on standard error, with the priority prefix that journald reads (sd-daemon(3)) where standard
/// error is not a terminal.
package struct StderrLogHandler: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var logLevel: Logger.Level = .trace
  private let hasPriorities: Bool

  package init() {
    hasPriorities = getenv("JOURNAL_STREAM") != nil
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var line = hasPriorities ? "<\(Self.priority(event.level))>" : "\(event.level.rawValue): "
    // An event is one line whatever it holds.
    for scalar in "\(event.message)".unicodeScalars {
      line.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7F ? "?" : scalar)
    }
    line.append("\n")
    line.withUTF8 { octets in
      var written = 0
      while written < octets.count {
        let count = write(STDERR_FILENO, octets.baseAddress! + written, octets.count - written)
        if count < 0 {
          if errno == EINTR { continue }
          return
        }
        written += count
      }
    }
  }

  private static func priority(_ level: Logger.Level) -> Int {
    switch level {
    case .critical: 2
    case .error: 3
    case .warning: 4
    case .notice: 5
    case .info: 6
    case .debug, .trace: 7
    }
  }
}
