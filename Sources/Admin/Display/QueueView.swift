// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The list of `queue`: a row for each message, a line with the sum below. On a narrow screen the number of attempts makes
/// room for what stands in the way.
package struct QueueView: Sendable {
  private var table: Table
  private let now: Timestamp
  private var messages = 0
  private var octets = 0
  private var firstID: String?
  private var notes: [String] = []
  private let showsTries: Bool

  private static let columnsForTries = 120

  package init(now: Timestamp, style: Style) {
    showsTries = style.width.map { $0 >= Self.columnsForTries } ?? true
    table = Table(
      ["ID", "AGE", "SIZE", "FROM", "TO", "STATE"] + (showsTries ? ["TRIES"] : []) + ["NEXT", "WHY"], style: style)
    self.now = now
  }

  /// Lines that are ready to print.
  package mutating func add(_ message: MessageReply) -> [String] {
    messages += 1
    octets += message.size
    if firstID == nil { firstID = message.id }
    let start = [
      message.id, Humane.span(seconds: message.ageSeconds), Humane.size(message.size), Self.path(message.sender),
      Self.recipients(message.recipients), message.state,
    ]
    let tries = showsTries ? [String(message.recipients.map(\.attempts).max() ?? 0)] : []
    return table.add(start + tries + [message.next.map { Humane.until($0, from: now) } ?? "-", message.why ?? "-"])
  }

  /// A line below the list.
  package mutating func add(_ note: NoteReply) -> [String] {
    notes.append(TerminalText.escaped(note.note))
    return []
  }

  package mutating func finish() -> [String] {
    guard let firstID else { return ["no messages"] + notes }
    return table.finish() + [
      "\(Humane.count(messages, "message")), \(Humane.longSize(octets)).   why: postern why \(firstID.prefix(4))"
    ] + notes
  }

  static func path(_ sender: String) -> String { sender.isEmpty ? "<>" : sender }

  private static func recipients(_ recipients: [MessageReply.Recipient]) -> String {
    guard let first = recipients.first else { return "-" }
    return recipients.count == 1 ? first.address : "\(first.address) +\(recipients.count - 1)"
  }
}
