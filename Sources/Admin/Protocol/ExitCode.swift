// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// How `postern` ends; the numbers of sysexits.h, so that scripts and systemd understand them. The daemon sends the
/// code with each answer, so that both sides agree on what an outcome means.
package enum ExitCode: Int32, Sendable, Codable, CaseIterable {
  case ok = 0
  /// Ran well, and the answer is no: degraded, some targets failed.
  case no = 1
  case usage = 64
  case dataError = 65
  /// No such message, user, upstream.
  case noInput = 66
  /// The daemon is not running.
  case unavailable = 69
  /// A fault of ours.
  case software = 70
  /// Timeout: try again.
  case temporary = 75
  case noPermission = 77
  case configuration = 78

  /// A code that a newer daemon has and we do not know is still no success.
  package init(from decoder: any Decoder) throws {
    self = ExitCode(rawValue: try decoder.singleValueContainer().decode(Int32.self)) ?? .software
  }

  package var meaning: String {
    switch self {
    case .ok: "done, healthy, matched"
    case .no: "ran well, the answer is no (degraded, some targets failed)"
    case .usage: "bad arguments, missing selector"
    case .dataError: "unreadable input"
    case .noInput: "no such message or user"
    case .unavailable: "posternd is not running"
    case .software: "a fault of postern itself"
    case .temporary: "timeout, try again"
    case .noPermission: "this user may not do that"
    case .configuration: "the configuration is invalid"
    }
  }
}
