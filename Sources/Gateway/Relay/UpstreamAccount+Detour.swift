// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue
import SMTP

extension UpstreamAccount {
  /// Recipients that another upstream is to take at once, by index, with their lane. No attempt counts; the log and
  /// whoever asks why hear of it.
  func sendOn(
    _ lease: borrowing Lease, _ verdict: ReplyVerdict, _ onward: Onward, _ course: DeliveryCourse?
  ) -> [Int: UInt8] {
    guard case .lane(let lane) = onward else { return [:] }
    let now = parts.clock.now()
    var lanes: [Int: UInt8] = [:]
    var indexesOf: [Reply: [Int]] = [:]
    for (place, reply) in verdict.sentOn.sorted(by: { $0.key < $1.key }) {
      let index = lease.recipientIndexes[place]
      lanes[index] = lane
      indexesOf[reply, default: []].append(index)
      parts.log.report(
        .rerouted(
          DeliveryReport(
            id: lease.id, to: lease.envelope.recipients[place], upstream: name, course: course, reply: reply,
            attempt: lease.attempt, delayMilliseconds: now.wall - lease.submittedAt)), at: .info)
    }
    for (reply, indexes) in indexesOf {
      parts.detours.note(
        Detours.Note(upstream: name, reply: reply, indexes: indexes, wall: now.wall), about: lease.id)
    }
    return lanes
  }
}
