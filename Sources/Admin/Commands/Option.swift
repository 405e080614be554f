// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

extension Command {
  /// An option of some commands; which, the table says. A name means the same wherever it stands.
  package enum Option: String, Sendable, CaseIterable {
    case all = "--all"
    case dryRun = "--dry-run"
    case yes = "--yes"
    case reason = "--reason"
    case duration = "--for"
    case noDSN = "--no-dsn"
    case now = "--now"
    case count = "--count"
    case ids = "--ids"
    case limit = "-n"
    case follow = "-f"
    case since = "--since"
    case ask = "--ask"
    case passwordStdin = "--password-stdin"
    case stdin = "--stdin"
    case noTest = "--no-test"
    case clientSecret = "--client-secret"
    case clientCertificate = "--client-certificate"
    case refreshToken = "--refresh-token"
    case from = "--from"
    case to = "--to"
    case user = "--user"
    case client = "--client"
    case size = "--size"
    case watch = "--watch"

    /// What stands behind it; nil for a switch.
    package var value: String? {
      switch self {
      case .reason: "TEXT"
      case .duration: "TIME"
      case .limit: "N"
      case .since: "WHEN"
      case .clientCertificate: "FILE"
      case .from, .to: "ADDRESS"
      case .user: "NAME"
      case .client: "NAME|IP"
      case .size: "N"
      default: nil
      }
    }

    package var usage: String { rawValue + (value.map { " " + $0 } ?? "") }

    package func excludes(_ other: Option) -> Bool {
      let choices: [Set<Option>] = [
        [.ask, .passwordStdin], [.count, .ids], [.dryRun, .yes],
        [.clientSecret, .clientCertificate],
      ]
      return self != other && choices.contains { $0.contains(self) && $0.contains(other) }
    }

    package var summary: String {
      switch self {
      case .all: "every message, in the place of a selector"
      case .dryRun: "show which messages are meant, and change nothing"
      case .yes: "do not ask; what cannot be taken back needs it where no terminal is"
      case .reason: "why, in a few words; it is logged, and shown where it matters"
      case .duration: "ends by itself after 30m, 2h, 1d"
      case .noDSN: "do not tell the sender"
      case .now: "erase at once, for good"
      case .count: "the number alone"
      case .ids: "the ids alone, one a line"
      case .limit: "at most so many"
      case .follow: "go on as more comes, until Ctrl-C"
      case .since: "from then on: 'yesterday', '1h ago', '2026-11-21 14:00' (as journalctl reads it)"
      case .ask: "ask twice for the password on the terminal, without echo"
      case .passwordStdin: "read the password from standard input, one line"
      case .stdin: "read the secret from standard input, one line"
      case .noTest: "do not try it at the upstream first"
      case .clientSecret: "the secret of an application (OAuth2) that logs in itself, not a password"
      case .clientCertificate: "a PEM file with certificate and key of such an application, or of auth = external"
      case .refreshToken: "the refresh token of somebody who has signed in elsewhere"
      case .from: "the envelope sender; <> is the null sender"
      case .to: "the recipient"
      case .user: "the login on the LAN side"
      case .client: "the name of a [[client]], or an address"
      case .size: "octets of the message, as 300K or 25M"
      case .watch: "again every two seconds, until Ctrl-C"
      }
    }

    /// What is wrong with a value, if anything is; the same on both sides of the socket.
    package func check(_ text: String) throws(AdminError) {
      switch self {
      case .duration:
        guard TimeSpan.seconds(text) != nil else { throw refused(text, "a time such as 30m, 2h or 1d") }
      case .limit:
        guard let number = Int(text), number > 0 else { throw refused(text, "a number above 0") }
      case .reason:
        guard !text.isEmpty, text.utf8.count <= Self.reasonOctetsMax else {
          throw refused(String(text.prefix(40)), "a text of at most \(Self.reasonOctetsMax) octets")
        }
      default: return
      }
    }

    package static let reasonOctetsMax = 256

    private func refused(_ text: String, _ expected: String) -> AdminError {
      .usage("bad_value", "'\(TerminalText.escaped(text))' behind \(rawValue) is not \(expected)")
    }
  }
}
