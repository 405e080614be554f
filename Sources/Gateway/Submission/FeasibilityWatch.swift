// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import SMTP

/// What can leave of what one session hands in: made anew when an upstream has announced something else or the client has
/// logged in, and else one comparison.
struct FeasibilityWatch {
  private let settings: Settings
  private let client: String?
  private let address: IPAddress
  private let announcements: Announcements
  private var seen: (version: UInt64, login: String?) = (0, nil)

  /// `client` is the name of a `[[client]]`.
  init(settings: Settings, client: String?, address: IPAddress, announcements: Announcements) {
    self.settings = settings
    self.client = client
    self.address = address
    self.announcements = announcements
  }

  /// nil: it is what it was, at the beginning everything.
  mutating func news(login: String?) -> Feasibility? {
    let version = announcements.version
    guard version != seen.version || (login != seen.login && version > 0) else { return nil }
    seen = (version, login)
    return settings.feasibility(login: login, client: client, address: address, announced: announcements.all)
  }
}
