// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TestKit
import WAL

/// An owner that writes down what it hears.
final class RecordingOwner: LogOwner {
  private let state = Mutex<(settlements: [Settlement], calls: Int, needed: UInt32)>(([], 0, 0))

  func settle(_ settlements: [Settlement]) -> UInt32 {
    state.withLock { state in
      state.settlements += settlements
      state.calls += 1
      return state.needed
    }
  }

  var calls: Int { state.withLock { $0.calls } }
  func keep(from segment: UInt32) { state.withLock { $0.needed = segment } }

  func result(_ ticket: UInt64) -> Settlement.Result? {
    state.withLock { $0.settlements.last { $0.ticket == ticket }?.result }
  }

  func count(_ ticket: UInt64) -> Int {
    state.withLock { $0.settlements.filter { $0.ticket == ticket }.count }
  }

  func extent(_ ticket: UInt64) -> Extent? {
    if case .durable(let extent) = result(ticket) { extent } else { nil }
  }
}

/// A record as a test sees it.
struct Seen: Equatable {
  var type: UInt8
  var payload: [UInt8]
  var isWhole: Bool

  init(_ type: UInt8, _ payload: [UInt8], _ isWhole: Bool = true) {
    self.type = type
    self.payload = payload
    self.isWhole = isWhole
  }
}

/// A log on a simulated disk, opened by recovery as in production.
struct LogBench {
  let disk: SimulatedDisk
  let owner = RecordingOwner()
  let log: WriteAheadLog
  let recovered: RecoveredLog
  let seen: [Seen]

  init(
    _ disk: SimulatedDisk = SimulatedDisk(), segmentOctets: Int = 64 << 10, salt: UInt64 = 7,
    host: String = "gateway", isVerifying: Bool = false
  ) throws {
    self.disk = disk
    var seen: [Seen] = []
    let visit: LogRecovery.Visitor = { type, _, payload, isWhole in seen.append(Seen(type, Array(payload), isWhole)) }
    recovered =
      try isVerifying ? LogRecovery.verify(disk: disk, visit: visit) : LogRecovery.run(disk: disk, visit: visit)
    self.seen = seen
    log = WriteAheadLog(
      disk: disk, recovered: recovered, salt: salt, host: host, segmentOctets: segmentOctets, owner: owner)
  }

  /// A record that is refused if its sync fails.
  func appendMail(_ payload: [UInt8], ticket: UInt64, indexed: Int? = nil) {
    append(17, payload, .voided, ticket, indexed)
  }

  /// A record that is written again if its sync fails.
  func appendChange(_ payload: [UInt8], ticket: UInt64) {
    append(18, payload, .restated, ticket, nil)
  }

  private func append(_ type: UInt8, _ payload: [UInt8], _ fate: RecordFate, _ ticket: UInt64, _ indexed: Int?) {
    payload.withUnsafeBytes { octets in
      log.append(
        type: type, head: octets, body: UnsafeRawBufferPointer(start: nil, count: 0),
        checksum: Checksum.crc32c(payload), indexed: indexed ?? payload.count, fate: fate, ticket: ticket)
    }
  }

  /// What a restart after a kill would find.
  func reopened() throws -> LogBench {
    try LogBench(disk.copy())
  }

  /// The same by somebody who reads every octet.
  func verified() throws -> LogBench {
    try LogBench(disk.copy(), isVerifying: true)
  }
}

func text(_ text: String) -> [UInt8] { Array(text.utf8) }
