// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Logging

/// Puts what the daemon would log among the events of a simulated run.
struct LineLogHandler: LogHandler {
  let reader: @Sendable (String) -> Void
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.info

  init(reader: @escaping @Sendable (String) -> Void) {
    self.reader = reader
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    reader("    log: \(event.message)")
  }
}
