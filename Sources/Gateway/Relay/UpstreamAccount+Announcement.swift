// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import WAL

extension UpstreamAccount {
  /// Clients are offered what upstreams take, and the log hears when that becomes another size.
  func announced(_ extensions: Extensions) {
    let offer = parts.announcements.note(extensions, by: name, now: parts.clock.now())
    if let offer { parts.log.report(.sizeOffered(offer)) }
  }

  /// Clients are refused by what it announced a while ago: it is asked what it takes now, unless mail does that anyway. One
  /// that may get no mail now is left in peace.
  func ask(_ now: Instant) {
    if connectionsMax(now) > 0, mayTake(now), parts.announcements.isOld(name, now) { carrier?.ask() }
  }
}
