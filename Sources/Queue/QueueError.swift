// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// Why the queue could not do what was asked.
package enum QueueError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The spool directory cannot be used or read.
  case log(LogError)
  /// The record of a message is not what was written.
  case unreadable(MessageID)
  /// A new spool was to be made where something is.
  case notEmpty(String)
  /// A spool was to be taken over that is a copy of the one that was to take it.
  case ownSpool(String)
  /// A spool was to be taken over that has no identity, so that doing it again would do it twice.
  case nameless(String)

  /// Another process, most likely a daemon, has the spool.
  package var isInUse: Bool {
    switch self {
    case .log(.inUse), .log(.changed): true
    case .log, .unreadable, .notEmpty, .ownSpool, .nameless: false
    }
  }

  package var description: String {
    switch self {
    case .log(let error): error.description
    case .unreadable(let id): "cannot read message \(id): its record is damaged"
    case .notEmpty(let path): "cannot make a spool in \(path): it is not empty; name a directory that is not there yet"
    case .ownSpool(let path):
      "cannot adopt \(path): it is a copy of the spool that would take it; what it holds is here or was delivered"
    case .nameless(let path):
      "cannot adopt \(path): its format has no identity; start this version of posternd with it once, then stop it"
    }
  }

  static func wrap<Value>(_ body: () throws(LogError) -> Value) throws(QueueError) -> Value {
    do throws(LogError) {
      return try body()
    } catch {
      throw .log(error)
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
