// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Bounds of what we read and print.
enum ConfigurationLimits {
  /// Octets of one file. The longest sensible configuration has a few thousand lines; a users file 8,000 users.
  static let fileOctetsMax = 1 << 20
  /// Characters of a source line that an error shows.
  static let excerptCharactersMax = 160
  /// Characters of a value that an error's text repeats.
  static let seenCharactersMax = 80
  /// Nobody mends more at a time, and a line of a million mistakes would be shown as often.
  static let errorsMax = 100

  /// RFC 1035 section 2.3.4, without the final dot.
  static let hostnameOctetsMax = 253
  static let labelOctetsMax = 63
  /// An upstream's user name: RFC 4616 section 2 allows 255 octets of authcid.
  static let usernameOctetsMax = 255
  /// Names of upstreams, listeners, clients and LAN users: they become file names, log fields and console arguments.
  static let nameOctetsMax = 64
  /// Linux PATH_MAX with its NUL.
  static let pathOctetsMax = 4095
  /// `sun_path` of unix(7) holds 107 octets and a NUL; the longest name that we put into the control directory.
  static let controlDirectoryOctetsMax = 107 - "/operate.sock".utf8.count

  static let ports = 1...65535
  static let upstreamConnections = 1...256
  static let perConnection = 0...1_000_000
  static let sessions = 1...100_000
  static let sessionsPerClient = 0...100_000
  static let recipients = 1...10_000
  /// What a server must take is 64 KiB (RFC 5321 section 4.5.3.1.7).
  static let freeOctets = 0...(1 << 50)
  /// 400 octets of memory each.
  static let messages = 1...100_000_000
  static let messageOctets = (64 << 10)...(1 << 40)
  /// Ten years: sums of durations stay far from overflow.
  static let durationMilliseconds: ClosedRange<Int64> = 1...(3650 * 86_400_000)
  static let failures = 1...1_000_000
  static let retrySteps = 64
}
