// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import CSupport
import Glibc

/// What the file system under the queue says of itself. Asking may wait for it, so it is done on a thread that may wait.
package struct FileSystem: Sendable, Equatable {
  var octets: Int64
  /// That we may still use.
  var freeOctets: Int64
  /// Files that may still be made; nil where the file system does not count them.
  var freeInodes: Int64?
  /// As statfs(2) numbers them.
  var type: UInt32

  package init(octets: Int64, freeOctets: Int64, freeInodes: Int64? = nil, type: UInt32 = 0) {
    self.octets = octets
    self.freeOctets = freeOctets
    self.freeInodes = freeInodes
    self.type = type
  }

  /// nil if it cannot be asked.
  init?(at path: String) {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { return nil }
    let block = UInt64(status.f_frsize)
    octets = Int64(clamping: UInt64(status.f_blocks) * block)
    freeOctets = Int64(clamping: UInt64(status.f_bavail) * block)
    // Btrfs and others make inodes as they need them, and say 0 of 0.
    freeInodes = status.f_files == 0 ? nil : Int64(clamping: UInt64(status.f_favail))
    type = csupport_file_system_type(path)
  }

  /// Why mail does not belong there; nil if nothing speaks against it. The numbers are those of statfs(2).
  var doubt: String? {
    switch type {
    case 0x0102_1994, 0x8584_58F6: "it lies in memory (tmpfs) and is lost when the machine stops"
    case 0x794C_7630: "it lies in a container's layer (overlay) and is lost with the container; mount a volume there"
    case 0x6969, 0xFF53_4D42, 0xFE53_4D42, 0x517B:
      "it lies on another machine, whose word on what is durable and who holds the lock is all there is"
    default: nil
    }
  }
}
