// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

/// When no connection can be accepted because too many files are open, the next is tried a second later. They wait in
/// the kernel, which would else tell of them without end. (NIO's own `AcceptBackoffHandler` asks later, but leaves the
/// socket registered, so that its event loop spins.)
final class AcceptRest: ChannelInboundHandler {
  typealias InboundIn = any Channel

  private static let duration = TimeAmount.seconds(1)
  private var isResting = false

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard error is IOError, !isResting, let options = context.channel.syncOptions else { return }
    isResting = true
    try? options.setOption(.autoRead, value: false)
    let bound = NIOLoopBound((self, options), eventLoop: context.eventLoop)
    context.eventLoop.scheduleTask(in: Self.duration) {
      let (rest, options) = bound.value
      rest.isResting = false
      // Fails if the port was closed meanwhile.
      try? options.setOption(.autoRead, value: true)
    }
  }
}

extension ServerBootstrap {
  func restsWhenTableIsFull() -> ServerBootstrap {
    serverChannelInitializer { channel in
      channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(AcceptRest()) }
    }
  }
}
