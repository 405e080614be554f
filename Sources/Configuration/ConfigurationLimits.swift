// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Bounds of what we read and print.
package enum ConfigurationLimits {
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

  /// Longer ones are no token endpoints.
  static let urlOctetsMax = 1000
  /// Scopes of OAuth, several with spaces between them.
  static let scopeOctetsMax = 1000
  /// A sentence in a data file, as advice is printed.
  static let adviceOctetsMax = 400
  /// What a reply is compared with: this times the length of the reply is the most that one pattern costs.
  static let patternOctetsMax = 200
  /// RFC 5321 section 4.2: of what an upstream can refuse with.
  static let replyCodes = 400...599

  static let ports = 1...65535
  /// As an MX record's (RFC 5321 section 5.1).
  static let priorities = 0...65535
  /// Seconds of a quota: an hour to 31 days.
  static let quotaSeconds = 3600...(31 * 86_400)
  package static let quotaCount = 1...1_000_000_000
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
