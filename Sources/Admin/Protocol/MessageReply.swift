// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// One message: a row of `queue`, or with replies and client facts what `show` prints.
package struct MessageReply: Sendable, Equatable, Codable {
  package struct Recipient: Sendable, Equatable, Codable {
    /// Place in the envelope, from 1.
    package var number: Int
    package var address: String
    package var state: String
    package var attempts: Int
    /// Last reply of an upstream, in its three parts.
    package var code: Int?
    package var status: String?
    package var reply: String?
    /// What the sender wants to hear of it, in the words of NOTIFY; nil: he has not said.
    package var notify: String?
    /// The address that the sender wrote to at first, behind its type.
    package var original: String?
    /// Who gave that reply, as far as it is known.
    package var upstream: String?
    /// When it ended, and whether an admin ended it; for finished mail alone.
    package var finished: Timestamp?
    package var byAdmin: Bool?
    package var duplicatePossible: Bool?

    package init(
      number: Int, address: String, state: String, attempts: Int, code: Int? = nil, status: String? = nil,
      reply: String? = nil
    ) {
      self.number = number
      self.address = address
      self.state = state
      self.attempts = attempts
      self.code = code
      self.status = status
      self.reply = reply
    }

    private enum CodingKeys: String, CodingKey {
      case number = "n"
      case address = "to"
      case state, attempts, code
      case status = "dsn"
      case reply, notify
      case original = "orcpt"
      case finished, upstream
      case byAdmin = "by_admin"
      case duplicatePossible = "duplicate_possible"
    }
  }

  /// Who handed the message in, as recorded when it was accepted.
  package struct Client: Sendable, Equatable, Codable {
    package var address: String
    /// Of its `[[client]]` stanza.
    package var name: String?
    package var user: String?
    package var helo: String?
    package var listener: String?
    package var tls: String?

    package init(
      address: String, name: String? = nil, user: String? = nil, helo: String? = nil, listener: String? = nil,
      tls: String? = nil
    ) {
      self.address = address
      self.name = name
      self.user = user
      self.helo = helo
      self.listener = listener
      self.tls = tls
    }

    private enum CodingKeys: String, CodingKey {
      case address = "ip"
      case name, user, helo, listener, tls
    }
  }

  /// Kept back by somebody.
  package struct Hold: Sendable, Equatable, Codable {
    package var by: String
    package var since: Timestamp
    /// nil: until it is released.
    package var until: Timestamp?
    package var reason: String?

    package init(by: String, since: Timestamp, until: Timestamp? = nil, reason: String? = nil) {
      self.by = by
      self.since = since
      self.until = until
      self.reason = reason
    }
  }

  /// Taken out of the queue by somebody.
  package struct Drop: Sendable, Equatable, Codable {
    package var batch: Int
    package var by: String
    package var since: Timestamp
    /// When it is erased.
    package var until: Timestamp

    package init(batch: Int, by: String, since: Timestamp, until: Timestamp) {
      self.batch = batch
      self.by = by
      self.since = since
      self.until = until
    }
  }

  /// What an upstream said that sent recipients to another one.
  package struct SentOn: Sendable, Equatable, Codable {
    package var upstream: String
    package var reply: String
    package var at: Timestamp
    /// How many.
    package var recipients: Int

    package init(upstream: String, reply: String, at: Timestamp, recipients: Int) {
      self.upstream = upstream
      self.reply = reply
      self.at = at
      self.recipients = recipients
    }
  }

  package var id: String
  package var state: String
  /// Empty for the null path.
  package var sender: String
  package var recipients: [Recipient]
  /// Octets of content as received.
  package var size: Int
  package var received: Timestamp
  package var ageSeconds: Int
  package var next: Timestamp?
  /// nil: it is finished.
  package var expires: Timestamp?
  /// When the last of these recipients ended, if all have; then this is what the history remembers.
  package var finished: Timestamp?
  /// Login, or name of the client, or address; of finished mail.
  package var submitter: String?
  package var client: Client?
  package var hold: Hold?
  package var drop: Drop?
  /// Of mail that waits, as far as it is remembered; the oldest first.
  package var sentOn: [SentOn]?
  /// How much goes back with a notification of failure, FULL or HDRS, and the sender's own name for the message; nil: he
  /// has not said.
  package var returned: String?
  package var envelopeID: String?
  /// The client asked for SMTPUTF8.
  package var smtpUTF8: Bool?
  /// What stands in the way, in a few words; for lists.
  package var why: String?
  /// A connection ended between the end of data and its reply: the upstream may have the message already.
  package var duplicatePossible: Bool?
  /// More recipients of this message follow in another object; only between daemon and client.
  package var continues: Bool?

  package init(
    id: String, state: String, sender: String, recipients: [Recipient], size: Int, received: Timestamp, ageSeconds: Int,
    next: Timestamp? = nil, expires: Timestamp?, client: Client? = nil, hold: Hold? = nil, drop: Drop? = nil,
    why: String? = nil, duplicatePossible: Bool? = nil
  ) {
    self.id = id
    self.state = state
    self.sender = sender
    self.recipients = recipients
    self.size = size
    self.received = received
    self.ageSeconds = ageSeconds
    self.next = next
    self.expires = expires
    self.client = client
    self.hold = hold
    self.drop = drop
    self.why = why
    self.duplicatePossible = duplicatePossible
  }

  private enum CodingKeys: String, CodingKey {
    case id, state
    case sender = "from"
    case recipients, size, received
    case ageSeconds = "age_s"
    case next, expires, finished, submitter, client, hold, drop, why
    case sentOn = "sent_on"
    case returned = "ret"
    case envelopeID = "envid"
    case smtpUTF8 = "smtputf8"
    case duplicatePossible = "duplicate_possible"
    case continues
  }
}

extension MessageReply {
  /// An address has at most 496 octets, an original one 500 and a reply 512, JSON at most doubles them (all are free of
  /// controls): with its names a recipient stays below 3.4 KiB, and 14 of them with what sent it on below a line.
  package static let recipientsPerLineMax = 14

  /// The message in objects that each fit into a line; the client puts them together with `append`.
  package func lines() -> [MessageReply] {
    guard recipients.count > Self.recipientsPerLineMax else { return [self] }
    return stride(from: 0, to: recipients.count, by: Self.recipientsPerLineMax).map { first in
      var part = self
      let end = min(first + Self.recipientsPerLineMax, recipients.count)
      part.recipients = Array(recipients[first..<end])
      part.continues = end < recipients.count ? true : nil
      return part
    }
  }

  package mutating func append(_ part: MessageReply) {
    recipients += part.recipients
    continues = part.continues
  }
}
