// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Lines that are out when the call returns: a process that traps next has said them.
enum Output {
  static func say(_ line: String, to file: Int32 = STDOUT_FILENO) {
    let octets = Array("\(line)\n".utf8)
    var done = 0
    while done < octets.count {
      let count = octets[done...].withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
      if count < 0, errno != EINTR { return }
      done += max(0, count)
    }
  }
}
