// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Queue

/// What upstreams add to what was promised: pauses, lifetimes that stand still, attempts that count, and duplicates that
/// are told. Which of them may have a message `SimulatedFleet` knows.
extension Oracle {
  // MARK: - Standing still

  /// From now on nothing leaves through it but what is under way; nil: everything may leave.
  mutating func paused(_ upstream: String, underWay: Int?) {
    guard (leavingMax[upstream] == nil) != (underWay == nil) else { return }
    trace.note(
      .admin, 1, underWay ?? -1,
      text: "\(upstream) \(underWay.map { "is paused, \($0) under way" } ?? "goes on")")
    leavingMax[upstream] = underWay
  }

  /// The upstream has all of a message or of a notification, whatever it makes of it.
  mutating func left(through upstream: String) {
    guard let rest = leavingMax[upstream] else { return }
    if rest == 0 { blame("a message left through \(upstream), which was paused") }
    leavingMax[upstream] = max(0, rest - 1)
  }

  /// Whether lifetimes stand still, for certain, and whether because of what somebody ordered.
  mutating func standsStill(_ isStill: Bool, byHand: Bool = false) {
    if isStill != life.isPaused { life.pause(isStill, isWritten: isStillByHand) }
    isStillByHand = isStill && byHand && (isStillByHand || !wasStill)
    wasStill = isStill
  }

  // MARK: - Attempts

  /// The upstream was given it, or may have been; nil: for any of its recipients.
  mutating func tries(_ number: Int, _ index: Int?) {
    for index in index.map({ [$0] }) ?? Array(messages[number].recipients.indices) {
      messages[number].recipients[index].tries += 1
    }
  }

  /// The gateway has read that it was not the message's fault.
  mutating func wasNoAttempt(_ number: Int, _ indexes: [Int]) {
    for index in indexes { messages[number].recipients[index].tries -= 1 }
  }

  /// What the admin sees was counted.
  mutating func noteAttempts(_ views: [MessageView]) {
    for view in views {
      guard let sender = view.sender, let number = number(from: sender.text) else { continue }
      for recipient in view.recipients {
        guard let index = messages[number].index(of: recipient.address.text) else { continue }
        let tries = messages[number].recipients[index].tries
        if recipient.attempts > tries {
          blame("\(recipient.attempts) attempts of message \(number), recipient \(index), are counted, of \(tries)")
        }
      }
    }
  }

  // MARK: - Duplicates

  /// It is at its end. A second delivery is told of, unless the process that knew of the first one has ended.
  mutating func noteDuplicate(_ number: Int, _ index: Int, isTold: Bool) {
    let recipient = messages[number].recipients[index]
    guard recipient.deliveries > 1, !recipient.isForgotten, !isTold else { return }
    blame("message \(number) was delivered to recipient \(index) more than once, and that is not told")
  }
}
