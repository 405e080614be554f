// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The queue on disk, as `spool verify` and `spool dump` show it.
package enum SpoolView {
  package static func lines(_ spool: SpoolReply, style: Style) -> [String] {
    let states = spool.states.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    var facts = [
      Humane.count(spool.messages, "message") + (states.isEmpty ? "" : " (\(states))"),
      "\(Humane.count(spool.records, "record")) in \(Humane.count(spool.segments, "file"))",
      Humane.longSize(spool.octets),
    ]
    if let change = spool.lastChange { facts.append("last change \(change.forPeople)") }
    var lines = ["\(TerminalText.escaped(spool.directory)): \(facts.joined(separator: ", "))"]
    if spool.torn > 0 {
      lines.append(
        "  \(Humane.count(spool.torn, "record")) torn by a crash; nobody had an answer for it, nothing is lost")
    }
    lines += spool.damages.map { "  \(style.paint("damage", .bad)) \(TerminalText.escaped($0.text))" }
    lines.append(
      spool.isSound
        ? style.paint("sound", .good) + ": every octet is what was written"
        : style.paint("damaged", .bad) + " in \(Humane.count(spool.damages.count, "place")): keep a copy before a start"
    )
    return lines
  }

  package static func line(_ record: SpoolRecordReply, style: Style) -> String {
    let facts = record.facts.map { "\($0.name)=\(TypedLine.quoted($0.value))" }
    let words =
      ["\(record.segment):\(record.offset)", record.record, record.time?.forPeople].compactMap { $0 }
      + record.messages + facts
    return TerminalText.escaped(words.joined(separator: "  "))
  }
}
