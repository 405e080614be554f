// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc

/// Another program that takes over the terminal for a while, as system(3) does it: keys that end programs are for it,
/// and not for us who wait.
enum ChildProcess {
  private static let keys = [SIGINT, SIGQUIT]

  /// Returns its exit code; 0 too if the user has ended it with a key, or its pager first.
  static func run(_ program: String, _ arguments: [String]) throws(SystemCallError) -> Int32 {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    for key in keys { sigaddset(&signals, key) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }

    let handlers = keys.map { key in
      var (ignore, old) = (sigaction(), sigaction())
      ignore.__sigaction_handler.sa_handler = SIG_IGN
      sigaction(key, &ignore, &old)
      return old
    }
    defer {
      for (key, handler) in zip(keys, handlers) {
        var handler = handler
        sigaction(key, &handler, nil)
      }
    }
    var child: pid_t = 0
    let failure = posix_spawnp(&child, program, nil, &attributes, words, environ)
    guard failure == 0 else { throw SystemCallError(errno: failure) }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    // The macros of wait(2): how it ended is in the lower seven bits, its exit code in the next eight.
    let signal = status & 0x7F
    return [SIGINT, SIGQUIT, SIGPIPE].contains(signal) ? 0 : signal != 0 ? 128 + signal : status >> 8 & 0xFF
  }
}
