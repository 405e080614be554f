// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import NIOCore

/// Looks at the users file before each login, so that whoever was disabled there, or given another password, is out from
/// that moment on: with or without a reload, and whatever is wrong with the rest of the configuration.
///
/// `LoginChecker` asks. The look is one stat(2), on a thread that may wait for the disk; the file is read only when it
/// has changed. A file that cannot be read, or is gone, changes nothing: editors write theirs in steps.
struct UsersWatch: Sendable {
  private let settings: SettingsHolder
  private let threads: any WorkerThreads
  private let log: EventLog

  /// `threads` may wait for the disk.
  init(settings: SettingsHolder, threads: any WorkerThreads, log: EventLog) {
    self.settings = settings
    self.threads = threads
    self.log = log
  }

  /// Succeeds when the settings have what the file held at the time of the call, or later.
  func look(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
    threads.run(on: eventLoop) { look() }
      // We are going away.
      .recover { _ in }
  }

  private func look() {
    while let seen = settings.current.usersSeen {
      let sighting = FileSighting(of: seen.path)
      guard sighting != seen, sighting.isThere else { return }
      var users: UsersFile?
      do {
        users = try UsersFile.read(seen.path)
      } catch {
        log.report(.configurationRejected(error.summary))
      }
      // Else a reload was faster: what it has read may be older or newer.
      if settings.replaceUsers(users, sighting, insteadOf: seen) { return }
    }
  }
}
