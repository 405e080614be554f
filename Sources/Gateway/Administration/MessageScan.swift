// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Queue

/// A walk through the queue by cursor, a page at a time, so that neither its lock nor the event loop is held for long. A
/// message that comes or goes meanwhile is seen or not.
struct MessageScan {
  private let administration: any Administration
  private let selector: Selector?
  private var last: MessageID?
  private var isFinished = false

  init(_ administration: any Administration, _ selector: Selector?) {
    self.administration = administration
    self.selector = selector
  }

  /// Those of the next page that the selector means, perhaps none; nil behind the last page.
  mutating func next(now: Int64) -> [MessageView]? {
    guard !isFinished else { return nil }
    let page = administration.page(after: last, limit: AdminLimits.pageMessages)
    guard let end = page.last else {
      isFinished = true
      return nil
    }
    last = end.id
    guard let selector else { return page }
    return page.filter { view in selector.matches(view, now: now) { administration.origin(of: view.id) } }
  }
}
