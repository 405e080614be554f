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
  private let door: ControlDoor
  private let isWelcome: Bool
  private let identify: (any Channel) throws -> PeerCredentials
  private var context: ChannelHandlerContext?
  private var peer: AdminPeer?
  private var framer = LineFramer()
  /// The command under way, and what is left to do for it.
  private var current: AdminWork?
  /// Somebody else does what is under way.
  private var isAwaiting = false
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
    service: AdminService, door: ControlDoor, isWelcome: Bool,
    identify: @escaping (any Channel) throws -> PeerCredentials = PeerCredentials.read
  ) {
    self.service = service
    self.door = door
    self.isWelcome = isWelcome
    self.identify = identify
  }

  // MARK: Life of the connection

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelActive(context: ChannelHandlerContext) {
    greet(try? identify(context.channel))
  }

  func channelInactive(context: ChannelHandlerContext) {
    stall?.cancel()
    if case .paged(let work) = current { work.abandon() }
    current = nil
    replies = []
    isClosing = true
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A peer that went away; what it had asked for ends in channelInactive.
    context.close(promise: nil)
  }

  private func greet(_ credentials: PeerCredentials?) {
    guard let context else { return }
    let peer = credentials.map { AdminPeer($0, level: door.level) }
    guard let peer, let credentials, door.admits(credentials) else {
      if let peer {
        service.audit(AdminAction(peer, command: "connect to \(door.level.socketName)", outcome: "refused"))
      }
      end(door.refusal)
      return
    }
    guard isWelcome else {
      end(
        AdminError(
          "daemon.busy", "\(AdminLimits.sessionsMax) connections to posternd are open already", exit: .temporary))
      return
    }
    self.peer = peer
    write(ControlLine.encode(Greeting(level: door.level)), to: context)
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
      } else if isAwaiting {
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
      current = service.begin(try ControlLine.decode(AdminRequest.self, from: line), from: peer)
      return true
    } catch {
      end(error)
      return false
    }
  }

  /// One step of the command under way.
  private func advance() {
    switch current {
    case nil: return
    case .answered(let lines): finish(lines)
    case .paged(var work):
      switch work.step() {
      case .more(let lines):
        current = .paged(work)
        replies = lines[...]
      case .last(let lines): finish(lines)
      case .then(let lines, let next):
        current = next
        replies = lines[...]
      }
    case .awaited(let start):
      isAwaiting = true
      let handler = NIOLoopBound(self, eventLoop: context!.eventLoop)
      start { lines in handler.eventLoop.execute { handler.value.answered(lines) } }
    }
  }

  private func answered(_ lines: [AdminReply]) {
    isAwaiting = false
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
