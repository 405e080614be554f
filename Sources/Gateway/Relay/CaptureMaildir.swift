// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Mail
import NIOCore
import Queue
import SMTP
import WAL

/// `provider = "capture"`: writes each message into a Maildir instead of sending it, for trying things out.
///
/// A file under `new/` is one message, with the envelope in front of it as `Return-Path` and `X-Original-To` fields.
/// It is written under `tmp/`, synced and renamed, so a reader never sees half a message.
final class CaptureMaildir: Carrier {
  private let directory: String
  private let senders: SenderRule
  private let queue: MessageQueue
  private let threads: any WorkerThreads
  private let eventLoop: any EventLoop
  private unowned let delegate: any CarrierDelegate
  private var lease: Lease?
  private var draining: EventLoopPromise<Void>?

  init(
    directory: String, senders: SenderRule, queue: MessageQueue, threads: any WorkerThreads,
    eventLoop: any EventLoop, delegate: any CarrierDelegate
  ) {
    self.directory = directory
    self.senders = senders
    self.queue = queue
    self.threads = threads
    self.eventLoop = eventLoop
    self.delegate = delegate
  }

  func work(waiting: Int, connectionsMax: Int) {
    guard lease == nil, draining == nil, connectionsMax > 0, let next = delegate.nextLease() else { return }
    var envelope = next.envelope
    let sender = envelope.sender
    envelope.sender = senders.sent(sender, of: next.source.client)
    let job = CaptureJob(
      directory: directory, id: next.id, envelope: envelope, content: next.content,
      rewriting: senders.rewriting(of: sender, of: next.source.client))
    lease = consume next
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    threads.run(on: eventLoop) { [queue] in try job.write(from: queue) }
      .whenComplete { bound.value.finished($0, job) }
  }

  /// A directory offers nothing.
  func ask() {}

  func hasRoom(waiting: Int, connectionsMax: Int) -> Bool {
    lease == nil && draining == nil && waiting > 0 && connectionsMax > 0
  }

  func drain() -> EventLoopFuture<Void> {
    let promise = draining ?? eventLoop.makePromise(of: Void.self)
    draining = promise
    if lease == nil { promise.succeed() }
    return promise.futureResult
  }

  func closeAll() {
    draining?.succeed()
  }

  private func finished(_ result: Result<String, any Error>, _ job: CaptureJob) {
    guard let lease = lease.take() else { return }
    switch result {
    case .success(let name):
      delegate.connected(afterTransaction: true)
      let reply = Reply(250, EnhancedStatus(2, 0, 0), "captured as new/\(name)")
      delegate.finished(lease, job.envelope.recipients.map { _ in .delivered(reply) }, nil)
    case .failure(let error as ContentError):
      delegate.contentUnreadable(lease, "\(error)")
    case .failure(let error):
      delegate.untried(lease)
      delegate.troubled(UpstreamTrouble(.unreachable, at: "capture", "\(error)"))
    }
    draining?.succeed()
    delegate.connectionRetired()
  }
}

/// One message on its way into the Maildir; runs on a worker thread.
private struct CaptureJob: Sendable {
  let directory: String
  let id: MessageID
  let envelope: Envelope
  let content: StoredContent
  let rewriting: SenderRewriting?

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// Returns the name of the file.
  func write(from queue: MessageQueue) throws -> String {
    for path in [directory, "\(directory)/tmp", "\(directory)/new", "\(directory)/cur"] {
      guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure("create", path) }
    }
    let name = "\(id).postern"
    let temporary = "\(directory)/tmp/\(name)"
    let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure("create", temporary) }
    defer { close(file) }
    var head = "Return-Path: <\(envelope.sender?.text ?? "")>\r\n"
    for recipient in envelope.recipients { head += "X-Original-To: \(recipient)\r\n" }
    try put(Array(head.utf8), to: file, temporary)
    var changes = OutgoingChanges(rewriting: rewriting)
    for chunk in 0..<content.chunkCount {
      guard let octets = try queue.read(chunk, of: content, mayBlock: true) else { continue }
      try put(changes.filter(octets), to: file, temporary)
    }
    try put(changes.finish(), to: file, temporary)
    guard fsync(file) == 0 else { throw failure("sync", temporary) }
    guard rename(temporary, "\(directory)/new/\(name)") == 0 else { throw failure("rename", temporary) }
    try syncDirectory("\(directory)/new")
    return name
  }

  /// Without it the name may be gone after a power cut, and the queue has let the message go.
  private func syncDirectory(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("open", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("sync", path) }
  }

  private func put(_ octets: [UInt8], to file: Int32, _ path: String) throws {
    var written = 0
    while written < octets.count {
      let count = octets.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + written, octets.count - written) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure("write", path) }
      written += count
    }
  }

  private func failure(_ what: String, _ path: String) -> Failure {
    Failure(description: "cannot \(what) \(path): \(String(cString: strerror(errno)))")
  }
}
