// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// One place of the spool that is not what it should be, in a sentence: what, where, whose, and what to do.
package struct Damage: Sendable, Hashable, CustomStringConvertible {
  package enum Kind: Sendable, Hashable {
    /// As the log tells it.
    case log(LogDamage.Kind)
    /// Content of a message that is still in the queue.
    case content
    /// The octets of a record are those that were written, but no version of this program wrote them so.
    case unknownRecord
    /// One copy of a segment's header; the other one serves.
    case headerCopy
    /// A message has the number of another one, which was not there when the number was given.
    case numberTwice
  }

  package var kind: Kind
  package var segment: String
  package var offset: Int
  package var octets: Int
  /// Records that are missing, if that can be told.
  package var records: UInt64 = 0
  /// The message whose record or content it was, if that can be told. For a record with a bad checksum it is what the
  /// damaged record says.
  package var message: MessageID?

  /// Files that should be there and are not.
  package var missing: [String] {
    switch kind {
    case .log(.missing(let numbers)), .log(.missingHead(let numbers)): numbers.map(SegmentName.text)
    default: []
    }
  }

  /// One word for programs; stable.
  package var word: String {
    switch kind {
    case .content: "content"
    case .unknownRecord: "unknown-record"
    case .headerCopy: "header-copy"
    case .numberTwice: "number-twice"
    case .log(let kind):
      switch kind {
      case .record: "record"
      case .gap: "gap"
      case .missing: "missing-segment"
      case .missingHead: "missing-head"
      case .cutShort: "cut-short"
      case .unreadableHeader: "header"
      case .misnamed: "misnamed"
      case .duplicate: "duplicate"
      case .retired: "retired"
      case .foreign: "foreign"
      case .index: "index"
      }
    }
  }

  package var description: String {
    switch kind {
    case .content: "damaged content \(place): the message is kept and not delivered; \(Self.restore)"
    case .unknownRecord: "record that no version of this program wrote \(place); \(Self.restore)"
    case .headerCopy: "damaged copy of the header \(place): nothing is lost, the other copy serves"
    case .numberTwice: "message \(place) whose number another one has: it is kept there and not delivered"
    case .log(let kind): describe(kind)
    }
  }

  private static let restore = "keep a copy of the file, and restore it from a backup if there is one"

  private var place: String {
    let message = message.map { ", message \($0)" } ?? ""
    let records = records > 1 ? ", \(records) records" : ""
    return "in \(segment) at offset \(offset), \(octets) octets\(records)\(message)"
  }

  private func describe(_ kind: LogDamage.Kind) -> String {
    let lost = records == 0 ? "" : ", \(records) \(records == 1 ? "record" : "records") missing"
    switch kind {
    case .record: return "damaged record \(place); \(Self.restore)"
    case .gap: return "records missing \(place), and nothing stands where they were; \(Self.restore)"
    case .missing: return "missing behind \(segment): \(missing.joined(separator: ", "))\(lost); \(Self.putBack)"
    case .missingHead:
      return "missing at the beginning of the log: \(missing.joined(separator: ", ")); \(Self.putBack)"
    case .cutShort(let octets, let whole):
      let size = octets == 0 ? "is empty" : "was cut short to \(octets)\(whole.map { " of \($0)" } ?? "") octets"
      return "\(segment) \(size)\(lost); \(Self.restore)"
    case .unreadableHeader:
      return "unreadable header of \(segment), so nothing of it can be read\(lost); \(Self.restore)"
    case .misnamed(let number):
      return "\(segment) is segment \(SegmentName.text(number)) under another name, and is not read; "
        + "stop the daemon and give it back its name"
    case .duplicate(let number):
      return "\(segment) is a second copy of \(SegmentName.text(number)), and is not read; move it away"
    case .retired(let number):
      return "\(segment) is segment \(SegmentName.text(number)), which was retired when nothing in it was needed, "
        + "and is not read; move it away"
    case .foreign(let spool, let host):
      return "\(segment) belongs to another spool (\(String(spool, radix: 16)), made on \(host)), and is not read; "
        + "move it away"
    case .index: return "damaged index \(place): nothing is lost, the records count"
    }
  }

  private static let putBack = "stop the daemon and put them back if they are somewhere"
}
