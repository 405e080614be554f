// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// What the numbers of a reply mean where no rule knows it: the registered enhanced status codes (RFC 3463, RFC 7505,
/// RFC 5248 and their registry), else the subject, else the first digit.
package enum StatusMeaning {
  /// In words, lower case, without full stop.
  package static func of(_ reply: Reply) -> String {
    let permanence = reply.isTransient ? "for now" : "for good"
    guard let status = reply.status else { return "refused \(permanence), without saying why" }
    let key = Int(status.subject) * 1000 + Int(status.detail)
    if let detail = details[key] { return "\(detail), \(permanence)" }
    return "\(subjects[Int(status.subject)] ?? "something that no standard names"), \(permanence)"
  }

  /// RFC 3463 section 3: the second number.
  private static let subjects: [Int: String] = [
    0: "the upstream does not say why", 1: "something about the address", 2: "something about the mailbox",
    3: "something about the upstream's mail system", 4: "something about network or routing",
    5: "something about the protocol", 6: "something about the content", 7: "something about security or policy",
  ]

  /// The second number times 1000 and the third.
  private static let details: [Int: String] = [
    1001: "no such mailbox", 1002: "no such domain", 1003: "the address is malformed", 1004: "the address is ambiguous",
    1006: "the mailbox has moved", 1007: "the sender's address is malformed", 1008: "the sender's domain is not known",
    1010: "the domain takes no mail",
    2000: "the mailbox does not take it", 2001: "the mailbox is disabled", 2002: "the mailbox is full",
    2003: "the message is larger than the mailbox takes", 2004: "a list could not be expanded",
    3000: "the upstream's mail system has trouble", 3001: "the upstream has no room",
    3002: "the upstream is not taking mail", 3003: "the upstream lacks what the message needs",
    3004: "the message is larger than the upstream takes", 3005: "the upstream is configured wrongly",
    4001: "the next host did not answer", 4002: "the connection was bad", 4003: "a directory server failed",
    4004: "no route to the recipient", 4005: "the upstream is congested", 4006: "the mail goes in a circle",
    4007: "the mail was too long under way",
    5000: "the upstream did not understand us", 5001: "the command is not valid there",
    5002: "the command is malformed",
    5003: "too many recipients", 5004: "an argument of the command is not valid", 5006: "a line is too long",
    6001: "a kind of content that is not taken", 6002: "the content would have to be changed, which is prohibited",
    6003: "the content would have to be changed, which is not supported", 6006: "the content is not available",
    6007: "the address needs SMTPUTF8, which is not supported there",
    7000: "refused by a policy or for security", 7001: "not authorized: a policy refuses sender, recipient or us",
    7002: "not authorized to write to this list", 7003: "the content would have to be converted, which is not possible",
    7004: "a security feature is not supported", 7008: "user name or password are wrong",
    7009: "the login mechanism is too weak", 7010: "encryption is needed", 7011: "encryption is needed for the login",
    7012: "the password must be changed first", 7013: "the account is disabled", 7014: "trust is needed first",
    7020: "no passing DKIM signature", 7021: "no acceptable DKIM signature", 7023: "SPF fails",
    7024: "SPF could not be checked", 7025: "the reverse name of our address does not fit",
    7026: "several checks of the sender fail", 7027: "the sender's domain takes no mail",
    7028: "too much mail of this kind", 7030: "REQUIRETLS is not supported there",
  ]
}
