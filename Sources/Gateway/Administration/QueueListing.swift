// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin

/// `queue`: the rows of those messages that are meant, as many as were asked for.
struct QueueListing: PagedWork {
  private let service: AdminService
  private let id: Int
  private var scan: MessageScan
  private var left: Int
  /// As the list begins: one look at the gateway serves all of it.
  private let obstacles: Obstacles

  init(_ service: AdminService, _ request: AdminRequest) throws(AdminError) {
    self.service = service
    id = request.id
    obstacles = Obstacles(service.administration.status())
    scan = MessageScan(service.administration, try service.selector(request))
    left = request.args.limit ?? .max
    if left < 1 { throw .usage("bad_value", "'limit' is a number above 0") }
  }

  mutating func step() -> PagedStep {
    let now = service.now()
    guard left > 0, let page = scan.next(now: now) else { return .last([.end(id: id, exit: .ok)]) }
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

  func abandon() {}
}
