// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import TLS

/// By which connection a message left, and how long that took: what the log says beside the upstream's answer.
package struct DeliveryCourse: Sendable, Hashable {
  package var host: String
  /// nil: the connection has no address that can be told.
  package var address: String?
  package var port: Int
  package var tls: TLSFacts?
  /// From the connection's beginning to the end of its login; 0 for every message but the first that it carried.
  package var connectMilliseconds: Int64
  /// From MAIL to the answer that decided.
  package var sendMilliseconds: Int64

  package init(
    host: String, address: String?, port: Int, tls: TLSFacts?, connectMilliseconds: Int64, sendMilliseconds: Int64
  ) {
    self.host = host
    self.address = address
    self.port = port
    self.tls = tls
    self.connectMilliseconds = connectMilliseconds
    self.sendMilliseconds = sendMilliseconds
  }
}

/// When a connection came to which point. Kept by its handler, on its event loop's clock.
struct ConnectionTimes {
  private let began: NIODeadline
  private var connectMilliseconds: Int64?
  private var delivery: NIODeadline?
  private var isFirst = true

  init(now: NIODeadline) {
    began = now
  }

  /// The dialogue stands; only the first time counts.
  mutating func ready(now: NIODeadline) {
    if connectMilliseconds == nil { connectMilliseconds = (now - began).milliseconds }
  }

  mutating func deliveryBegan(now: NIODeadline) {
    if delivery != nil { isFirst = false }
    delivery = now
  }

  var connectMillisecondsOfDelivery: Int64 { isFirst ? connectMilliseconds ?? 0 : 0 }

  func sendMilliseconds(now: NIODeadline) -> Int64 {
    delivery.map { (now - $0).milliseconds } ?? 0
  }
}

extension TimeAmount {
  fileprivate var milliseconds: Int64 { nanoseconds / 1_000_000 }
}
