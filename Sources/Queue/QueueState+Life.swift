// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// How old a message is, and what its sender is to be told.
extension QueueState {
  /// Time that counts against the lifetime: standstill of the upstream does not, nor does a hold or a drop.
  func age(_ number: UInt64, _ message: Message, at time: Int64) -> Int64 {
    time - message.born - lengthening(number, message, at: time)
  }

  /// Milliseconds by which the life of a message is longer than the policy's.
  func lengthening(_ number: UInt64, _ message: Message, at time: Int64) -> Int64 {
    let order =
      message.isHeld
      ? holds.lengthening(number, at: time, standstill: standstill)
      : drops.lengthening(number, at: time, standstill: standstill)
    return standstill - message.standstill + order
  }

  /// Recipients that a notification of this kind would be about now. Of what is not durable yet nobody is told, and
  /// nobody of a dropped message.
  func reportable(_ number: UInt64, _ kind: Notice.Kind) -> [Int] {
    guard let message = messages[number], message.recipients.hasSender, !message.isDropped,
      kind != .delayed || !message.isWarned
    else { return [] }
    let state: RecipientState =
      switch kind {
      case .failed: .failed
      case .delayed: .deferred
      case .relayed: .relayed
      }
    return (0..<message.recipients.count).filter { index in
      let entry = message.recipients[index]
      return entry.state == state && entry.reply != .unknown
        && (kind != .delayed || message.recipients.isTold(index, of: .delay))
    }
  }
}
