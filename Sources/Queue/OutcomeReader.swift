// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import WAL

/// Reads back from the log what recipients were last told, each record once. It may wait for the disk.
struct OutcomeReader {
  private enum Record {
    case attempt(Attempt)
    case bounce(Bounce)
    case moved(MovedMessage)
    case other
  }

  private let log: WriteAheadLog
  private var records: [Position: Record] = [:]

  init(log: WriteAheadLog) {
    self.log = log
  }

  /// nil if the record says nothing of this recipient.
  mutating func outcome(of index: Int, at position: Position) throws(LogError) -> LastOutcome? {
    switch try record(at: position) {
    case .attempt(let attempt):
      return attempt.outcomes.first { $0.index == index }.map {
        LastOutcome(wall: attempt.wall, reply: $0.reply, isExpired: $0.result == .expired)
      }
    case .bounce(let bounce): return LastOutcome(wall: bounce.wall, reply: bounce.reply, isBounced: true)
    case .moved(let moved): return index < moved.recipients.count ? moved.recipients[index].reply : nil
    case .other: return nil
    }
  }

  private mutating func record(at position: Position) throws(LogError) -> Record {
    if let record = records[position] { return record }
    let (type, payload) = try log.read(position)
    let record = payload.withUnsafeBytes { payload -> Record in
      switch EventRecord.Kind(rawValue: type) {
      case .attempted: EventRecord.attempt(payload).map(Record.attempt) ?? .other
      case .bounced: EventRecord.bounce(payload).map(Record.bounce) ?? .other
      case .moved: EventRecord.moved(payload).map(Record.moved) ?? .other
      default: .other
      }
    }
    records[position] = record
    return record
  }
}
