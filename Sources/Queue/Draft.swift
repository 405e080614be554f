// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import WAL

/// A body that is arriving: the chunks that are stored so far. Keeps their segments until it is accepted, abandoned
/// or just dropped.
package struct Draft: ~Copyable, Sendable {
  package private(set) var extents: [Extent] = []
  /// Octets stored so far.
  package private(set) var octets = 0
  let core: QueueCore
  /// 0 until the first chunk: a body that fits one record needs no book-keeping.
  var number: UInt64 = 0
  var requestedChunks = 0

  init(core: QueueCore) {
    self.core = core
  }

  deinit {
    if number != 0 { core.abandon(number) }
  }

  /// Notes a chunk whose completion has come, in the order of `store`.
  package mutating func stored(_ extent: Extent) {
    extents.append(extent)
    octets += Int(extent.octets)
  }
}
