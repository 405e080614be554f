// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Queue
import SMTP

/// The sessions of one event loop: where the queue's answers come in, once for each batch that was synced, and where
/// a drain reaches every session.
package final class SubmissionLoop: CompletionReceiver {
  private struct State {
    var sessions: [UInt64: SubmissionHandler] = [:]
    var lastToken: UInt64 = 0
    var isDraining = false
    var refusal: Reply?
    var whenEmpty: [EventLoopPromise<Void>] = []
    /// Chunks of content on their way to the disk, all and by session.
    var chunksUnderWay = 0
    var storing: [UInt64: Int] = [:]
    /// The log's writer will be told at the end of this turn of the loop.
    var wakesWriter = false
    /// Who has one to store, the first to come first.
    var awaitingTurn = CircularBuffer<UInt64>()
  }

  package let eventLoop: any EventLoop
  private let log: EventLog
  private let state: NIOLoopBoundBox<State>

  /// Called on any thread.
  package init(eventLoop: any EventLoop, log: EventLog) {
    self.eventLoop = eventLoop
    self.log = log
    state = .makeBoxSendingValue(State(), eventLoop: eventLoop)
  }

  package func receive(_ completions: [(token: UInt64, completion: Completion)]) {
    eventLoop.execute {
      self.log.hold()
      for (token, completion) in completions {
        self.chunkEnded(token)
        self.state.value.sessions[token]?.completed(completion)
      }
      self.log.release()
      self.giveTurns()
    }
  }

  /// A session has a chunk to store: it is called back, perhaps at once. What ends a message never waits here.
  func awaitTurn(_ token: UInt64) {
    state.value.awaitingTurn.append(token)
    giveTurns()
  }

  private func giveTurns() {
    while state.value.chunksUnderWay < Limits.chunksUnderWayMax, let token = state.value.awaitingTurn.popFirst() {
      guard state.value.sessions[token]?.storeChunk() == true else { continue }
      state.value.chunksUnderWay += 1
      state.value.storing[token, default: 0] += 1
    }
  }

  /// Something was given to the queue. All that comes in this turn of the loop goes to the disk together.
  func wakeWriter(of queue: MessageQueue) {
    guard !state.value.wakesWriter else { return }
    state.value.wakesWriter = true
    eventLoop.execute {
      self.state.value.wakesWriter = false
      queue.wake()
    }
  }

  /// Whoever has chunks under way hears of nothing else.
  private func chunkEnded(_ token: UInt64) {
    guard let count = state.value.storing[token] else { return }
    state.value.chunksUnderWay -= 1
    state.value.storing[token] = count > 1 ? count - 1 : nil
  }

  /// The token that the session gives to the queue.
  func add(_ handler: SubmissionHandler) -> UInt64 {
    state.value.lastToken += 1
    state.value.sessions[state.value.lastToken] = handler
    return state.value.lastToken
  }

  func remove(_ token: UInt64) {
    state.value.sessions[token] = nil
    guard state.value.isDraining, state.value.sessions.isEmpty else { return }
    for promise in state.value.whenEmpty { promise.succeed() }
    state.value.whenEmpty = []
  }

  /// Not nil: no session may begin, and this is what its client hears. On the event loop.
  package var refusal: Reply? { state.value.refusal }

  /// With a reply: ends every session with it, those whose message is being made durable after their own reply, and
  /// lets none begin. With nil: sessions may begin again.
  package func refuse(_ reply: Reply?) {
    eventLoop.execute { self.setRefusal(reply) }
  }

  private func setRefusal(_ reply: Reply?) {
    // Whoever goes away takes nobody back.
    guard !state.value.isDraining, state.value.refusal != reply else { return }
    state.value.refusal = reply
    guard let reply else { return }
    for handler in inOrder() { handler.drain(reply) }
  }

  /// As they came, so that the same run does the same twice.
  private func inOrder() -> [SubmissionHandler] {
    state.value.sessions.sorted { $0.key < $1.key }.map(\.value)
  }

  package func sessionCount() -> EventLoopFuture<Int> {
    eventLoop.submit { self.state.value.sessions.count }
  }

  /// Tells every session to go: those whose message is being made durable get their reply first. Succeeds when all are gone.
  package func drain() -> EventLoopFuture<Void> {
    let promise = eventLoop.makePromise(of: Void.self)
    eventLoop.execute {
      self.setRefusal(.restarting)
      self.state.value.isDraining = true
      if self.state.value.sessions.isEmpty {
        promise.succeed()
      } else {
        self.state.value.whenEmpty.append(promise)
      }
    }
    return promise.futureResult
  }

  /// Ends what is left when the time for draining is over.
  package func closeAll() {
    eventLoop.execute {
      for handler in self.inOrder() { handler.closeNow() }
    }
  }
}
