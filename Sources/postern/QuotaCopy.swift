// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Configuration

/// The file `quotas` beside a queue on disk, taken along by `spool repair` and `spool adopt`: the provider goes on
/// counting, so a gateway that begins at 0 is refused what it believes to have left. That is known and waited for, so
/// nothing fails for this file: what cannot be brought is told, and the mail is there.
struct QuotaCopy {
  private let source: CompanionFile

  init(from directory: String) {
    source = CompanionFile("quotas", in: directory)
  }

  /// Into another queue, together with what that has counted. Returns what was in the way; nil: nothing.
  func merge(into directory: String) -> String? {
    let target = CompanionFile("quotas", in: directory)
    do {
      guard let octets = try source.read() else { return nil }
      let theirs = try QuotaRecord(parsing: octets)
      var record = try target.read().map { octets in try QuotaRecord(parsing: octets) } ?? QuotaRecord()
      record.merge(theirs)
      try target.write(record.octets, mode: FileReplacement.modeDefault)
      return nil
    } catch {
      let reason =
        switch error {
        case let error as CompanionFile.Failure: error.reason
        case let error as FileReplacement.Failure: error.description
        default: "one of them is not what posternd wrote"
        }
      return "quotas begin without what was sent from \(source.path): \(reason)"
    }
  }
}
