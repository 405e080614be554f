// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What the oracle knows of each message.
extension Oracle {
  /// What a client was told of one recipient.
  package enum Answer: Sendable, Equatable {
    /// 250: the message is ours now.
    case promised
    /// 4xx or 5xx: it must never arrive.
    case refused
    /// The connection ended before the reply: both is right, if the end of data had been sent.
    case none
  }

  struct Message {
    let sender: String
    /// From the subject on; what is in front of it is ours.
    let content: [UInt8]
    let mail: MailFacts
    var recipients: [Recipient]
    /// The gateway has the end of its data. Before that there is no message.
    var isSent = false
    /// The change of the intake that was the last when the client began.
    var begunAt = 0
    /// The client was told to send the content.
    var isInvited = false
    /// When the end of its data had arrived.
    var sentAt = LifeClock()
    /// Notifications of a delay that the upstream was offered, by their `Message-ID`.
    var delayNotices: Set<String> = []

    func index(of address: String) -> Int? { recipients.firstIndex { $0.address == address } }
  }

  struct Recipient {
    let address: String
    var answer = Answer.none
    var deliveries = 0
    /// Attempts that may be counted: not those in which the upstream spoke of our account.
    var tries = 0
    /// It was delivered once more than a process could remember.
    var isForgotten = false
    /// The upstream, the admin, or the end of its lifetime decided that it shall not arrive.
    var isBounced = false
    /// History has told of its end.
    var hasEnded = false
    /// The admin gave it, or the notification about it, up, and nobody was to be told.
    var isSilenced = false
    var failureNotices: Set<String> = []
    /// Deliveries that may happen once more, because nobody heard or remembers them.
    var excuses = 0
    var knowledge = Knowledge.none

    var isDecided: Bool { deliveries > 0 || isBounced }
  }

  /// What the gateway must know of the last delivery of a recipient.
  enum Knowledge: Int {
    case none
    /// The reply has arrived.
    case heard
    /// Behind it a sync has succeeded: from now on it knows for good.
    case durable
  }
}
