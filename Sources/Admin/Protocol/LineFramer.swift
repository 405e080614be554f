// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Cuts a stream of octets into lines of at most `ControlLine.octetsMax`. Client and server each feed one per connection;
/// it never looks into a line.
package struct LineFramer: Sendable {
  private var pending: [UInt8] = []
  /// First octet of the next line, and first octet not yet searched for its end.
  private var start = 0
  private var searched = 0

  package init() {}

  package mutating func append(_ octets: some Collection<UInt8>) {
    if start > 0 {
      pending.removeFirst(start)
      searched -= start
      start = 0
    }
    pending.append(contentsOf: octets)
  }

  /// The next whole line without its line feed; nil if more octets are needed. After an error the stream is lost.
  package mutating func next() throws(AdminError) -> [UInt8]? {
    guard let end = pending[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
      searched = pending.count
      guard pending.count - start <= ControlLine.octetsMax else { throw Self.tooLong }
      return nil
    }
    guard end - start <= ControlLine.octetsMax else { throw Self.tooLong }
    let line = Array(pending[start..<end])
    start = end + 1
    searched = start
    return line
  }

  /// Octets of a line whose end never came.
  package var hasRest: Bool { start < pending.count }

  private static let tooLong = AdminError.usage(
    "line_too_long", "a line of the control protocol has at most \(ControlLine.octetsMax) octets")
}
