// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Queue

/// Mail that is finished. It is looked for where the queue does not have it any more, and on a thread of its own, because
/// the history is read from end to end.
extension AdminService {
  /// `show` of a message that the queue does not have.
  func finishedMessage(_ prefix: String, _ request: AdminRequest) -> AdminWork {
    ended(prefix, request) { reply in reply.lines().map { .message($0) } }
  }

  /// `why` of a message that the queue does not have.
  func finishedExplanation(_ prefix: String, _ request: AdminRequest) -> AdminWork {
    ended(prefix, request) { reply in
      let now = Timestamp(milliseconds: self.now())
      var ends = reply.recipients.prefix(Self.endsMax).map { recipient in
        "to \(recipient.address): \(EndText.end(of: recipient, reply, now: now))"
      }
      let rest = reply.recipients.count - ends.count
      if rest > 0 { ends.append("and \(Humane.count(rest, "more recipient"))") }
      return [
        .why(
          WhyReply(
            subject: reply.id, state: reply.state, headline: "Message \(reply.id) is finished:", reasons: ends,
            actions: [
              WhyReply.Action(label: "see each recipient", command: "postern show \(reply.id)"),
              WhyReply.Action(label: "see its way", command: "postern log \(reply.id)"),
            ]))
      ]
    }
  }

  private static let endsMax = 5

  /// The one message of the history whose id begins so, which is not in the queue.
  private func ended(
    _ prefix: String, _ request: AdminRequest, _ answer: @escaping @Sendable (MessageReply) -> [AdminReply.Payload]
  ) -> AdminWork {
    .awaited { completed in
      self.administration.finished(idPrefix: prefix) { found in
        if found.messages.count == 1 {
          let payloads = answer(MessageReply(found.messages[0], now: self.now()))
          completed(payloads.map { .data(id: request.id, $0) } + [.end(id: request.id, exit: .ok)])
        } else if found.messages.isEmpty {
          var error = self.gone(prefix)
          if let problem = found.problem { error.context.append("the history: \(problem)") }
          completed([.failure(id: request.id, error)])
        } else {
          let ids = found.messages.map(\.id)
          completed([.failure(id: request.id, Self.ambiguous(prefix, ids, isCut: found.isCut))])
        }
      }
    }
  }

  /// Rows of finished mail, behind those of mail that waits.
  func finishedRows(_ selector: Selector, limit: Int, for request: AdminRequest) -> AdminWork {
    let now = now()
    let limit = min(limit, AdminLimits.finishedMax)
    return .awaited { completed in
      self.administration.finished(
        among: selector.finishedLiterals, limit: limit, where: { self.isMeant($0, by: selector, now: now) }
      ) { found in
        var lines: [AdminReply] = []
        for message in found.messages {
          lines += MessageReply(message, now: now).lines().map { .data(id: request.id, .message($0)) }
        }
        if found.isCut, limit == AdminLimits.finishedMax || request.args.limit == nil {
          let note = "the last \(limit) finished messages; there are more: narrow the search, as with age:<1d"
          lines.append(.data(id: request.id, .note(NoteReply(note: note))))
        }
        if let problem = found.problem {
          lines.append(.data(id: request.id, .note(NoteReply(note: "not all of the history can be read: \(problem)"))))
        }
        completed(lines + [.end(id: request.id, exit: .ok)])
      }
    }
  }

  /// A message that is not finished for all of its recipients may be in both lists: then the queue's row is enough.
  private func isMeant(_ message: FinishedMessage, by selector: Selector, now: Int64) -> Bool {
    let surroundings = administration.surroundings
    guard selector.matches(message, now: now, in: surroundings) else { return false }
    guard selector.wantsWaiting else { return true }
    let before = MessageID(number: message.id.number - 1)
    let view = administration.page(after: before, limit: 1).first { $0.id == message.id }
    guard let view else { return true }
    return !selector.matches(view, now: now, in: surroundings) { administration.details(of: view.id) }
  }
}
