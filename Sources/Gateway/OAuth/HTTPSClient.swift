// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Admin
import Crypto
import NIOCore
import NIOHTTP1
import OAuth
import TLS

/// Asks an authorization server one thing on a connection of its own: POST, answer, end. The server is verified as every
/// peer of ours; nothing is followed to another place and no proxy is used, because what is sent are secrets.
package struct HTTPSClient: Sendable {
  package struct Answer: Sendable, Equatable {
    package var status: Int
    package var body: [UInt8]
  }

  /// From the first octet to the last, connecting counted in.
  static let seconds = 30
  /// Answers have a few thousand octets.
  static let bodyOctetsMax = 65_536

  private let connector: any Connector
  private let timeout: TimeAmount

  package init(connector: any Connector, timeout: TimeAmount = .seconds(Int64(Self.seconds))) {
    self.connector = connector
    self.timeout = timeout
  }

  /// The body is `application/x-www-form-urlencoded`. Fails with an `HTTPSFailure`.
  package func post(
    _ form: Secret, to address: EndpointAddress, tls: TLSContext, on eventLoop: any EventLoop
  ) -> EventLoopFuture<Answer> {
    let promise = eventLoop.makePromise(of: Answer.self)
    let deadline = eventLoop.scheduleTask(in: timeout) { [timeout] in
      promise.fail(HTTPSFailure("no answer within \(timeout.nanoseconds / 1_000_000_000) s"))
    }
    connector.connect(to: Destination(host: address.host, port: address.port), on: eventLoop) { channel in
      channel.eventLoop.makeCompletedFuture {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(TLSHandler(context: tls, side: .client(serverName: address.host)))
        try pipeline.addHandler(HTTPRequestEncoder())
        try pipeline.addHandler(ByteToMessageHandler(HTTPResponseDecoder()))
        try pipeline.addHandler(HTTPSExchange(form, to: address, promise))
      }
    }.whenComplete { result in
      switch result {
      case .success(let channel):
        // Whatever came of it, the connection is for this one question.
        promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
      case .failure(let error): promise.fail(HTTPSFailure("\(error)"))
      }
    }
    return promise.futureResult.always { _ in deadline.cancel() }
      .flatMapErrorThrowing { error in throw HTTPSFailure("cannot ask \(address.host) port \(address.port): \(error)") }
  }
}

/// Why there was no answer; it never holds what was asked.
package struct HTTPSFailure: Error, Sendable, CustomStringConvertible {
  package let description: String

  init(_ description: String) {
    self.description = description
  }
}

/// One question and its answer. Of several addresses that are tried each has one; the first that stands asks.
private final class HTTPSExchange: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private let form: Secret
  private let address: EndpointAddress
  private let promise: EventLoopPromise<HTTPSClient.Answer>
  private var answer: HTTPSClient.Answer?

  init(_ form: Secret, to address: EndpointAddress, _ promise: EventLoopPromise<HTTPSClient.Answer>) {
    self.form = form
    self.address = address
    self.promise = promise
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case TLSEvent.handshakeCompleted = event { ask(context) }
    context.fireUserInboundEventTriggered(event)
  }

  private func ask(_ context: ChannelHandlerContext) {
    let octets = form.octets
    let head = HTTPRequestHead(
      version: .http1_1, method: .POST, uri: address.path,
      headers: [
        "Host": address.authority, "User-Agent": "postern/\(Product.version)", "Accept": "application/json",
        "Content-Type": "application/x-www-form-urlencoded", "Content-Length": "\(octets.count)",
        "Connection": "close",
      ])
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: octets)))), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      // 1xx only announces.
      if head.status.code >= 200 { answer = HTTPSClient.Answer(status: Int(head.status.code), body: []) }
    case .body(let octets):
      guard let count = answer?.body.count, count + octets.readableBytes <= HTTPSClient.bodyOctetsMax else {
        return fail(HTTPSFailure("the answer has more than \(HTTPSClient.bodyOctetsMax) octets"), context)
      }
      answer?.body += octets.readableBytesView
    case .end:
      if let answer { promise.succeed(answer) }
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    fail(HTTPSFailure("\(error)"), context)
  }

  func channelInactive(context: ChannelHandlerContext) {
    promise.fail(HTTPSFailure("the server closed the connection"))
    context.fireChannelInactive()
  }

  private func fail(_ failure: HTTPSFailure, _ context: ChannelHandlerContext) {
    promise.fail(failure)
    context.close(promise: nil)
  }
}
