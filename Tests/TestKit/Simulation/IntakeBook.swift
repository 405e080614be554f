// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

/// What the gateway could take, and when: who is refused for want of room has sent no content in vain, and nobody is
/// refused while there is room. `Oracle` asks it of each message; time is counted in changes.
struct IntakeBook {
  private var changes = [Intake.everything]

  var last: Intake { changes.last! }
  var place: Int { changes.count - 1 }

  mutating func note(_ intake: Intake) {
    if intake != last { changes.append(intake) }
  }

  /// At some time since then there was room for so many octets.
  func hadRoom(for octets: Int, since place: Int) -> Bool {
    changes[place...].contains { Self.takes(octets, $0) }
  }

  func lackedRoom(for octets: Int, since place: Int) -> Bool {
    changes[place...].contains { !Self.takes(octets, $0) }
  }

  private static func takes(_ octets: Int, _ intake: Intake) -> Bool {
    intake.refusal == nil && UInt64(octets) <= intake.octetsMax
  }
}
