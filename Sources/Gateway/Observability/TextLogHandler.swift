// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Logging
import Systemd

/// One event, one line for people: its level and its text.
package struct TextLogHandler: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var logLevel: Logger.Level = .trace
  private let output: LineOutput

  package init(_ output: LineOutput) {
    self.output = output
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var line: [UInt8] = []
    line.reserveCapacity(512)
    let text = event.message.description
    // Some texts say it themselves, as those of Postfix do.
    if !text.hasPrefix("warning: ") { line.append(contentsOf: "\(event.level.rawValue): ".utf8) }
    LogText.append(text, to: &line, octetsMax: LogText.messageOctetsMax)
    line.append(UInt8(ascii: "\n"))
    output.write(line)
  }
}
