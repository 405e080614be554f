// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import NIOCore

@testable import SMTP

extension FuzzTarget {
  /// Replies of an upstream: the same ones however they are cut, no controls in them, and never our password.
  static let replies = FuzzTarget(name: "replies", octetsMax: 1_024) { octets in
    var input = FuzzInput(octets)
    let seed = input.octet()
    let whole = read([Array(input.rest)])
    check(read(pieces(of: input.rest, by: seed)) == whole, "other replies where they are cut")
    check(read(pieces(of: input.rest, by: 0)) == whole, "other replies octet by octet")
    for received in whole.replies {
      let reply = received.reply
      check((200...599).contains(reply.code), "code \(reply.code)")
      check(reply.status.map { Int($0.class) == reply.code / 100 } != false, "\(reply.code) with \(reply.status!)")
      for text in received.lines + [reply.text] {
        check(PeerText(text.text) == text && !text.text.contains("s3cret"), "says \(text)")
      }
      _ = Extensions(lines: received.lines)
      check(received.challenge.isEmpty || reply.code == 334, "a challenge with \(reply.code)")
    }
    if let fault = whole.fault { check(PeerText(fault.text.text) == fault.text, "says \(fault.text)") }
  }

  private static let redaction = Redaction(ClientLogin(name: "alice", password: Secret("s3cret")))

  private struct Taken: Equatable {
    var replies: [ReceivedReply] = []
    var fault: ReplyFault?
  }

  private static func read(_ pieces: [[UInt8]]) -> Taken {
    var reader = ReplyReader(redaction)
    var buffer = ByteBuffer()
    var taken = Taken()
    for piece in pieces {
      buffer.writeBytes(piece)
      do throws(ReplyFault) {
        while let reply = try reader.next(&buffer) { taken.replies.append(reply) }
      } catch {
        taken.fault = error
        return taken
      }
    }
    return taken
  }
}
