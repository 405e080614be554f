// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin

/// `clients`: the rows as they were when it was asked, a page in one turn of the event loop.
struct ClientListing: PagedWork {
  private let id: Int
  private var rows: ArraySlice<ClientReply>
  private let rest: Int

  init(_ clients: [ClientReply], _ request: AdminRequest) {
    id = request.id
    rows = clients.prefix(request.args.limit ?? .max)
    rest = clients.count - rows.count
  }

  mutating func step() -> PagedStep {
    let page = rows.prefix(AdminLimits.pageMessages)
    rows = rows.dropFirst(page.count)
    var lines: [AdminReply] = page.map { .data(id: id, .client($0)) }
    guard rows.isEmpty else { return .more(lines) }
    if rest > 0 { lines.append(.data(id: id, .note(NoteReply(note: "and \(rest) more")))) }
    return .last(lines + [.end(id: id, exit: .ok)])
  }

  func abandon() {}
}
