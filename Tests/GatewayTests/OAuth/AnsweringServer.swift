// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import NIOPosix
import OAuth
import Synchronization
import TLS
import TestKit

/// An HTTPS server on loopback that says octets which a test wrote down, one answer for each connection, and keeps what
/// it was asked.
final class AnsweringServer: Sendable {
  let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  let port: Int
  /// Trusts this server.
  let client: TLSContext
  /// Trusts nobody that is here.
  let stranger: TLSContext
  private let channel: any Channel
  private let state: Mutex<State>
  private let directory: String

  private struct State {
    var answers: [[UInt8]]
    var requests: [String] = []
    var connections = 0
    /// What is said when the test lets it.
    var held: [@Sendable () -> Void]?
    var isHeard: EventLoopPromise<Void>?
  }

  /// An answer that is empty is none: the connection stays silent.
  init(_ answers: [String]) throws {
    var template = Array("/tmp/postern-https-XXXXXX".utf8CString)
    directory = String(cString: mkdtemp(&template)!)
    let maker = try CertificateMaker(directory: directory)
    let other = try CertificateMaker(directory: directory, authority: "other")
    let files = try maker.makeCertificate("server", names: ["localhost"])
    let tls = try TLSContext.server(certificate: files.certificate, key: files.key, minimum: .v12)
    client = try TLSContext.client(authorities: maker.authority, minimum: .v12)
    stranger = try TLSContext.client(authorities: other.authority, minimum: .v12)
    state = Mutex(State(answers: answers.map { Array($0.utf8) }))
    let holder = Holder()
    channel = try ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(TLSHandler(context: tls, side: .server))
          try channel.pipeline.syncOperations.addHandler(Conversation(holder))
        }
      }
      .bind(host: "127.0.0.1", port: 0).wait()
    port = channel.localAddress!.port!
    holder.server.withLock { $0 = self }
  }

  func stop() {
    try? channel.close().wait()
    try? group.syncShutdownGracefully()
    for name in ["server.pem", "server.key", "authority.pem", "other.pem"] { unlink("\(directory)/\(name)") }
    rmdir(directory)
  }

  var address: EndpointAddress { EndpointAddress("https://localhost:\(port)/tenant/token?x=1")! }
  var requests: [String] { state.withLock { $0.requests } }

  static func answer(_ body: String, status: String = "200 OK") -> String {
    "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  /// From now on questions are heard and not answered. Succeeds when the next one is there.
  func hold() -> EventLoopFuture<Void> {
    let isHeard = group.next().makePromise(of: Void.self)
    state.withLock { state in
      state.held = []
      state.isHeard = isHeard
    }
    return isHeard.futureResult
  }

  /// They are answered.
  func release() {
    let held = state.withLock { state in
      defer { state.held = nil }
      return state.held ?? []
    }
    for say in held { say() }
  }

  /// Now, or when the test lets it.
  private func answer(_ say: @escaping @Sendable () -> Void) {
    let (isHeld, isHeard) = state.withLock { state in
      state.held?.append(say)
      return (state.held != nil, state.isHeard)
    }
    isHeard?.succeed()
    if !isHeld { say() }
  }

  private func heard(_ request: String) -> [UInt8]? {
    state.withLock { state in
      state.requests.append(request)
      return state.answers.isEmpty ? nil : state.answers.removeFirst()
    }
  }

  private final class Holder: Sendable {
    let server = Mutex<AnsweringServer?>(nil)
  }

  private final class Conversation: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let holder: Holder
    private var text = ""
    private var isAnswered = false

    init(_ holder: Holder) { self.holder = holder }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      text += String(buffer: unwrapInboundIn(data))
      guard !isAnswered, let end = text.firstRange(of: "\r\n\r\n"), let length,
        text[end.upperBound...].utf8.count >= length
      else { return }
      isAnswered = true
      guard let server = holder.server.withLock({ $0 }), let answer = server.heard(text), !answer.isEmpty else {
        return
      }
      let channel = context.channel
      server.answer {
        channel.writeAndFlush(ByteBuffer(bytes: answer), promise: nil)
        if String(decoding: answer, as: UTF8.self).hasSuffix("CUT") { channel.close(promise: nil) }
      }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private var length: Int? {
      text.split(separator: "\r\n").first { $0.hasPrefix("Content-Length: ") }.flatMap { Int($0.dropFirst(16)) }
    }
  }
}
