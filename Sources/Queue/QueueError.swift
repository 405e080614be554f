// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// Why the queue could not do what was asked.
package enum QueueError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The spool directory cannot be used or read.
  case log(LogError)
  /// The record of a message is not what was written.
  case unreadable(MessageID)

  /// Another process, most likely a daemon, has the spool.
  package var isInUse: Bool {
    switch self {
    case .log(.inUse), .log(.changed): true
    case .log, .unreadable: false
    }
  }

  package var description: String {
    switch self {
    case .log(let error): error.description
    case .unreadable(let id): "cannot read message \(id): its record is damaged"
    }
  }
}

/// The content of a message cannot be read as it was accepted: release its lease. If it is damaged, the queue has
/// quarantined the message, and it will not be leased again.
package struct ContentError: Error, Sendable, CustomStringConvertible {
  package let id: MessageID
  package let reason: LogError

  /// The octets are not those that were accepted; otherwise the disk could not be read now.
  package var isDamage: Bool {
    if case .damaged = reason { true } else { false }
  }

  package var description: String { "cannot read content of message \(id): \(reason)" }
}
