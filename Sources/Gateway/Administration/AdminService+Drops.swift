// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin

/// `undrop`: puts a batch back. What it means has no selector, and needs no question: nothing is lost by it.
extension AdminService {
  func undrop(_ request: AdminRequest, _ peer: AdminPeer) throws(AdminError) -> AdminWork {
    let text = try name(request)
    guard let batch = UInt64(text.hasPrefix("batch:") ? text.dropFirst("batch:".count) : text[...]) else {
      throw .usage("not_a_batch", "'\(Self.shown(text))' is no batch, as batch:41", hint: "postern queue state:dropped")
    }
    let count = administration.undrop(batch: batch)
    guard count > 0 else { throw unknown(batch) }
    var action = AdminAction(peer, request, outcome: "done")
    (action.matched, action.changed) = (count, count)
    audit(action)
    let reply = ChangeReply(
      verb: request.cmd, matched: count, done: count, failed: 0, actor: .init(uid: peer.uid, user: peer.user))
    return .answered([.change(reply)], to: request)
  }

  private func unknown(_ batch: UInt64) -> AdminError {
    let open = administration.droppedBatches().keys.sorted().suffix(AdminLimits.ambiguousMax)
    let others =
      open.isEmpty ? "nothing is dropped now" : "there are: " + open.map { "batch:\($0)" }.joined(separator: ", ")
    return AdminError(
      "batch.unknown", "nothing of batch \(batch) is left to put back",
      context: ["there was none, or it is back already, or its time (queue.dropped_keep) is over", others],
      hint: "postern queue state:dropped", exit: .noInput)
  }
}
