// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Queue
import SMTP
import WAL

/// What an account may send: so many messages in a time (`rate`), and a quota. A rate makes mail wait a little; a quota
/// that is used up makes the account one that cannot, until the time of resumption.
///
/// A message counts against the rate when it is begun, against the quota when it was taken. What is under way is counted
/// as if it would be, so that messages never come to more than the quota; the recipients of the last message may.
struct Budget {
  private let name: String
  private let quotas: QuotaBook?
  private var quota: Configuration.Quota?
  private var rate: RollingCount?
  /// In the quota's unit.
  private var underWay = 0
  private var hasWarned = false
  /// The quota is used up, since a monotonic time.
  private(set) var over: (trouble: UpstreamTrouble, since: Int64)?

  enum News {
    case nothing
    case warned(QuotaUse)
    case ended(UpstreamTrouble, seconds: Int64)
    case reopened(milliseconds: Int64)
  }

  init(_ upstream: Configuration.Upstream, _ quotas: QuotaBook?) {
    name = upstream.name
    self.quotas = quotas
    adopt(upstream)
  }

  mutating func adopt(_ upstream: Configuration.Upstream) {
    let window = upstream.rate.map { Int64($0.seconds) * 1000 }
    if rate?.limit != upstream.rate?.count || rate?.window != window {
      rate = upstream.rate.map { RollingCount(limit: $0.count, window: Int64($0.seconds) * 1000) }
    }
    quotas?.adopt(upstream.quota, of: name)
    if quota?.unit != upstream.quota?.unit { underWay = 0 }
    quota = quotas == nil ? nil : upstream.quota
    if quota == nil { over = nil }
  }

  var isOver: Bool { over != nil }
  var hasQuota: Bool { quota != nil }
  /// It may send as much as it can.
  var isUnlimited: Bool { quota == nil && rate == nil && over == nil }

  /// When the next message may be begun, monotonic; nil: now, or when one that is under way has ended.
  func opensAt(_ now: Instant) -> Int64? {
    var opens: Int64?
    if var rate { opens = rate.roomAt(now.monotonic) }
    if quota != nil, let wall = quotas?.roomAt(of: name) { opens = max(opens ?? 0, now.monotonic + wall - now.wall) }
    return opens
  }

  /// When to look again, monotonic: there is room then, or there may be more beside those under way. A quota is counted by
  /// the wall clock, and nobody tells when that is set: it is looked at now and then.
  func nextLook(_ now: Instant) -> Int64? {
    guard quota != nil, let wall = quotas?[name]?.nextForgotten else { return opensAt(now) }
    return min(opensAt(now) ?? now.monotonic + max(1, wall - now.wall), now.monotonic + Self.wallLookMilliseconds)
  }

  private static let wallLookMilliseconds: Int64 = 60_000

  /// Whether those under way leave room for one more.
  func hasRoom(_ now: Instant) -> Bool {
    guard let quota, let count = quotas?[name] else { return true }
    return count.used(at: now.wall) + underWay < quota.count
  }

  func quota(_ now: Instant) -> QuotaUse? {
    guard let quota, let count = quotas?[name] else { return nil }
    return QuotaUse(count, unit: quota.unit.rawValue, at: now.wall)
  }

  /// For whoever may not enter the dispatcher's event loop.
  var state: BudgetState {
    BudgetState(quota: quota.flatMap { _ in quotas?[name] }, unit: quota?.unit.rawValue ?? "messages", rate: rate)
  }

  mutating func began(recipients: Int, _ now: Instant) {
    if !SeededFault.rateForgotten { rate?.add(1, at: now.monotonic) }
    if !SeededFault.underWayForgotten { underWay += units(recipients) }
  }

  /// `taken` recipients of these have it, or may.
  mutating func ended(recipients: Int, taken: Int, _ now: Instant) {
    underWay = max(0, underWay - units(recipients))
    if taken > 0 { quotas?.note(units(taken), of: name) }
  }

  private func units(_ recipients: Int) -> Int { quota?.unit == .recipients ? recipients : 1 }

  /// What has changed since the last look.
  mutating func look(_ now: Instant) -> News {
    guard let use = quota(now) else { return .nothing }
    if let opens = quotas?.roomAt(of: name) {
      guard over == nil else { return .nothing }
      let trouble = UpstreamTrouble(.quota, at: "quota", "\(use) are sent")
      over = (trouble, now.monotonic)
      hasWarned = true
      return .ended(trouble, seconds: (opens - now.wall) / 1000)
    }
    if let over {
      self.over = nil
      return .reopened(milliseconds: now.monotonic - over.since)
    }
    guard use.isNearlyUsed != hasWarned else { return .nothing }
    hasWarned = use.isNearlyUsed
    return hasWarned ? .warned(use) : .nothing
  }
}
