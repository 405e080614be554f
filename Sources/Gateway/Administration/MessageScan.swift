// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Queue

/// A walk through the queue by cursor, a page at a time, so that neither its lock nor the event loop is held for long. A
/// message that comes or goes meanwhile is seen or not.
struct MessageScan: Sendable {
  private let administration: any Administration
  private let selector: Selector?
  /// The last message that was looked at, meant or not.
  private(set) var last: MessageID?
  private var end: MessageID?
  private var isFinished = false

  init(_ administration: any Administration, _ selector: Selector?) {
    self.administration = administration
    self.selector = selector
  }

  /// Messages that were accepted later than this one are not looked at.
  mutating func stop(behind id: MessageID) { end = id }

  /// Those of the next page that the selector means, perhaps none; nil behind the last page.
  mutating func next(now: Int64) -> [MessageView]? {
    guard !isFinished else { return nil }
    var page = administration.page(after: last, limit: AdminLimits.pageMessages)
    if let end {
      let count = page.count
      page.removeAll { $0.id.number > end.number }
      isFinished = page.count < count
    }
    guard let newest = page.last else {
      isFinished = true
      return nil
    }
    last = newest.id
    // What is dropped is not in the queue: without a word that names it nobody means it.
    guard let selector else { return page.filter { $0.state != .dropped } }
    let surroundings = administration.surroundings
    return page.filter { view in
      selector.matches(view, now: now, in: surroundings) { administration.details(of: view.id) }
    }
  }
}
