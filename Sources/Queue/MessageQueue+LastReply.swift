// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import WAL

extension MessageQueue {
  /// What the first recipient that has not got the message was last told; nil if there is none, or no such message. For
  /// lists: it reads one record back, and not the message. It may wait for the disk.
  package func lastReply(_ id: MessageID) throws(QueueError) -> Reply? {
    guard let told = told(id) else { return nil }
    do throws(LogError) {
      var outcomes = OutcomeReader(log: log)
      return try outcomes.outcome(of: told.index, at: told.position)?.reply
    } catch {
      // Compaction may have copied the message meanwhile.
      guard self.told(id)?.position == told.position else { return try lastReply(id) }
      throw .log(error)
    }
  }

  private func told(_ id: MessageID) -> (index: Int, position: Position)? {
    core.books.withLock { books -> (index: Int, position: Position)? in
      guard let recipients = books.state.messages[id.number]?.recipients else { return nil }
      for index in 0..<recipients.count where recipients[index].state != .delivered {
        if recipients[index].reply != .unknown { return (index, recipients[index].reply) }
      }
      return nil
    }
  }
}
