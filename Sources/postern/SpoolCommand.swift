// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc
import Queue

/// `spool verify` and `spool dump`: reads the queue on disk while no daemon has it, and changes nothing.
struct SpoolCommand {
  private let invocation: Invocation
  private let gateway: GatewayLocation
  private let output: Output

  init(_ invocation: Invocation, _ gateway: GatewayLocation, _ output: Output) {
    self.invocation = invocation
    self.gateway = gateway
    self.output = output
  }

  func run() throws(AdminError) -> ExitCode {
    let directory = try directory()
    let isDump = invocation.command.name == .spoolDump
    let report: SpoolReport
    do {
      report = try SpoolInspection.dump(path: directory) { record in
        guard isDump, !Interruption.hasHappened else { return }
        let reply = SpoolRecordReply(record)
        output.print(.spoolRecord(reply)) { [SpoolView.line(reply, style: $0)] }
      }
    } catch {
      throw AdminError(error, invocation)
    }
    let reply = SpoolReply(report, directory: directory)
    output.print(.spool(reply)) { SpoolView.lines(reply, style: $0) }
    return reply.isSound ? .ok : .no
  }

  private func directory() throws(AdminError) -> String {
    if let directory = invocation.words.first { return directory }
    return try gateway.configuration(for: invocation.typed).queue.directory
  }
}

extension SpoolReply {
  fileprivate init(_ report: SpoolReport, directory: String) {
    let summary = report.summary
    let counts = [
      "queued": summary.queued, "sending": summary.sending, "deferred": summary.deferred, "held": summary.held,
      "failed": summary.failed, "quarantined": summary.quarantined,
      "dropped": summary.dropped,
    ]
    self.init(
      directory: directory, isSound: report.isSound, states: counts.filter { $0.value > 0 },
      messages: summary.messages + summary.dropped, records: report.recovery.records,
      segments: report.recovery.segments,
      octets: report.recovery.octets, lastChange: report.lastChange.map { Timestamp(milliseconds: $0) },
      torn: report.recovery.tornRecords,
      damages: report.recovery.damages.map {
        Damage(
          kind: $0.word, text: $0.description, segment: $0.segment, offset: $0.offset, octets: $0.octets,
          message: $0.message?.description, missing: $0.missing)
      })
  }
}

extension SpoolRecordReply {
  fileprivate init(_ record: DumpedRecord) {
    self.init(
      segment: record.segment, offset: record.offset, octets: record.octets, record: record.name,
      time: record.wall.map { Timestamp(milliseconds: $0) }, messages: record.messages.map(\.description),
      facts: record.facts.map { fact in
        switch fact.value {
        case .text(let text): Fact(name: fact.name, value: text)
        case .number(let number): Fact(name: fact.name, value: String(number))
        case .wall(let wall): Fact(name: fact.name, value: Timestamp(milliseconds: wall).description)
        }
      })
  }
}
