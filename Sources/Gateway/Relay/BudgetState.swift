// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// How much of a quota is used at one moment.
package struct QuotaUse: Sendable, Equatable {
  package var used: Int
  package var limit: Int
  /// messages, recipients
  package var unit: String
  package var seconds: Int
  /// When there is room again, wall milliseconds; nil: there is.
  package var resumes: Int64?
  /// When it is no longer nearly used if nothing more is sent, wall milliseconds; nil: it is not.
  package var eases: Int64?

  package init(used: Int, limit: Int, unit: String, seconds: Int) {
    self.used = used
    self.limit = limit
    self.unit = unit
    self.seconds = seconds
  }

  init(_ count: RollingCount, unit: String, at wall: Int64) {
    self.init(used: count.used(at: wall), limit: count.limit, unit: unit, seconds: Int(count.window / 1000))
    resumes = count.timeBelow(limit, at: wall)
    eases = count.timeBelow((limit * 4 + 4) / 5, at: wall)
  }

  /// 80 %.
  package var isNearlyUsed: Bool { used * 5 >= limit * 4 }
}

extension QuotaUse: CustomStringConvertible {
  package var description: String { "\(used) of \(limit) \(unit) in \(seconds / 3600) h" }
}

/// What an upstream was given, as the dispatcher knew it last. Counts forget as time passes, so whoever reads it says when
/// that is.
package struct BudgetState: Sendable, Equatable {
  /// Of wall time; nil: there is no quota.
  var quota: RollingCount?
  var unit = "messages"
  /// Of monotonic time; nil: there is no rate.
  var rate: RollingCount?

  func use(at wall: Int64) -> QuotaUse? { quota.map { QuotaUse($0, unit: unit, at: wall) } }

  /// When the next message may be begun, monotonic; nil: now.
  func rateOpens(at monotonic: Int64) -> Int64? { rate.flatMap { $0.timeBelow($0.limit, at: monotonic) } }
}
