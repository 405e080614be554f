// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc
import struct Queue.MessageID

/// `log`: has journalctl(1) show what the gateway has said, of everything or of some messages. Which messages a selector
/// means the daemon says; ids in full need none, and find what has left the queue too.
struct JournalQuery {
  private let invocation: Invocation
  private let daemon: DaemonLink
  private let output: Output

  /// journalctl(1) reads each from its arguments.
  private static let messagesMax = 1000

  init(_ invocation: Invocation, _ daemon: DaemonLink, _ output: Output) {
    self.invocation = invocation
    self.daemon = daemon
    self.output = output
  }

  func run() throws(AdminError) -> ExitCode {
    // Of our unit alone: anybody may write the name of a field into the journal.
    var arguments = ["-u", "postern"]
    if invocation.has(.follow) { arguments.append("-f") }
    if let count = invocation.options[.limit] { arguments += ["-n", count] }
    if let since = invocation.options[.since] { arguments.append("--since=\(since)") }
    if output.isJSON { arguments += ["-o", "json"] }
    if output.isQuiet { arguments.append("-q") }
    if !invocation.words.isEmpty { arguments += try messages().map { "POSTERN_QUEUE_ID=\($0)" } }
    output.flush()
    let status: Int32
    do {
      status = try ChildProcess.run("journalctl", arguments)
    } catch {
      throw unavailable("cannot run journalctl: \(error)")
    }
    guard status == 0 else { throw unavailable("journalctl ended with \(status)") }
    return .ok
  }

  private func unavailable(_ message: String) -> AdminError {
    AdminError(
      "log.no_journal", message,
      context: [
        "posternd writes to the journal where it is started by systemd; elsewhere its log is its standard error,",
        "in the hands of whoever started it (docker logs, a file)",
      ], hint: "journalctl -u postern", exit: .no)
  }

  private func messages() throws(AdminError) -> [String] {
    let terms = invocation.words.map { $0.hasPrefix("id:") ? String($0.dropFirst(3)) : $0 }
    let ids = terms.compactMap(MessageID.init)
    if ids.count == terms.count { return ids.map(\.description) }
    return try waiting()
  }

  private func waiting() throws(AdminError) -> [String] {
    let queue = CommandTable.command(.queue)
    var ids: [String] = []
    _ = try daemon.perform(
      queue, typed: invocation.typed,
      { id in
        AdminRequest(
          id: id, command: queue,
          args: .init(select: invocation.words.joined(separator: " "), limit: Self.messagesMax + 1))
      }
    ) {
      if case .message(let message) = $0 { ids.append(message.id) }
    }
    guard !ids.isEmpty else {
      throw AdminError(
        "log.no_message", "no message in the queue matches",
        context: ["one that has left is found by all nine characters of its id"], hint: "postern log", exit: .noInput)
    }
    guard ids.count <= Self.messagesMax else {
      throw .usage(
        "too_many", "more than \(Self.messagesMax) messages match, and one look at the journal takes no more",
        hint: "postern log")
    }
    return ids
  }
}
