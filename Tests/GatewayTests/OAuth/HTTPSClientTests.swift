// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import NIOCore
import Testing

@testable import Gateway

@Suite("One question to an authorization server")
struct HTTPSClientTests {
  private func ask(
    _ answers: [String], trusting: Bool = true, timeout: TimeAmount = .seconds(20)
  ) throws -> (result: Result<HTTPSClient.Answer, any Error>, requests: [String]) {
    let server = try AnsweringServer(answers)
    defer { server.stop() }
    let client = HTTPSClient(connector: .loopback, timeout: timeout)
    let result = Result {
      try client.post(
        Secret("grant_type=x&secret=hush"), to: server.address, tls: trusting ? server.client : server.stranger,
        on: server.group.next()
      ).wait()
    }
    return (result, server.requests)
  }

  private func reason(_ result: Result<HTTPSClient.Answer, any Error>) -> String? {
    if case .failure(let error) = result { "\(error)" } else { nil }
  }

  @Test("a form is posted, and status and body come back")
  func post() throws {
    let (result, requests) = try ask([AnsweringServer.answer("{}", status: "401 Unauthorized")])
    #expect(try result.get() == HTTPSClient.Answer(status: 401, body: Array("{}".utf8)))
    let request = try #require(requests.first)
    #expect(request.hasPrefix("POST /tenant/token?x=1 HTTP/1.1\r\nHost: localhost:"))
    #expect(request.contains("\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 24\r\n"))
    #expect(request.contains("\r\nConnection: close\r\n"))
    #expect(request.hasSuffix("\r\n\r\ngrant_type=x&secret=hush"))
  }

  @Test("an answer may come in chunks, behind an interim one, or end with the connection")
  func framings() throws {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
    #expect(try ask([chunked]).result.get().body == Array("{}".utf8))
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + AnsweringServer.answer("{}")
    #expect(try ask([interim]).result.get().status == 200)
    #expect(try ask(["HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}CUT"]).result.get().body == Array("{}CUT".utf8))
  }

  @Test("a redirect is an answer, and is not followed")
  func redirect() throws {
    let (result, requests) = try ask([
      "HTTP/1.1 302 Found\r\nLocation: https://localhost/\r\nContent-Length: 0\r\n\r\n", AnsweringServer.answer("{}"),
    ])
    #expect(try result.get().status == 302)
    #expect(requests.count == 1)
  }

  @Test("a server that cannot show who it is is told nothing")
  func stranger() throws {
    let (result, requests) = try ask([AnsweringServer.answer("{}")], trusting: false)
    #expect(requests.isEmpty)
    #expect(reason(result)?.contains("cannot ask localhost port") == true)
    #expect(reason(result)?.contains("certificate") == true)
  }

  @Test("what is too long, cut, or no HTTP is no answer, and says so without the question")
  func broken() throws {
    let long = String(repeating: "x", count: HTTPSClient.bodyOctetsMax + 1)
    for (answer, words) in [
      (AnsweringServer.answer(long), "octets"), ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}CUT", "port"),
      ("220 smtp.test ESMTP\r\n", "port"), ("CUT", "port"),
    ] {
      let text = try #require(reason(ask([answer]).result))
      #expect(text.contains(words) && !text.contains("hush"), "\(text)")
    }
  }

  @Test("a server that says nothing is left after a time")
  func silent() throws {
    let (result, _) = try ask([""], timeout: .milliseconds(300))
    #expect(reason(result)?.contains("no answer within 0 s") == true)
  }

  @Test("where nobody listens there is a reason too")
  func refused() throws {
    let server = try AnsweringServer([])
    let (address, tls, group) = (server.address, server.client, server.group)
    let client = HTTPSClient(connector: Nowhere())
    #expect(throws: HTTPSFailure.self) {
      try client.post(Secret("x"), to: address, tls: tls, on: group.next()).wait()
    }
    server.stop()
  }

  private struct Nowhere: Connector {
    func connect(
      to destination: Destination, on eventLoop: any EventLoop,
      configure: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<any Channel> {
      eventLoop.makeFailedFuture(ChannelError.connectTimeout(.seconds(1)))
    }
  }
}
