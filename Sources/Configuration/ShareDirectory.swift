// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Where the data files are that came with the program: `providers` and `explain`.
///
/// The program finds them from its own place, so that neither a build setting nor the environment has to agree with
/// where it was installed: PREFIX/sbin/posternd and PREFIX/bin/postern mean PREFIX/share/postern, and a program that
/// lies below ROOT/.build, where it was built, means ROOT/etc.
package enum ShareDirectory {
  /// Of the running program; nil where the system does not tell its place.
  package static func current() -> String? {
    var buffer = [CChar](repeating: 0, count: ConfigurationLimits.pathOctetsMax + 1)
    let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    guard count > 0 else { return nil }
    return directory(ofProgram: String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self))
  }

  package static func directory(ofProgram path: String) -> String? {
    let parts = path.split(separator: "/")
    guard path.hasPrefix("/"), parts.count >= 2 else { return nil }
    let root = parts.lastIndex(of: ".build").map { parts[..<$0] + ["etc"] } ?? parts.dropLast(2) + ["share", "postern"]
    return "/" + root.joined(separator: "/")
  }
}
