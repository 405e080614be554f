// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Queue

/// `queue`: the rows of those messages that are meant, as many as were asked for.
struct QueueListing: PagedWork {
  private let service: AdminService
  private let id: Int
  private let request: AdminRequest
  private let selector: Selector?
  private var scan: MessageScan
  private var left: Int
  /// As the list begins: one look at the gateway serves all of it.
  private let obstacles: Obstacles

  init(_ service: AdminService, _ request: AdminRequest) throws(AdminError) {
    self.service = service
    id = request.id
    self.request = request
    selector = try service.selector(request, mayBeFinished: true)
    obstacles = Obstacles(service.administration.status())
    scan = MessageScan(service.administration, selector)
    left = request.args.limit ?? .max
    if left < 1 { throw .usage("bad_value", "'limit' is a number above 0") }
  }

  mutating func step() -> PagedStep {
    let now = service.now()
    guard left > 0, selector?.wantsWaiting ?? true, let page = scan.next(now: now) else { return rest }
    let rows = page.prefix(left)
    left -= rows.count
    guard !rows.isEmpty else { return .more([]) }
    var lines: [AdminReply] = []
    for view in rows {
      var row = MessageReply(view, now: now)
      row.why = obstacles.why(view) { service.administration.lastReply(of: view.id) }
      lines += row.lines().map { .data(id: id, .message($0)) }
    }
    return .more(lines)
  }

  /// Behind the mail that waits, the finished mail that is meant.
  private var rest: PagedStep {
    guard left > 0, let selector, selector.wantsFinished else { return .last([.end(id: id, exit: .ok)]) }
    return .then([], service.finishedRows(selector, limit: left, for: request))
  }

  func abandon() {}
}
