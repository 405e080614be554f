// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Glibc

/// How many sessions the limit of open files leaves room for. What keeps mail safe and moving, and the way in for the
/// admin, must never find the last descriptor gone to a client.
struct DescriptorLimit: Sendable {
  /// Files that this process may open.
  let limit: Int
  /// Files that are open for as long as it runs, without those that are listened on.
  private let used: Int

  /// What changes: segments that are written, read and made anew, the room kept on the disk, history, consoles, files of
  /// a reload, and connections that are only told that they are one too many.
  private static let reserved = 40
  /// A socket and its copy that the channel has.
  private static let perPort = 2
  /// Two addresses race while a connection is opened.
  private static let perUpstreamConnection = 2

  /// Takes all that the service manager or the shell allows, before the first port is open.
  init() {
    limit = Self.raise()
    used = Self.openFiles()
  }

  init(limit: Int, used: Int) {
    self.limit = limit
    self.used = used
  }

  /// Sessions that may be open at once; one at least, or the gateway would be none.
  func sessionsMax(listening ports: Int, upstreamConnections: Int) -> Int {
    max(
      1,
      limit - used - ports * Self.perPort - upstreamConnections * Self.perUpstreamConnection - Self.reserved)
  }

  private static func raise() -> Int {
    var current = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &current) == 0 else { return 1024 }
    var all = current
    all.rlim_cur = current.rlim_max
    // Where that is not allowed the lower limit holds.
    if current.rlim_cur < all.rlim_cur, setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &all) == 0 {
      current = all
    }
    return Int(clamping: current.rlim_cur)
  }

  private static func openFiles() -> Int {
    guard let directory = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(directory) }
    var count = 0
    // "." and ".." are two that are none; the directory itself is one.
    while readdir(directory) != nil { count += 1 }
    return max(0, count - 3)
  }
}

extension Configuration {
  /// Sessions that the listeners may have together.
  var sessionsMax: Int { listeners.reduce(0) { $0 + $1.maxSessions } }
}
