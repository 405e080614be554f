// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import CSystemd
import Glibc
import Logging

/// Writes each log event as one entry of the journal, with its fields, over the journal's own protocol.
///
/// The caller has found that there is a journal (`JournalStream`): sd_journal_sendv(3) reports success and drops the
/// entry when there is none. What the journal refuses goes to `otherwise`.
package struct JournalLogHandler: LogHandler {
  package typealias Send = @Sendable (UnsafePointer<iovec>, Int32) -> Int32

  package var metadata: Logger.Metadata = [:]
  package var logLevel: Logger.Level = .trace
  private let prefix: String
  private let otherwise: any LogHandler
  private let send: Send
  private let pid = String(getpid())

  /// LOG_MAIL of syslog(3), so that rsyslog still writes mail.log.
  private static let facility = "2"

  /// `prefix` stands before the name of each field of a record.
  package init(prefix: String, otherwise: any LogHandler, send: @escaping Send = { sd_journal_sendv($0, $1) }) {
    self.prefix = prefix
    self.otherwise = otherwise
    self.send = send
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var entry = JournalEntry()
    entry.add("MESSAGE", event.message.description, octetsMax: LogText.messageOctetsMax)
    entry.add("PRIORITY", Self.priority(event.level))
    entry.add("SYSLOG_FACILITY", Self.facility)
    entry.add("SYSLOG_PID", pid)
    if let record = event.record { add(record, to: &entry) }
    if entry.withVectors(send) < 0 { otherwise.log(event: event) }
  }

  private func add(_ record: any LogRecord, to entry: inout JournalEntry) {
    entry.add("SYSLOG_IDENTIFIER", record.identifier)
    entry.add("MESSAGE_ID", record.messageID)
    entry.add(prefix: prefix, "EVENT", record.event)
    for field in record.fields {
      switch field.value {
      case .text(let text): entry.add(prefix: prefix, field.name, text)
      case .number(let number): entry.add(prefix: prefix, field.name, String(number))
      }
    }
  }

  /// As in syslog(3).
  private static func priority(_ level: Logger.Level) -> String {
    switch level {
    case .critical: "2"
    case .error: "3"
    case .warning: "4"
    case .notice: "5"
    case .info: "6"
    case .debug, .trace: "7"
    }
  }
}
