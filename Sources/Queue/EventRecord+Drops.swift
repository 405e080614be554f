// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// Records of messages that leave the queue by order and come back.
extension EventRecord {
  static func payload(_ order: DropOrder) -> [UInt8] {
    var octets: [UInt8] = []
    octets.append(littleEndian: order.wall)
    octets.append(littleEndian: order.until)
    octets.append(littleEndian: order.batch)
    append(order.by.text, to: &octets)
    append(order.ids, to: &octets)
    return octets
  }

  static func drop(_ payload: UnsafeRawBufferPointer) -> DropOrder? {
    var reader = OctetReader(payload)
    guard let wall = reader.milliseconds(), let until = reader.milliseconds(),
      let batch = reader.integer(UInt64.self), let by = reader.text(), let by, let ids = reader.ids(),
      reader.rest == 0
    else { return nil }
    return DropOrder(ids: ids, wall: wall, until: until, batch: batch, by: PeerText(by))
  }

  static func payload(_ order: UndropOrder) -> [UInt8] {
    var octets: [UInt8] = []
    octets.append(littleEndian: order.wall)
    octets.append(littleEndian: order.batch)
    append(order.ids, to: &octets)
    return octets
  }

  static func undrop(_ payload: UnsafeRawBufferPointer) -> UndropOrder? {
    var reader = OctetReader(payload)
    guard let wall = reader.milliseconds(), let batch = reader.integer(UInt64.self), let ids = reader.ids(),
      reader.rest == 0
    else { return nil }
    return UndropOrder(ids: ids, wall: wall, batch: batch)
  }
}
