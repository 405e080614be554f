// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

extension UpstreamAccount {
  /// Clients are offered what upstreams take, and the log hears when that becomes another size.
  func announced(_ extensions: Extensions) {
    let offer = parts.announcements.note(extensions, by: name, wall: parts.clock.now().wall)
    if let offer { parts.log.report(.sizeOffered(offer)) }
  }
}
