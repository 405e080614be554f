// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Signals as a stream that the main thread reads. A handler may do little: it writes one octet into a pipe.
struct SignalPipe {
  enum Signal {
    case reload, stop
  }

  /// The write end, for the handler. Set once, before the handlers are installed; a handler only reads it.
  nonisolated(unsafe) private static var writeEnd: Int32 = -1

  private let readEnd: Int32

  static func install() -> SignalPipe {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { fatalError("cannot make a pipe for signals: \(errno)") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    writeEnd = ends[1]
    for number in [SIGTERM, SIGINT, SIGHUP] { handle(number) }
    // A peer that is gone shows in the result of a write; a file that is too large likewise.
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    return SignalPipe(readEnd: ends[0])
  }

  /// Waits.
  func next() -> Signal {
    while true {
      var octet: UInt8 = 0
      guard read(readEnd, &octet, 1) == 1 else { continue }
      return Int32(octet) == SIGHUP ? .reload : .stop
    }
  }

  /// Somebody who asks twice does not want to wait for the drain; the queue needs none.
  func exitAtNextStop() {
    for number in [SIGTERM, SIGINT] {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { _ in _exit(0) }
      sigaction(number, &action, nil)
    }
  }

  private static func handle(_ number: Int32) {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { number in
      var octet = UInt8(number)
      let saved = errno
      _ = write(SignalPipe.writeEnd, &octet, 1)
      errno = saved
    }
    action.sa_flags = SA_RESTART
    sigaction(number, &action, nil)
  }
}
