// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import NIOCore

/// One admin's connection: lines in, one command at a time, lines out as fast as they are read and no faster. It belongs
/// to its event loop; what a command means is the service's to say.
final class AdminHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let service: AdminService
  private let isWelcome: Bool
  private let identify: (any Channel) -> EventLoopFuture<PeerCredentials>
  private var context: ChannelHandlerContext?
  private var peer: PeerCredentials?
  private var framer = LineFramer()
  /// The command under way, and what is left to do for it.
  private var current: (request: AdminRequest, work: AdminService.Work)?
  private var isWaitingForReload = false
  /// Lines that are decided and not yet written; at most those of one page.
  private var replies: ArraySlice<AdminReply> = []
  private var isReadHeld = false
  private var isInputClosed = false
  /// The last line has been written; nothing more is read or done.
  private var isClosing = false
  private var isStepScheduled = false
  private var stall: Scheduled<Void>?

  /// `isWelcome` is false if there are too many already.
  init(
    service: AdminService, isWelcome: Bool,
    identify: @escaping (any Channel) -> EventLoopFuture<PeerCredentials> = PeerCredentials.read
  ) {
    self.service = service
    self.isWelcome = isWelcome
    self.identify = identify
  }

  // MARK: Life of the connection

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelActive(context: ChannelHandlerContext) {
    identify(context.channel).assumeIsolated().whenComplete { [weak self] result in
      self?.greet(try? result.get())
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    stall?.cancel()
    if let (request, work) = current, case .flush(_, let change) = work, let peer {
      service.abandon(change, for: request, from: peer)
    }
    current = nil
    replies = []
    isClosing = true
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A peer that went away; what it had asked for ends in channelInactive.
    context.close(promise: nil)
  }

  private func greet(_ peer: PeerCredentials?) {
    guard let context else { return }
    guard let peer, peer.mayAdminister else {
      if let peer { service.audit(peer.uid, peer.pid, "connect", "refused") }
      end(AdminError("daemon.permission", "this socket is open to root only", exit: .noPermission))
      return
    }
    guard isWelcome else {
      end(
        AdminError(
          "daemon.busy", "\(AdminLimits.sessionsMax) connections to posternd are open already", exit: .temporary))
      return
    }
    self.peer = peer
    write(ControlLine.encode(Greeting(level: .admin)), to: context)
    context.flush()
    step()
  }

  // MARK: Input

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isClosing else { return }
    framer.append(unwrapInboundIn(data).readableBytesView)
  }

  func channelReadComplete(context: ChannelHandlerContext) { step() }

  /// While a command is under way nothing is read: who sends more than they read waits in their own kernel.
  func read(context: ChannelHandlerContext) {
    if current == nil, replies.isEmpty, context.channel.isWritable { context.read() } else { isReadHeld = true }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event as? ChannelEvent == .inputClosed {
      isInputClosed = true
      step()
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable {
      stall?.cancel()
      stall = nil
      step()
    }
    context.fireChannelWritabilityChanged()
  }

  // MARK: Work

  /// Writes what is decided, decides the next thing, and stops when the reader is slow or there is nothing to do. A walk
  /// through the queue takes one page here and goes on in another turn of the loop, so that mail is served in between.
  private func step() {
    guard let context, peer != nil, !isClosing, !isStepScheduled else { return }
    while context.channel.isWritable {
      if let reply = replies.popFirst() {
        write(ControlLine.encode(reply), to: context)
      } else if isWaitingForReload {
        break
      } else if current != nil {
        advance()
        isStepScheduled = true
        context.eventLoop.assumeIsolated().execute { [weak self] in
          self?.isStepScheduled = false
          self?.step()
        }
        break
      } else if !takeRequest() {
        break
      }
    }
    guard !isClosing else { return }
    context.flush()
    if !context.channel.isWritable {
      watchReader()
    } else if current == nil, replies.isEmpty {
      rest(context)
    }
  }

  /// Nothing to do: more input, or none will come.
  private func rest(_ context: ChannelHandlerContext) {
    if isInputClosed {
      closeWhenWritten()
    } else if isReadHeld {
      isReadHeld = false
      context.read()
    }
  }

  /// Begins the next command; false if no whole line is there.
  private func takeRequest() -> Bool {
    guard let peer else { return false }
    do throws(AdminError) {
      guard let line = try framer.next() else { return false }
      let request = try ControlLine.decode(AdminRequest.self, from: line)
      current = (request, service.begin(request, from: peer))
      return true
    } catch {
      end(error)
      return false
    }
  }

  /// One step of the command under way.
  private func advance() {
    guard let (request, work) = current, let peer else { return }
    switch work {
    case .answered(let lines):
      finish(lines)
    case .list(var scan):
      let lines = service.lines(of: &scan, for: request)
      current?.work = .list(scan)
      if let lines { replies = lines[...] } else { finish([.end(id: request.id, exit: .ok)]) }
    case .flush(var scan, var change):
      let isMore = service.flush(&scan, &change)
      current?.work = .flush(scan, change)
      if !isMore { finish(service.finish(change, for: request, from: peer)) }
    case .reload:
      isWaitingForReload = true
      let handler = NIOLoopBound(self, eventLoop: context!.eventLoop)
      service.administration.reload { [service] reply in
        // Who asked may be gone; that it was done is recorded all the same.
        let lines = service.finish(reply, for: request, from: peer)
        handler.eventLoop.execute { handler.value.reloaded(lines) }
      }
    }
  }

  private func reloaded(_ lines: [AdminReply]) {
    isWaitingForReload = false
    finish(lines)
    step()
  }

  private func finish(_ lines: [AdminReply]) {
    current = nil
    replies = lines[...]
  }

  // MARK: Output

  private func write(_ octets: [UInt8], to context: ChannelHandlerContext) {
    context.write(wrapOutboundOut(context.channel.allocator.buffer(bytes: octets)), promise: nil)
  }

  /// One error line, then the end of the connection.
  private func end(_ error: AdminError) {
    guard let context else { return }
    write(ControlLine.encode(AdminReply.failure(id: nil, error)), to: context)
    closeWhenWritten()
  }

  /// Closes once everything has left, or the reader has proved not to read.
  private func closeWhenWritten() {
    guard let context else { return }
    isClosing = true
    watchReader()
    context.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { [weak self] _ in
      self?.context?.close(promise: nil)
    }
  }

  private func watchReader() {
    guard stall == nil, let context else { return }
    stall = context.eventLoop.assumeIsolated().scheduleTask(in: AdminLimits.writeStallMax) { [weak self] in
      self?.context?.close(promise: nil)
    }
  }
}
