// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// Mail that leaves by one and the same way: what that is, only the router and whoever leases know. A lane means
/// something only together with the routing that gave it, because the next one may give the same number to another way.
package struct Lane: Sendable, Hashable {
  /// From `MessageQueue.adopt`; 0 since the queue was opened.
  package var routing: UInt32
  package var number: UInt8

  package init(routing: UInt32 = 0, number: UInt8) {
    self.routing = routing
    self.number = number
  }

  /// All mail of a queue without a router.
  package static let only = Lane(number: 0)
}

/// Finds the lane of mail. Pure: the same mail has the same lane as long as the router is in force. Called under the
/// queue's lock, so it takes microseconds, whatever was configured.
package protocol MailRouter: Sendable {
  func lane(of mail: RoutedMail, to recipient: Address) -> UInt8
}

/// What a router may ask of a message.
package struct RoutedMail: Sendable {
  package var sender: Address?
  package var source: MailSource
  /// Octets of the content as the client sent it.
  package var size: Int

  package init(sender: Address?, source: MailSource, size: Int) {
    self.sender = sender
    self.source = source
    self.size = size
  }
}

/// Who brought a message, as far as it is kept in memory.
package struct MailSource: Sendable, Hashable {
  package var login: String?
  /// Name of the `[[client]]` that matched.
  package var client: String?
  package var address: String

  package init(login: String? = nil, client: String? = nil, address: String) {
    self.login = login
    self.client = client
    self.address = address
  }

  init(_ origin: Origin) {
    self.init(login: origin.login, client: origin.client, address: origin.address)
  }

  /// Among whom mail is served in turn.
  var submitter: String { login ?? client ?? address }
}

/// Some of the 256 lanes of a routing.
struct LaneSet: Sendable, Equatable {
  private var words = SIMD4<UInt64>()

  var isEmpty: Bool { words == SIMD4() }

  func contains(_ lane: UInt8) -> Bool { words[Int(lane) >> 6] & 1 << UInt64(lane & 63) != 0 }

  mutating func insert(_ lane: UInt8) { words[Int(lane) >> 6] |= 1 << UInt64(lane & 63) }

  mutating func remove(_ lane: UInt8) { words[Int(lane) >> 6] &= ~(1 << UInt64(lane & 63)) }

  func forEach(_ body: (UInt8) -> Void) {
    for place in 0..<4 {
      var word = words[place]
      while word != 0 {
        body(UInt8(place << 6 + word.trailingZeroBitCount))
        word &= word - 1
      }
    }
  }
}
