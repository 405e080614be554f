// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP
import Synchronization

/// Where mail goes on that one upstream sent to another one: what is left of its way, as a lane behind those of the
/// routes. Also what the upstream said, for whoever asks why. In memory alone: after a start, or other routes, mail
/// begins again with the first upstream of its way.
///
/// The dispatcher fills it; the console reads it from its own loop.
package final class Detours: Sendable {
  /// A lane of mail that some upstreams of its way have refused.
  struct Detour: Sendable, Equatable {
    /// The lane that the mail came from and goes back to.
    var home: UInt8
    /// Who sent it on.
    var asked: Set<String>
    /// Who is left.
    var way: Way
  }

  /// What an upstream said to recipients that another one is to take.
  package struct Note: Sendable, Equatable {
    package var upstream: String
    package var reply: Reply
    /// Places of the recipients in the message.
    package var indexes: [Int]
    /// Milliseconds since 1970.
    package var wall: Int64
  }

  fileprivate struct State {
    var table: RouteTable?
    var routing: UInt32 = 0
    var detours: [Detour] = []
    var notes: [MessageID: [Note]] = [:]
  }

  private let state = Mutex(State())

  /// Messages, and answers for each, that are remembered: half a megabyte at most. It is only told, nothing rests on it.
  static let messagesMax = 200
  static let notesMax = 4

  package init() {}

  // MARK: lanes

  /// The lanes of these routes come first. What there was goes with the routing that it belongs to.
  func adopt(_ table: RouteTable, routing: UInt32) {
    state.withLock { state in
      if state.table != table || state.routing != routing { state.detours = [] }
      (state.table, state.routing) = (table, routing)
    }
  }

  /// Behind the lanes of the routes, in order.
  var all: [Detour] { state.withLock { $0.detours } }

  /// The lane of what is left of a way without this upstream; nil if there is no number for another one.
  func lane(from lane: UInt8, past upstream: String) -> UInt8? {
    state.withLock { state in
      guard let table = state.table, let way = state.way(of: lane) else { return nil }
      let before = state.detour(lane)
      let detour = Detour(
        home: before?.home ?? lane, asked: (before?.asked ?? []).union([upstream]), way: way.without(upstream))
      if let place = state.detours.firstIndex(of: detour) { return UInt8(table.ways.count + place) }
      guard table.ways.count + state.detours.count < RouteTable.waysMax else { return nil }
      state.detours.append(detour)
      return UInt8(table.ways.count + state.detours.count - 1)
    }
  }

  /// Of the routes or behind them; nil: there is no such lane.
  func way(of lane: UInt8) -> Way? { state.withLock { $0.way(of: lane) } }

  /// nil: it is a lane of the routes.
  func home(of lane: UInt8) -> UInt8? { state.withLock { $0.detour(lane)?.home } }

  // MARK: what was said

  func note(_ note: Note, about id: MessageID) {
    state.withLock { state in
      if state.notes[id] == nil, state.notes.count >= Self.messagesMax {
        let oldest = state.notes.keys.min { $0.number < $1.number }
        if let oldest { state.notes[oldest] = nil }
      }
      let others = (state.notes[id] ?? []).filter { $0.upstream != note.upstream || $0.indexes != note.indexes }
      state.notes[id] = (others + [note]).suffix(Self.notesMax)
    }
  }

  func forget(_ id: MessageID) {
    state.withLock { $0.notes[id] = nil }
  }

  /// Oldest first.
  func notes(of id: MessageID) -> [Note] { state.withLock { $0.notes[id] } ?? [] }
}

extension Detours.State {
  fileprivate func detour(_ lane: UInt8) -> Detours.Detour? {
    guard let table else { return nil }
    let place = Int(lane) - table.ways.count
    return detours.indices.contains(place) ? detours[place] : nil
  }

  fileprivate func way(of lane: UInt8) -> Way? {
    guard let table else { return nil }
    return Int(lane) < table.ways.count ? table.ways[Int(lane)] : detour(lane)?.way
  }
}
