// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration
import Queue

extension StatusReply.Upstream {
  /// An upstream as it is configured, with its health; `now` makes wall time of the health's clock.
  init(_ upstream: Configuration.Upstream, _ health: UpstreamHealth, now: Instant) {
    func timestamp(_ monotonic: Int64) -> Timestamp { Timestamp(milliseconds: now.wall + monotonic - now.monotonic) }
    self.init(
      name: upstream.name, endpoint: upstream.endpoint, state: health.state, reason: health.reason,
      reply: health.trouble?.description, since: health.since.map(timestamp),
      nextProbe: health.nextProbe.map(timestamp))
  }
}

extension Configuration.Upstream {
  /// `host:port`, or the directory of a capture upstream.
  var endpoint: String { isCapture ? captureDirectory : "\(host):\(port)" }
}
