// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Mail
import SMTP

/// Under which sender an upstream gets a message, in the envelope and in its header.
struct SenderRule: Sendable {
  enum Outcome: Equatable {
    /// nil is the null sender.
    case address(Address?)
    /// The upstream takes no mail of this sender, and the admin wants no other one for it.
    case refused

    /// As in MAIL; nil if it is refused.
    var text: String? {
      switch self {
      case .address(let address): address?.text ?? ""
      case .refused: nil
      }
    }
  }

  private let upstream: Configuration.Upstream
  /// Whose name notifications go out under where the null sender is refused and there is nobody else.
  private let postmaster: Address
  /// What the admin makes of whatever clients say, by name of the `[[client]]`.
  private let forced: [String: Address]

  init(_ upstream: Configuration.Upstream, postmaster: Address, forced: [String: Address] = [:]) {
    self.upstream = upstream
    self.postmaster = postmaster
    self.forced = forced
  }

  /// A notification keeps its null sender unless the provider refuses that (RFC 5321 section 4.5.5 wants it kept): then
  /// it goes out as the account, which is better than no notification.
  func outcome(for sender: Address?, of client: String?) -> Outcome {
    let sender = forcedSender(sender, client) ?? sender
    return switch upstream.outgoingSender(for: sender, postmaster: postmaster) {
    case .same: .address(sender)
    case .rewritten(let address): .address(address)
    case .refused: .refused
    }
  }

  /// What stands in MAIL. Mail that is refused does not come so far.
  func sent(_ sender: Address?, of client: String?) -> Address? {
    if case .address(let address) = outcome(for: sender, of: client) { address } else { sender }
  }

  /// For the header of one message; nil if no author can be one that is refused. Under a forced sender only he is none:
  /// header and envelope say the same.
  func rewriting(of sender: Address?, of client: String?) -> SenderRewriting? {
    if forcedSender(sender, client) != nil {
      guard let author = sent(sender, of: client) else { return nil }
      return SenderRewriting(account: author.text, isExact: true) { text in
        Address(text).map { MailboxPattern.address(author).matches($0) } ?? false
      }
    }
    guard let account = upstream.replacementAuthor else { return nil }
    let senders = upstream.senders
    return SenderRewriting(account: account.text) { text in
      guard let address = Address(text) else { return false }
      return senders.contains { $0.matches(address) }
    }
  }

  /// The answer to mail that cannot go out as anybody; nil if it can. Ours, not the upstream's.
  func refusal(of sender: Address?, of client: String?) -> Reply? {
    guard outcome(for: sender, of: client) == .refused else { return nil }
    let sender = forcedSender(sender, client) ?? sender
    let accepted = upstream.senders.map(\.description).joined(separator: ", ")
    return .notSent(
      550, EnhancedStatus(5, 7, 1),
      "upstream \(upstream.name) takes no mail from <\(sender?.text ?? "")>, only from \(accepted)")
  }

  /// nil: what the client has said stands. The null sender is that of a notification, or of mail that came before the
  /// client was given one.
  private func forcedSender(_ sender: Address?, _ client: String?) -> Address? {
    sender == nil ? nil : client.flatMap { forced[$0] }
  }
}
