// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What was found when the queue was opened.
package struct RecoveryReport: Sendable {
  package var messages = 0
  package var segments = 0
  package var records = 0
  package var octets = 0
  /// Records of the last sync that were torn by the crash; nobody had an answer for them.
  package var tornRecords = 0
  /// Where they stood. An octet that rots in the last sync looks the same.
  package var torn: [Damage] = []
  package var damages: [Damage] = []
  /// Messages that are kept but will not be delivered.
  package var quarantined: [MessageID] = []
}

/// One place of the log that is not what was written.
package struct Damage: Sendable, Hashable, CustomStringConvertible {
  package var segment: String
  package var offset: Int
  package var octets: Int
  /// The message whose record or content it was, if that can be told. For a record with a bad checksum it is what the
  /// damaged record says.
  package var message: MessageID?
  /// Files that should stand behind the segment and are not there.
  package var missing: [String] = []

  package var description: String {
    let message = message.map { ", message \($0)" } ?? ""
    let missing = missing.isEmpty ? "" : ", missing behind it: \(missing.joined(separator: ", "))"
    return "damage in \(segment) at offset \(offset), \(octets) octets\(message)\(missing)"
  }
}
