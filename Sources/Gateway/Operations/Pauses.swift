// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import SMTP

/// What somebody has stopped by hand: clients, all sending, or single upstreams. A value, and the text of the file
/// that keeps it; `PauseControl` changes it.
package struct Pauses: Sendable, Equatable {
  private var pauseOf: [PauseTarget: Pause] = [:]

  package init() {}

  package subscript(_ target: PauseTarget) -> Pause? {
    get { pauseOf[target] }
    set { pauseOf[target] = newValue }
  }

  /// What keeps mail from leaving through this upstream; its own pause goes before that of all sending.
  package func outgoing(through upstream: String) -> Pause? {
    self[.upstream(upstream)] ?? self[.outgoing]
  }

  /// Clients first, then sending, then upstreams by name.
  package var targets: [PauseTarget] { pauseOf.keys.sorted { $0.order < $1.order } }

  /// In that order.
  package var all: [Pause] { targets.compactMap { pauseOf[$0] } }

  package var isEmpty: Bool { pauseOf.isEmpty }

  // MARK: the file

  /// One JSON document, so that a file that is cut anywhere is none.
  private struct Document: Codable {
    var v: Int
    var pauses: [Pause]
  }

  private static let version = 1

  package var text: [UInt8] {
    ControlLine.json(Document(v: Self.version, pauses: all), pretty: true) + [UInt8(ascii: "\n")]
  }

  /// Reads what `text` wrote. A pause that is not understood makes the whole file one that is not.
  package init(parsing octets: [UInt8]) throws(PauseError) {
    let document: Document
    do {
      document = try ControlLine.decode(Document.self, from: octets)
    } catch {
      throw PauseError("it is not what posternd wrote: \(error.message)")
    }
    guard document.v == Self.version else { throw PauseError("it is of version \(document.v), not \(Self.version)") }
    for pause in document.pauses {
      guard let target = PauseTarget(side: pause.side, name: pause.name) else {
        throw PauseError("it names a side '\(PeerText(pause.side))' that there is not")
      }
      self[target] = Pause(
        target, since: pause.since, until: pause.until, by: pause.by, reason: pause.reason)
    }
  }
}

/// Why a pause cannot be kept or read back.
package struct PauseError: Error, Sendable, Equatable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) {
    self.description = description
  }
}

extension Pause {
  /// What is paused, as it stands behind `pause` and `resume`.
  var target: String { name.map { "\(side) \($0)" } ?? side }

  /// Texts of people and of files go to terminals and logs from here on.
  init(_ target: PauseTarget, since: Timestamp, until: Timestamp?, by: String, reason: String?) {
    self.init(
      side: target.side, name: target.name, since: since, until: until, by: PeerText(by).text,
      reason: reason.map { PeerText($0).text })
  }
}

extension PauseTarget: CustomStringConvertible {
  init?(side: String, name: String?) {
    switch (side, name) {
    case ("in", nil): self = .incoming
    case ("out", nil): self = .outgoing
    case ("upstream", let name?): self = .upstream(PeerText(name).text)
    default: return nil
    }
  }

  var side: String {
    switch self {
    case .incoming: "in"
    case .outgoing: "out"
    case .upstream: "upstream"
    }
  }

  /// Of an upstream.
  var name: String? {
    if case .upstream(let name) = self { name } else { nil }
  }

  package var description: String {
    if case .upstream(let name) = self { "upstream \(name)" } else { side }
  }

  fileprivate var order: (Int, String) {
    switch self {
    case .incoming: (0, "")
    case .outgoing: (1, "")
    case .upstream(let name): (2, name)
    }
  }
}
