// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Verdicts of ours that stand where a reply of an upstream is expected: it was not asked, or did not answer. Whoever
/// shows them must not lay them to the other side.
extension Reply {
  private static let notSent = "not sent: "
  private static let lost = "connection lost at "

  /// The upstream would refuse it for certain, or could not be asked in our terms.
  package static func notSent(_ code: Int, _ status: EnhancedStatus, _ reason: String) -> Reply {
    Reply(code, status, "\(notSent)\(reason)")
  }

  /// No reply came, at this stage.
  static func lost(at stage: String, _ text: PeerText) -> Reply {
    Reply(451, EnhancedStatus(4, 4, 2), "\(lost)\(stage): \(text)")
  }

  /// An upstream that says the same is taken for us, which harms nobody.
  package var isOurs: Bool { [Self.notSent, Self.lost].contains { text.text.hasPrefix($0) } }
}
