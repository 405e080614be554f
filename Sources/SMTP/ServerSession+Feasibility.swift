// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Whether a message can go anywhere, asked as soon as enough of it is known: who is refused at MAIL has sent no content in
/// vain, and his sender learns it now and not from a notification.
extension ServerSession {
  /// Offered at EHLO.
  var offeredOctetsMax: UInt64 { min(policy.messageOctetsMax, feasibility.bounds.octetsMax) }

  /// What upstreams announced may stand behind a refusal, or behind what a client does not even try.
  package var isLimitedByUpstreams: Bool { feasibility.limits(policy.messageOctetsMax) }

  /// What the message under way may have. Its own limit is not moved while it comes, whatever upstreams announce meanwhile.
  var octetsMax: UInt64 { min(policy.messageOctetsMax, feasibleOctetsMax) }

  /// `sender` is the envelope's.
  func checkFeasible(_ mail: MailCommand, from sender: Address?) throws(Reply) {
    let bounds = feasibility.bounds(from: sender, octets: mail.size)
    try check(mail.size, against: bounds)
    if sender?.isASCII == false, !bounds.takesUTF8Senders { throw .senderNeedsUTF8 }
  }

  func checkFeasible(_ recipient: Address, from sender: Address?) throws(Reply) {
    let bounds = feasibility.bounds(from: sender, to: recipient, octets: declaredOctets)
    try check(declaredOctets, against: bounds)
    if !recipient.isASCII, !bounds.takesUTF8 { throw .recipientNeedsUTF8 }
  }

  private func check(_ octets: UInt64?, against bounds: Feasibility.Bounds) throws(Reply) {
    let limit = min(policy.messageOctetsMax, bounds.octetsMax)
    if let octets, octets > limit { throw .tooBig(octets, limit: limit) }
  }

  /// What can go to one of the recipients is taken: to the others it is bounced. Content may be larger than declared (RFC
  /// 1870 section 6.3), so what is declared narrows nothing here.
  mutating func limitContent(from sender: Address?, to recipient: Address?, isFirst: Bool) {
    let limit = feasibility.bounds(from: sender, to: recipient, octets: nil).octetsMax
    feasibleOctetsMax = isFirst ? limit : max(feasibleOctetsMax, limit)
  }
}
