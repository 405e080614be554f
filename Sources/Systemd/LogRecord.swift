// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Logging

/// One thing that happened, as a log handler wants it: beside the text that the logger passes on, who says it, what
/// kind of thing it is, and its facts by name.
///
/// It travels through swift-log as one metadata value, so a handler that knows nothing of it writes its text. `fields` is
/// made when it is asked for: a handler that needs none pays for none.
package protocol LogRecord: CustomStringConvertible, Sendable {
  /// Stable word for this kind of thing.
  var event: String { get }
  /// Catalog id: 32 hexadecimal digits (sd_journal_print(3), `MESSAGE_ID`).
  var messageID: String { get }
  /// `SYSLOG_IDENTIFIER`: the program and its part.
  var identifier: String { get }
  var fields: [LogField] { get }
}

extension Logger.Metadata {
  private static let recordKey = "record"

  package init(record: any LogRecord) {
    self = [Self.recordKey: .stringConvertible(record)]
  }

  fileprivate var record: (any LogRecord)? {
    guard case .stringConvertible(let value) = self[Self.recordKey] else { return nil }
    return value as? any LogRecord
  }
}

extension LogEvent {
  /// What was logged, if it was more than text.
  package var record: (any LogRecord)? { metadata?.record }
}

/// One fact of a `LogRecord`.
package struct LogField: Sendable, Hashable {
  package enum Value: Sendable, Hashable {
    case text(String)
    case number(Int64)
  }

  /// Capital letters, digits and underscores, as the journal wants it, without prefix.
  package let name: String
  package let value: Value

  package init(name: String, value: Value) {
    self.name = name
    self.value = value
  }
}
