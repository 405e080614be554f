// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin

/// What is to be done for one request. The service decides it, the connection's handler does it.
enum AdminWork: Sendable {
  /// Complete: these lines are the answer.
  case answered([AdminReply])
  /// Goes through the queue, a page in one turn of the event loop.
  case paged(any PagedWork)
  /// Somebody else does it. What is given is called once, from any thread, with the whole answer, also if who asked has
  /// gone.
  case awaited(@Sendable (_ completed: @escaping @Sendable ([AdminReply]) -> Void) -> Void)

  static func answered(_ payloads: [AdminReply.Payload], to request: AdminRequest, exit: ExitCode = .ok) -> AdminWork {
    .answered(payloads.map { .data(id: request.id, $0) } + [.end(id: request.id, exit: exit)])
  }
}

/// A command that walks through the queue.
protocol PagedWork: Sendable {
  /// Does one page, and says what is to be written because of it.
  mutating func step() -> PagedStep
  /// The connection has ended in the middle: nothing more will be done.
  func abandon()
}

enum PagedStep: Sendable {
  case more([AdminReply])
  case last([AdminReply])
  /// Other work has the rest of the answer.
  case then([AdminReply], AdminWork)
}
