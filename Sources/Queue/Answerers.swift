// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The upstreams that have answered since the queue was opened, each by a number of one octet, because every recipient
/// in memory has one. None of it is written down: after a start nobody knows who gave the replies of before.
struct Answerers: Sendable {
  private var names: [String] = []

  /// 0: there were 255 others before it.
  mutating func number(of name: String) -> UInt8 {
    if let place = names.firstIndex(of: name) { return UInt8(place + 1) }
    guard names.count < UInt8.max else { return 0 }
    names.append(name)
    return UInt8(names.count)
  }

  /// nil: it is not known who.
  func name(_ number: UInt8) -> String? { number == 0 ? nil : names[Int(number) - 1] }
}

extension QueueState {
  /// Of the recipients of an attempt that are still there.
  mutating func note(_ upstream: String?, answering attempt: Attempt) {
    let (number, answerer) = (attempt.id.number, upstream.map { answerers.number(of: $0) } ?? 0)
    guard messages[number] != nil else { return }
    for outcome in attempt.outcomes { messages[number]!.recipients[outcome.index].answerer = answerer }
  }
}
