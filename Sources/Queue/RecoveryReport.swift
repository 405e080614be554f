// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// What was found when the queue was opened.
package struct RecoveryReport: Sendable {
  package var messages = 0
  /// Identity of the spool; 0 if it is empty or older than version 3.
  package var spool: UInt64 = 0
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
  /// The host on which the last segment was made, if that is another one: this may be a copy of a spool that lives on.
  package var otherHost: String?
}
