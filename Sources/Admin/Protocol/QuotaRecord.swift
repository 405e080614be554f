// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// What the file `quotas` beside a queue holds, as one JSON document: what each upstream took of late. The daemon writes
/// it; `spool adopt` puts two of them together.
package struct QuotaRecord: Codable, Sendable, Equatable {
  package var v = 1
  package var upstreams: [String: Entry] = [:]

  package struct Entry: Codable, Sendable, Equatable {
    /// messages, recipients
    package var unit: String
    package var parts: [Part]

    package init(unit: String, parts: [Part]) {
      self.unit = unit
      self.parts = parts
    }
  }

  package struct Part: Codable, Sendable, Equatable {
    package var start: Timestamp
    package var count: Int

    package init(start: Timestamp, count: Int) {
      self.start = start
      self.count = count
    }
  }

  package init() {}

  package init(parsing octets: [UInt8]) throws(AdminError) {
    self = try ControlLine.decode(QuotaRecord.self, from: octets)
    guard v == QuotaRecord().v else { throw AdminError("quotas.version", "it is of version \(v)", exit: .dataError) }
  }

  package var octets: [UInt8] { ControlLine.json(self, pretty: true) + [UInt8(ascii: "\n")] }

  /// What two gateways sent through the same accounts, one after the other. Of a part that both have the larger count
  /// holds, so that doing it twice is doing it once; what both sent in that part at the same time counts too little.
  package mutating func merge(_ other: QuotaRecord) {
    for (name, theirs) in other.upstreams {
      guard let ours = upstreams[name] else {
        upstreams[name] = theirs
        continue
      }
      guard ours.unit == theirs.unit else { continue }
      let counts = (ours.parts + theirs.parts).map { ($0.start.milliseconds, $0.count) }
      upstreams[name]!.parts = Dictionary(counts, uniquingKeysWith: max).sorted { $0.key < $1.key }.map {
        Part(start: Timestamp(milliseconds: $0.key), count: $0.value)
      }
    }
  }
}
