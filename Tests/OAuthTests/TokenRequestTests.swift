// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Crypto
import Testing

@testable import OAuth

@Suite struct TokenRequestTests {
  private func body(_ request: TokenRequest, _ client: OAuthClient) throws -> String {
    String(decoding: try request.body(client, unixSeconds: 1_800_000_000, nonce: "n1").octets, as: UTF8.self)
  }

  @Test("an application with a secret asks as RFC 6749 section 4.4 has it")
  func application() throws {
    #expect(
      try body(.application, Samples.application)
        == "client_id=3f0c8b1e&grant_type=client_credentials&scope=https%3A%2F%2Fmail.test%2F.default"
        + "&client_secret=client%20secret")
    #expect(Samples.application.flow == .application)
  }

  @Test("a person's tokens are asked for as RFC 8628 and RFC 6749 section 6 have it")
  func person() throws {
    #expect(
      try body(.deviceCode, Samples.person)
        == "client_id=3f0c8b1e&scope=https%3A%2F%2Fmail.test%2FSMTP.Send%20offline_access")
    #expect(
      try body(.deviceToken(Secret("d/1+")), Samples.person)
        == "client_id=3f0c8b1e&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=d%2F1%2B")
    #expect(
      try body(.refresh(Secret("1.AX=")), Samples.person)
        == "client_id=3f0c8b1e&grant_type=refresh_token&refresh_token=1.AX%3D"
        + "&scope=https%3A%2F%2Fmail.test%2FSMTP.Send%20offline_access")
    #expect(TokenRequest.deviceCode.address(of: Samples.person)?.path == "/tenant/devicecode")
    #expect(TokenRequest.refresh(Secret("r")).address(of: Samples.person)?.path == "/tenant/token")
  }

  @Test("Google's secret belongs to the person's sign-in, and stays out of the question for a code")
  func google() throws {
    let client = OAuthClient(Samples.google, proof: .secret(Secret("g")))
    #expect(client.flow == .device)
    #expect(try body(.deviceCode, client) == "client_id=42.apps.test&scope=https%3A%2F%2Fmail.test%2F")
    #expect(
      try body(.refresh(Secret("r")), client)
        == "client_id=42.apps.test&grant_type=refresh_token&refresh_token=r&client_secret=g")
  }

  @Test("an assertion names the certificate and its audience, lives five minutes, and is signed as Microsoft wants it")
  func assertion() throws {
    let identity = try SigningIdentity(pem: Secret(TestIdentity.pem))
    let text = try body(.application, OAuthClient(Samples.microsoft, proof: .certificate(identity)))
    #expect(!text.contains("client_secret"))
    let fields = Dictionary(
      uniqueKeysWithValues: text.split(separator: "&").map { field in
        let parts = field.split(separator: "=")
        return (String(parts[0]), String(parts[1]))
      })
    #expect(
      fields["client_assertion_type"] == "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer")
    let parts = try #require(fields["client_assertion"]).split(separator: ".")
    #expect(
      String(decoding: try #require(Base64URL.decode(parts[0].utf8)), as: UTF8.self)
        == #"{"alg":"PS256","typ":"JWT","x5t#S256":"\#(Base64URL.encode(identity.sha256Thumbprint))"}"#)
    #expect(
      String(decoding: try #require(Base64URL.decode(parts[1].utf8)), as: UTF8.self)
        == #"{"aud":"https://login.test/tenant/token","exp":1800000300,"iat":1800000000,"iss":"3f0c8b1e","jti":"n1","#
        + #""nbf":1800000000,"sub":"3f0c8b1e"}"#)
    #expect(Base64URL.decode(parts[2].utf8)?.count == 256)
  }

  @Test("other servers get the signature that all know, with both thumbprints")
  func olderAssertion() throws {
    var settings = Samples.microsoft
    settings.provider = .other
    settings.deviceAddress = nil
    let identity = try SigningIdentity(pem: Secret(TestIdentity.pem))
    let signed = try ClientAssertion(settings, unixSeconds: 0, nonce: "n").signed(by: identity)
    let header = try #require(Base64URL.decode(signed.octets.prefix { $0 != UInt8(ascii: ".") }))
    #expect(String(decoding: header, as: UTF8.self).hasPrefix(#"{"alg":"RS256","typ":"JWT","x5t":""#))
    let text = signed.octets
    let end = text.lastIndex(of: UInt8(ascii: "."))!
    #expect(
      Base64URL.decode(text[(end + 1)...]) == (try identity.sign(Array(text[..<end]), .rs256)))
  }

  @Test(
    "what is no https address is none",
    arguments: [
      "http://login.test/token", "https://", "https:///token", "https://user@login.test/token", "login.test",
      "https://login.test/a b", "https://login.test/#part", "https://login.test:0/", "https://login.test:99999/",
      "https://login.test/\u{7}", "https://a:b:c/",
    ])
  func wrongAddress(text: String) {
    #expect(EndpointAddress(text) == nil)
  }

  @Test("an address keeps host, port, path and query")
  func address() throws {
    let plain = try #require(EndpointAddress("HTTPS://Login.Test"))
    #expect((plain.host, plain.port, plain.path, plain.authority) == ("login.test", 443, "/", "login.test"))
    let whole = try #require(EndpointAddress("https://[::1]:8443/t/token?a=b"))
    #expect((whole.host, whole.port, whole.path, whole.authority) == ("::1", 8443, "/t/token?a=b", "[::1]:8443"))
    #expect(whole.description == "https://[::1]:8443/t/token?a=b")
  }
}
