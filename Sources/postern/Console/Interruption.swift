// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc
import Synchronization

/// Ctrl-C while the console runs a command: it ends the wait for the daemon, not the console. Where it is not installed,
/// in the shell and in scripts, Ctrl-C ends the program.
enum Interruption {
  private static let happened = Atomic<Bool>(false)
  /// What the main thread waits for.
  private static let watched = Atomic<Int32>(-1)

  static func install() {
    begin()
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in
      let saved = errno
      Interruption.happened.store(true, ordering: .sequentiallyConsistent)
      // Whoever reads from it sees its end, also who begins only now.
      let watched = Interruption.watched.load(ordering: .sequentiallyConsistent)
      if watched >= 0 { shutdown(watched, Int32(SHUT_RDWR)) }
      errno = saved
    }
    action.sa_flags = SA_RESTART
    sigaction(SIGINT, &action, nil)
  }

  /// Before a line is read: what was pressed before does not count.
  static func begin() { happened.store(false, ordering: .sequentiallyConsistent) }

  static var hasHappened: Bool { happened.load(ordering: .sequentiallyConsistent) }

  /// From now on Ctrl-C shuts this socket down. Throws if it was pressed already.
  static func watch(_ descriptor: Int32) throws(AdminError) {
    watched.store(descriptor, ordering: .sequentiallyConsistent)
    if hasHappened { throw error }
  }

  static func unwatch() { watched.store(-1, ordering: .sequentiallyConsistent) }

  static var error: AdminError { AdminError("console.interrupted", "interrupted", exit: .no) }
}
