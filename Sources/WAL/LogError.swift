// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What can go wrong with a spool directory. All of it is the fault of this machine, never of a peer.
package enum LogError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A call of the operating system failed: what was attempted, on what, and the errno value.
  case disk(attempt: String, name: String, code: Int32)
  /// Another process holds the directory.
  case inUse(directory: String, pid: String, since: String)
  /// Another process has written while this one only read.
  case changed(directory: String)
  /// A later version of the program wrote this segment.
  case newerFormat(name: String, version: UInt32)
  /// Segments of several spools stand here, and none of them is clearly the one.
  case mixed([String])
  /// What may be the end of the log cannot be read: nobody knows what stands there.
  case unreadableEnd(name: String, offset: Int)
  /// The octets at this place are not what was written there.
  case damaged(name: String, offset: Int)

  /// The disk or a quota is full: room may come back, and the same request may then succeed.
  package var isFull: Bool {
    if case .disk(_, _, let code) = self { code == ENOSPC || code == EDQUOT } else { false }
  }

  /// Too many files are open, of this process or of the machine.
  var isTableFull: Bool {
    if case .disk(_, _, let code) = self { code == EMFILE || code == ENFILE } else { false }
  }

  /// The same attempt may succeed a little later, without anybody mending something.
  package var mayPass: Bool {
    switch self {
    case .disk(_, _, let code): [EIO, ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM, EAGAIN].contains(code)
    case .inUse, .changed, .unreadableEnd: true
    case .newerFormat, .mixed, .damaged: false
    }
  }

  package var description: String {
    switch self {
    case .disk(let attempt, let name, let code):
      "cannot \(attempt) \(name): \(String(cString: strerror(code)))"
    case .inUse(let directory, let pid, let since):
      "cannot lock \(directory): spool in use by pid \(pid) since \(since)"
    case .changed(let directory):
      "cannot judge \(directory): a daemon has written there meanwhile; stop it and ask again"
    case .newerFormat(let name, let version):
      "cannot read \(name): format \(version) is newer than \(SegmentHeader.version), the newest this program knows"
    case .mixed(let spools):
      "cannot tell which spool this is: \(spools.joined(separator: "; ")); move away the segments that are not of this one"
    case .unreadableEnd(let name, let offset):
      "cannot read the end of the log in \(name) at offset \(offset): input/output error; mail that was accepted may stand "
        + "there; copy the directory to a good disk and start there"
    case .damaged(let name, let offset):
      "cannot read \(name) at offset \(offset): checksum does not match"
    }
  }
}
