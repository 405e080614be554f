// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration
import Queue
import WAL

extension StatusReply.Upstream {
  /// An upstream as it is configured, with its health; `now` makes wall time of the health's clock.
  init(_ settings: UpstreamSettings, _ health: UpstreamHealth, now: Instant) {
    let upstream = settings.upstream
    func timestamp(_ monotonic: Int64) -> Timestamp { Timestamp(milliseconds: now.wall + monotonic - now.monotonic) }
    self.init(
      name: upstream.name, endpoint: upstream.endpoint, state: health.state, reason: health.reason,
      reply: health.trouble?.description, since: health.since.map(timestamp),
      nextProbe: health.nextProbe.map(timestamp))
    quota = health.budget.use(at: now.wall).map(StatusReply.Quota.init)
    if health.reason == "login" { mend = settings.loginCommand }
  }
}

extension StatusReply.Quota {
  fileprivate init(_ use: QuotaUse) {
    self.init(
      used: use.used, limit: use.limit, unit: use.unit, seconds: use.seconds,
      resumes: use.resumes.map(Timestamp.init(milliseconds:)), eases: use.eases.map(Timestamp.init(milliseconds:)))
  }

  /// `400 of 500 messages in 24 h; below 80 % again at … if nothing more is sent`.
  var description: String {
    let use = "\(used) of \(limit) \(unit) in \(seconds / 3600) h"
    if let resumes { return "\(use); room again at \(resumes.forPeople)" }
    return use + (eases.map { "; below 80 % again at \($0.forPeople) if nothing more is sent" } ?? "")
  }
}

extension StatusReply.Upstream {
  /// A quota that is nearly used, or used up; before anybody misses mail.
  var warning: StatusReply.Warning? {
    guard let quota, quota.eases != nil || quota.resumes != nil else { return nil }
    let state = quota.resumes == nil ? "has nearly used its quota" : "has used its quota"
    return StatusReply.Warning(code: "upstream.quota", message: "\(name) \(state): \(quota.description)")
  }
}

extension StatusReply.SizeLimit {
  /// nil: it is what the configuration says.
  init?(_ offer: Announcements.Offer) {
    guard let upstream = offer.upstream else { return nil }
    self.init(bytes: Int(clamping: offer.octets), upstream: upstream)
  }
}

extension Configuration.Upstream {
  /// `host:port`, or the directory of a capture upstream.
  var endpoint: String { isCapture ? captureDirectory : "\(host):\(port)" }
}
