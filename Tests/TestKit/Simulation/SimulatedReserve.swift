// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Gateway

/// Room on the simulated disk that is kept for the log.
struct SimulatedReserve: SpaceReserve {
  private static let name = "reserve"

  let disk: SimulatedDisk
  let octets: Int64

  var exists: Bool { disk.octets(of: Self.name).map { Int64($0) >= octets } ?? false }

  func make() -> Bool {
    if disk.octets(of: Self.name) != nil { giveUp() }
    _ = try? disk.create(Self.name, octets: Int(octets))
    return true
  }

  func giveUp() {
    try? disk.remove(Self.name)
  }
}
