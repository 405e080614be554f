// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import SMTP

/// Replies that are known to mean one thing, in words. Only what the standard or the provider that writes them says of
/// itself stands here; for every other reply there is its own text and no guess of ours.
enum KnownReplies {
  private struct Entry {
    var code: Int
    var status: EnhancedStatus
    /// Stands in the text, in any case; what others write with the same codes is not meant.
    var text: String?
    var meaning: String
  }

  private static let entries = [
    // learn.microsoft.com: "Fix issues with printers, scanners, and LOB applications", "Basic authentication changes".
    Entry(
      code: 550, status: EnhancedStatus(5, 7, 30), text: nil,
      meaning: "Microsoft 365 takes no password for SMTP from this tenant any more; it wants OAuth"),
    Entry(
      code: 535, status: EnhancedStatus(5, 7, 139), text: nil,
      meaning: "Microsoft 365 refuses this login by policy: SMTP AUTH is off for the mailbox or the tenant, or the "
        + "password is wrong"),
    Entry(
      code: 550, status: EnhancedStatus(5, 7, 60), text: nil,
      meaning: "Microsoft 365: this login may not send with that sender address (SendAsDenied)"),
    Entry(
      code: 554, status: EnhancedStatus(5, 2, 252), text: nil,
      meaning: "Microsoft 365: this login may not send with that sender address (SendAsDenied)"),
    // support.google.com: "SMTP error codes".
    Entry(
      code: 534, status: EnhancedStatus(5, 7, 9), text: "application-specific password",
      meaning: "Google wants an app password for this account, not the one of its owner"),
    Entry(
      code: 550, status: EnhancedStatus(5, 4, 5), text: "daily",
      meaning: "the account has sent as much as Google lets it send in a day"),
    // RFC 4954 section 6.
    Entry(
      code: 535, status: EnhancedStatus(5, 7, 8), text: nil, meaning: "user name or password is not what it expects"),
    Entry(code: 530, status: EnhancedStatus(5, 7, 0), text: nil, meaning: "it wants a login first"),
    // RFC 3463 section 3.
    Entry(code: 550, status: EnhancedStatus(5, 1, 1), text: nil, meaning: "there is no such mailbox"),
    Entry(code: 552, status: EnhancedStatus(5, 2, 2), text: nil, meaning: "the mailbox is full"),
    Entry(code: 452, status: EnhancedStatus(4, 2, 2), text: nil, meaning: "the mailbox is full at the moment"),
    Entry(code: 552, status: EnhancedStatus(5, 3, 4), text: nil, meaning: "the message is larger than it takes"),
  ]

  /// nil where nothing is known.
  static func meaning(of reply: Reply) -> String? {
    entries.first { entry in
      reply.code == entry.code && reply.status == entry.status
        && entry.text.map { reply.text.text.lowercased().contains($0) } ?? true
    }?.meaning
  }

  /// For a reply that stands behind the stage of the dialogue: `auth: 535 5.7.8 …`.
  static func meaning(ofText text: String) -> String? {
    entries.first { entry in
      text.contains("\(entry.code) \(entry.status) ") && entry.text.map { text.lowercased().contains($0) } ?? true
    }?.meaning
  }
}
