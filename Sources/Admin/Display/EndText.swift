// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// How a message ended, in sentences: `7KQ2M9XF4 to ops@example.org was sent 11 min ago via gmail: 250 2.0.0 OK`. The
/// same for who shows one and for who asks why. As peers wrote it: whoever prints it escapes it.
package enum EndText {
  /// One for each recipient.
  package static func sentences(_ message: MessageReply, now: Timestamp) -> [String] {
    message.recipients.map { "\(message.id) to \($0.address) \(end(of: $0, message, now: now))" }
  }

  /// `was sent 11 min ago via gmail: 250 2.0.0 OK`.
  package static func end(of recipient: MessageReply.Recipient, _ message: MessageReply, now: Timestamp) -> String {
    let time = recipient.finished ?? message.finished ?? now
    let ago = "\(Humane.longSpan(seconds: Int((now.milliseconds - time.milliseconds) / 1000))) ago"
    let via = recipient.upstream.map { " via \($0)" } ?? ""
    let tries = Humane.count(recipient.attempts, "attempt")
    let sentence =
      switch recipient.state {
      case "sent": "was sent \(ago)\(via)"
      case "expired": "was given up \(ago) after \(tries)\(via)"
      case "dropped": "was dropped \(ago)"
      case "failed" where recipient.byAdmin == true: "was given back by an admin \(ago)"
      case "failed": "failed \(ago)\(via)"
      default: "ended as \(recipient.state) \(ago)\(via)"
      }
    let parts = [recipient.code.map(String.init), recipient.status, recipient.reply].compactMap { $0 }
    let reply = parts.isEmpty ? "" : ": " + parts.joined(separator: " ")
    guard recipient.duplicatePossible == true else { return sentence + reply }
    return sentence + ", may have been delivered \(recipient.state == "sent" ? "twice" : "nevertheless")" + reply
  }
}
