// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Logging
import Systemd

/// One event, one line with one JSON object: `ts`, `level`, `identifier`, `event`, `message`, then the fields of the
/// event under their names in small letters. Names and meanings are stable; new ones may come, so readers skip what they
/// do not know.
package struct JSONLogHandler: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var logLevel: Logger.Level = .trace
  private let output: LineOutput
  private let time: LogTime

  package init(_ output: LineOutput, clock: Clock) {
    self.output = output
    time = LogTime(clock: clock)
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var line: [UInt8] = []
    line.reserveCapacity(1024)
    line.append(contentsOf: "{\"ts\":\"".utf8)
    time.append(to: &line)
    line.append(UInt8(ascii: "\""))
    Self.add("level", event.level.rawValue, to: &line)
    let record = event.record
    if let record {
      Self.add("identifier", record.identifier, to: &line)
      Self.add("event", record.event, to: &line)
    }
    Self.add("message", event.message.description, to: &line, octetsMax: LogText.messageOctetsMax)
    for field in record?.fields ?? [] {
      switch field.value {
      case .text(let text): Self.add(field.name, text, to: &line)
      case .number(let number):
        Self.begin(field.name, &line)
        line.append(contentsOf: String(number).utf8)
      }
    }
    line.append(UInt8(ascii: "}"))
    line.append(UInt8(ascii: "\n"))
    output.write(line)
  }

  private static func begin(_ name: String, _ line: inout [UInt8]) {
    line.append(UInt8(ascii: ","))
    line.append(UInt8(ascii: "\""))
    for octet in name.utf8 {
      line.append((UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(octet) ? octet | 0x20 : octet)
    }
    line.append(UInt8(ascii: "\""))
    line.append(UInt8(ascii: ":"))
  }

  private static func add(
    _ name: String, _ text: String, to line: inout [UInt8], octetsMax: Int = LogText.fieldOctetsMax
  ) {
    begin(name, &line)
    line.append(UInt8(ascii: "\""))
    let start = line.count
    LogText.append(text, to: &line, octetsMax: octetsMax)
    // Without controls, these two are all that JSON wants escaped (RFC 8259 section 7).
    if line[start...].contains(where: { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) {
      let plain = Array(line[start...])
      line.removeSubrange(start...)
      for octet in plain {
        if octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "\\") { line.append(UInt8(ascii: "\\")) }
        line.append(octet)
      }
    }
    line.append(UInt8(ascii: "\""))
  }
}
