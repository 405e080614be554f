// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Configuration
import Glibc
import Queue

/// `spool repair` and `spool adopt`: writes messages of one queue on disk into another, while no daemon has either. The
/// one that they come from is only read.
struct SpoolTransferCommand {
  private let invocation: Invocation
  private let gateway: GatewayLocation
  private let output: Output

  init(_ invocation: Invocation, _ gateway: GatewayLocation, _ output: Output) {
    self.invocation = invocation
    self.gateway = gateway
    self.output = output
  }

  func run() throws(AdminError) -> ExitCode {
    let isAdoption = invocation.command.name == .spoolAdopt
    let reply = isAdoption ? try adopt() : try repair()
    output.print(.spoolTransfer(reply)) { SpoolTransferView.lines(reply, isAdoption: isAdoption, style: $0) }
    return reply.isWhole ? .ok : .no
  }

  private var salt: UInt64 { .random(in: 1 ... .max) }

  private func repair() throws(AdminError) -> SpoolTransferReply {
    let (from, into) = (invocation.words[0], invocation.words[1])
    let owner = Self.owner(of: from)
    let pauses = try PauseCopy(from: from)
    let isMarked = Self.isMarked(from)
    let report: SpoolRepairReport
    do throws(QueueError) {
      report = try SpoolRepair.repair(
        from: from, to: into, now: .init(wall: output.now.milliseconds, monotonic: 0), salt: salt, host: HostName.own())
    } catch {
      Self.give(into, to: owner)
      throw AdminError(error, invocation)
    }
    defer { Self.give(into, to: owner) }
    try pauses.write(to: into)
    let missing = QuotaCopy(from: from).merge(into: into)
    if !isMarked { Self.removeMark(into) }
    return SpoolTransferReply(
      from: from, into: into, messages: report.kept.count, lost: report.lost.map(\.description),
      doubtful: report.doubtful.map(\.description), damages: report.recovery.damages.map(\.description),
      quotas: missing)
  }

  private func adopt() throws(AdminError) -> SpoolTransferReply {
    let from = invocation.words[0]
    let into = try gateway.configuration(for: invocation.typed).queue.directory
    let owner = Self.owner(of: into)
    let isMarked = Self.isMarked(into)
    do throws(QueueError) {
      let report = try SpoolAdoption.adopt(
        from: from, into: into, now: .init(wall: output.now.milliseconds, monotonic: 0), salt: salt,
        host: HostName.own())
      let missing = QuotaCopy(from: from).merge(into: into)
      Self.give(into, to: owner)
      if !isMarked { Self.removeMark(into) }
      return SpoolTransferReply(
        from: from, into: into, host: report.host, messages: report.adopted.count, earlier: report.earlier,
        renamed: report.renamed.map { .init(old: $0.old.description, new: $0.new.description) },
        lost: report.lost.map(\.description), damages: report.recovery.damages.map(\.description), quotas: missing)
    } catch {
      Self.give(into, to: owner)
      throw AdminError(error, invocation)
    }
  }

  // MARK: - Marks

  /// Whoever holds a queue leaves the file `pid` there, and removes it when it stops. To the next daemon one that is left
  /// says that mail was under way and may arrive twice: true of one that was there, not of ours.
  private static func isMarked(_ directory: String) -> Bool {
    var status = stat()
    return stat(directory + "/pid", &status) == 0 && status.st_size > 0
  }

  private static func removeMark(_ directory: String) { _ = unlink(directory + "/pid") }

  // MARK: - The daemon is another user

  private static func owner(of directory: String) -> stat? {
    var status = stat()
    return stat(directory, &status) == 0 ? status : nil
  }

  /// What root has written there belongs to whom the queue belongs, or the daemon could not open it.
  private static func give(_ directory: String, to owner: stat?) {
    guard let owner, geteuid() == 0, let entries = opendir(directory) else { return }
    defer { closedir(entries) }
    while let entry = readdir(entries) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { name in
        String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard name != ".." else { continue }
      _ = lchown(directory + "/" + name, owner.st_uid, owner.st_gid)
    }
  }
}

extension AdminError {
  /// Of a command that works on the queue on disk.
  init(_ error: QueueError, _ invocation: Invocation) {
    let command = "postern \(invocation.typed)"
    if error.isInUse {
      self.init(
        "spool.in_use", "\(error)", context: ["a running posternd changes what is read here: stop it first"],
        hint: "sudo systemctl stop postern", exit: .temporary)
      return
    }
    switch error {
    case .log(.disk(_, _, let code)) where code == EACCES || code == EPERM:
      self.init("spool.permission", "\(error)", hint: "sudo \(command)", exit: .noPermission)
    case .log(.disk(_, _, let code)) where code == ENOENT || code == ENOTDIR:
      self.init("spool.absent", "\(error)", context: ["there is no queue here"], exit: .noInput)
    case .notEmpty: self.init("spool.not_empty", "\(error)", exit: .usage)
    case .ownSpool: self.init("spool.own", "\(error)", exit: .usage)
    case .nameless: self.init("spool.nameless", "\(error)", exit: .dataError)
    default: self.init("spool.unreadable", "\(error)", exit: .dataError)
    }
  }
}
