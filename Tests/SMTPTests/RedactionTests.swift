// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import NIOCore
import Testing

@testable import SMTP

@Suite("What an upstream says of our login")
struct RedactionTests {
  private static let login = ClientLogin(name: "office", password: Secret("upstream-secret-9"))
  private static let plain = Base64.encode(Array("\0office\0upstream-secret-9".utf8))
  private static let encoded = Base64.encode(Array("upstream-secret-9".utf8))

  private func redacted(_ line: String, _ login: ClientLogin? = login) -> String {
    // A slice that does not begin at 0, as the reader has it.
    String(decoding: Redaction(login).apply(ArraySlice(Array("xxx\(line)".utf8)).dropFirst(3)), as: UTF8.self)
  }

  @Test(
    "is told without the password and the forms in which it was sent, as often as they stand there",
    arguments: [
      ("upstream-secret-9", "***"), ("not upstream-secret-9!", "not ***!"),
      ("upstream-secret-9upstream-secret-9 upstream-secret-9", "****** ***"),
      ("unknown command AUTH PLAIN \(plain)", "unknown command AUTH PLAIN ***"), ("\(encoded)?", "***?"),
      ("upstream-secret", "upstream-secret"), ("Upstream-secret-9", "Upstream-secret-9"), ("", ""),
    ])
  func forms(said: String, told: String) {
    #expect(redacted(said) == told)
  }

  @Test("ends, whatever the password is", arguments: ["****", "aaaa", "redacted", "***a"])
  func replacement(password: String) {
    let login = ClientLogin(name: "office", password: Secret(password))
    #expect(redacted("\(password)\(password)\(password)", login) == "*********")
  }

  @Test("is told as it is if there is no password, or one that stands in every second text")
  func none() {
    #expect(redacted("OK", nil) == "OK")
    #expect(redacted("it is ok", ClientLogin(name: "office", password: Secret("ok"))) == "it is ok")
  }

  @Test("is told without a token, in whichever mechanism it was sent, also if the echo breaks off")
  func token() {
    let token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.\(String(repeating: "c2VjcmV0", count: 40)).Zm9v"
    let login = ClientLogin(name: "office@example.org", token: Secret(token))
    let sent = SASLClient.initialResponses(with: login).map { Base64.encode($0) }
    #expect(sent.count == 2)
    for form in sent + [token, Base64.encode(Array(token.utf8))] {
      #expect(redacted("unknown \(form) here", login) == "unknown *** here")
      #expect(redacted("unknown \(form.prefix(200))", login) == "unknown ***")
    }
    #expect(redacted("eyJ0eXAiOiJKV1Q is a beginning", login) == "eyJ0eXAiOiJKV1Q is a beginning")
  }

  @Test("is without it in every line of a refusal, also far from its beginning and where it is no reply")
  func dialogue() {
    for answer in [
      "535-5.7.8 \(String(repeating: "x", count: 500)) upstream-secret-9\r\n535 5.7.8 \(Self.plain)\r\n",
      "upstream-secret-9 is wrong\r\n",
    ] {
      var session = ClientSession(
        policy: ClientPolicy(hostname: "gate.test", security: .implicit, login: Self.login), nonce: [1])
      var output = ByteBuffer()
      var action = ClientSession.Action.wait
      for reply in ["220 relay.test\r\n", "250-relay.test\r\n250 AUTH PLAIN\r\n", answer] {
        var input = ByteBuffer(string: reply)
        action = session.received(&input, into: &output)
      }
      guard case .failed(let trouble, _) = action else {
        Issue.record("\(action)")
        continue
      }
      #expect(trouble.text.text.contains("***") || answer.hasPrefix("535"))
      #expect(!"\(trouble)".contains("upstream-secret-9") && !"\(trouble)".contains(Self.plain))
    }
  }
}
