// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOPosix

@testable import TLS

/// A TLS server on a real socket that echoes, and clients of it. Half-closure is allowed on both sides.
final class Loopback {
  typealias Hook = @Sendable (ChannelHandlerContext, Recorder.Seen) -> Void

  struct Client {
    var channel: any Channel
    var result: EventLoopFuture<Collected>
  }

  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
  private let listener: any Channel

  init(hook: @escaping Hook) throws {
    let context = try CertificateFixture.shared.get().server()
    listener = try ServerBootstrap(group: group)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers(
            TLSHandler(context: context, side: .server), EchoHandler(hook: hook))
        }
      }
      .bind(host: "127.0.0.1", port: 0).wait()
  }

  func connect() throws -> Client {
    let context = try CertificateFixture.shared.get().client()
    let promise = group.next().makePromise(of: Collected.self)
    let channel = try ClientBootstrap(group: group)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers(
            TLSHandler(context: context, side: .client(serverName: "localhost")), CollectingHandler(result: promise))
        }
      }
      .connect(to: listener.localAddress!).wait()
    return Client(channel: channel, result: promise.futureResult)
  }

  func shutDown() {
    try? listener.close().wait()
    try? group.syncShutdownGracefully()
  }
}

/// What a client had received when its channel became inactive.
struct Collected: Sendable {
  var octets: [UInt8] = []
  var errors: [TLSError] = []
}

private final class CollectingHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let result: EventLoopPromise<Collected>
  private var collected = Collected()

  init(result: EventLoopPromise<Collected>) {
    self.result = result
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    collected.octets += unwrapInboundIn(data).readableBytesView
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let error = error as? TLSError { collected.errors.append(error) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    result.succeed(collected)
  }
}

/// Sends back what it reads, and says close_notify behind it when the client has done so.
private final class EchoHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let hook: Loopback.Hook

  init(hook: @escaping Loopback.Hook) {
    self.hook = hook
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    hook(context, .plaintext)
    context.writeAndFlush(data, promise: nil)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case ChannelEvent.inputClosed = event else { return }
    hook(context, .inputClosed)
    context.close(mode: .output, promise: nil)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
