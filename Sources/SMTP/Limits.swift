// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Every bound of the dialogue, both sides, with the reason for its value.
package enum Limits {
  // MARK: what a client may send

  /// RFC 5321 section 4.5.3.1.4 asks for 512 and extensions add to it (SIZE 26, BODY 17, AUTH 500); clients that
  /// repeat long source routes still fit.
  package static let commandLineOctetsMax = 2_048
  /// RFC 4954 section 4: a response line of AUTH, CRLF included.
  package static let authLineOctetsMax = 12_288
  /// Octets thrown away of one over-long line before the connection is closed instead.
  package static let discardedLineOctetsMax = 65_536
  /// One piece of content handed to the queue: what a session keeps in memory at most.
  package static let chunkOctetsMax = 65_536
  /// RFC 5321 section 4.1.1.1 takes a domain or an address literal.
  package static let heloOctetsMax = 255
  /// A path, brackets included (RFC 5321 section 4.5.3.1.3) plus what we tolerate in a local part.
  package static let pathOctetsMax = 512
  /// RFC 1870 section 3: the SIZE value has 1 to 20 digits.
  package static let sizeDigitsMax = 20
  /// Guesses of a password on one connection.
  package static let loginFailuresMax = 5
  /// Commands in a row that move no mail, before and after a login.
  package static let idleCommandsBeforeLoginMax = 100
  package static let idleCommandsAfterLoginMax = 1_000
  /// Chunks that move no mail, as far as the bound above is concerned: who sends a message in pieces this small wants time.
  static let smallChunkOctets: UInt64 = 512
  /// Replies that wait to be sent before the next command is looked at. A command of eight octets can ask for two hundred.
  static let unsentReplyOctetsMax = 4_096
  /// Messages whose content arrives at the same time, each with a chunk of it in memory and as much around it: 90 MB.
  package static let arrivingMessagesMax = 640
  /// Chunks of content that the sessions of an event loop have under way to the disk at the same time; others wait for
  /// their turn. 2 MiB are written as fast as more, and nobody's small message waits long for a sync of them.
  package static let chunksUnderWayMax = 32
  /// How many of them may be one session's, when no other waits for a turn: it reads on while the disk is at work.
  package static let chunksOfSessionMax = 4
  /// What is read at once of a message that is longer than a chunk; everything else is read 16 KiB at a time.
  package static let longReadOctets = 65_536
  /// Content in one piece of so many octets is kept in the buffer that it came in; what is shorter is copied, and lets the
  /// buffer go.
  static let keptRunOctets = 32_768
  /// While more messages than this arrive, none is read so.
  package static let longReadersMax = 64
  /// RFC 5321 section 6.3: a message with more trace fields than this goes in a circle.
  package static let receivedFieldsMax = 100
  /// The same of those that we wrote ourselves. More than one is possible, where a message comes back by way of a list.
  package static let ownReceivedFieldsMax = 5

  // MARK: how long a client may take, in seconds

  /// RFC 5321 section 4.5.3.2.7.
  package static let commandSeconds = 300
  /// How long content may stand still. It has this time when it begins, and gets back what its octets earn.
  package static let contentSeconds = 120
  /// Slower than this for long is too slow.
  package static let contentOctetsPerSecond = 100
  /// The same while we wait for the end of the message to restart; others wait for us.
  package static let drainedContentSeconds = 3
  package static let drainedContentOctetsPerSecond = 1_400
  /// From the connection to a login, all commands together; a client that needs no login is not held to it.
  package static let loginSeconds = 60
  package static let handshakeSeconds = 10
  /// A client that does not read our replies.
  package static let writeStallSeconds = 60

  // MARK: what an upstream may send

  /// A reply over these bounds is a broken peer: the connection closes and the mail waits.
  package static let replyLinesMax = 512
  package static let replyOctetsMax = 65_536
  /// RFC 5321 section 4.5.3.1.5 says 512, and longer lines are seen in the wild; a challenge may have so much (RFC 4954
  /// section 4).
  package static let replyLineOctetsMax = 12_288

  // MARK: what an upstream must take

  /// RFC 5321 section 4.5.3.1.4, CRLF included. AUTH is held to it (RFC 4954 section 4), and some cut it at 2048.
  package static let sentCommandOctetsMax = 512
  /// Content that goes in one flight: 64 KiB of body, and what we and others put in front of it. What is larger is sent
  /// when the envelope is answered, or much of it would go to upstreams that refuse.
  package static let flightOctetsMax = 68 << 10
  /// Flights in a row that may end with the connection before they are given up with this upstream.
  package static let lostFlightsMax = 3
  /// RFC 3461 section 4.4.
  package static let envelopeIDOctetsMax = 100
  /// RFC 3461 section 4.2.
  package static let originalRecipientOctetsMax = 500

  // MARK: how long an upstream may take, in seconds (RFC 5321 section 4.5.3.2)

  package static let connectSeconds = 30
  package static let upstreamHandshakeSeconds = 30
  package static let greetingSeconds = 300
  package static let heloSeconds = 300
  package static let authSeconds = 120
  package static let mailSeconds = 300
  package static let recipientSeconds = 300
  package static let dataSeconds = 120
  package static let blockSeconds = 180
  package static let endOfDataSeconds = 600
  /// One that cannot say at once whether it discards a chunk need not be asked longer.
  package static let probeSeconds = 30
  package static let quitSeconds = 5
  /// A login that somebody tries out and waits for, from the connection to its reply.
  package static let loginProbeSeconds = 30
}
