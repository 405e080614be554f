// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import SMTP
import Synchronization
import WAL

/// Writes messages of one spool into another, each durable before the next begins. The message and that it was taken
/// over are one record, so a crash leaves both or neither.
struct SpoolTransfer {
  private let source: SpoolSource
  let target: MessageQueue
  private let receiver = Answers()
  private let standstillShift: Int64
  private let batchShift: UInt64
  private var lastToken: UInt64 = 0

  private final class Answers: CompletionReceiver {
    let last = Mutex<Completion?>(nil)

    func receive(_ completions: [(token: UInt64, completion: Completion)]) {
      for (_, completion) in completions { last.withLock { $0 = completion } }
    }
  }

  init(from source: SpoolSource, to target: MessageQueue) {
    self.source = source
    self.target = target
    let theirs = source.standstillTotal
    (standstillShift, batchShift) = target.core.books.withLock { books in
      books.state.lastNumber = max(books.state.lastNumber, source.lastNumber)
      // The header of the segment that this begins says how far ids have been given.
      let facts = KeptFacts(
        floor: books.floor, standstill: books.state.standstill, lastBatch: books.state.lastBatch,
        adopted: books.state.adopted)
      target.append(.kept, head: EventRecord.payload(facts), mark: books.state.lastNumber)
      return (books.state.standstill - theirs, books.state.lastBatch)
    }
  }

  /// False if something of the message cannot be read: then nothing of it is there.
  mutating func take(_ number: UInt64, as id: MessageID, from spool: UInt64) throws(QueueError) -> Bool {
    do throws(LogError) {
      guard let found = try source.message(number) else { return false }
      var moved = found.moved
      var draft = target.makeDraft()
      for place in moved.acceptance.extents.indices {
        guard let octets = try source.read(moved.acceptance.extents[place]) else { return false }
        lastToken += 1
        target.store(octets.span.bytes, in: &draft, notify: Waiter(receiver: receiver, token: lastToken))
        let extent = try answer()
        draft.stored(extent)
        moved.acceptance.extents[place] = extent
      }
      moved.acceptance.id = id
      moved.adopted = spool == 0 ? nil : AdoptedSpool(spool: spool, highest: number)
      adjust(&moved)
      append(moved, found.content, draft.number)
      _ = try answer()
      return true
    } catch {
      throw .log(error)
    }
  }

  /// Totals of standstill and numbers of batches are those of this spool from now on.
  private func adjust(_ moved: inout MovedMessage) {
    moved.acceptance.standstill += standstillShift
    moved.standstill += standstillShift
    moved.standstillTotal += standstillShift
    moved.hold?.standstill += standstillShift
    moved.drop?.standstill += standstillShift
    if let batch = moved.drop?.batch { moved.drop!.batch = min(batch, .max - batchShift) + batchShift }
  }

  private mutating func append(_ moved: MovedMessage, _ content: [UInt8], _ draft: UInt64) {
    let head = EventRecord.head(moved)
    lastToken += 1
    let waiter = Waiter(receiver: receiver, token: lastToken)
    content.withUnsafeBytes { content in
      let checksum = Checksum.crc32c(content, continuing: Checksum.crc32c(head))
      target.core.books.withLock { books in
        let chunks = books.drafts.removeValue(forKey: draft) ?? []
        let ticket = books.addPending(.arrival(moved, time: books.clock.lastTime, chunks: chunks, waiter))
        target.append(
          .moved, head: head, body: content, checksum: checksum, fate: .voided, ticket: ticket,
          mark: books.state.lastNumber)
      }
    }
  }

  /// Everything up to this number is taken over, whether there was anything left of it or not.
  func finish(_ adopted: AdoptedSpool) {
    target.core.books.withLock { books in
      books.state.apply(.adopted(adopted), at: books.clock.lastTime)
      target.append(.adopted, head: EventRecord.payload(adopted), mark: books.state.lastNumber)
    }
  }

  /// Until everything is on the disk.
  func settle() throws(QueueError) {
    repeat {
      if target.log.step() == .owing { throw .log(SpoolTransfer.refusal(target)) }
    } while target.log.hasOpenBatch
  }

  private func answer() throws(LogError) -> Extent {
    receiver.last.withLock { $0 = nil }
    _ = target.log.step()
    guard case .stored(let extent) = receiver.last.withLock({ $0 }) else { throw Self.refusal(target) }
    return extent
  }

  private static func refusal(_ target: MessageQueue) -> LogError {
    target.log.condition.refusal ?? .disk(attempt: "write to", name: "the new spool", code: EIO)
  }
}
