// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Crypto
import SMTP
import Testing

@testable import OAuth

@Suite struct TokenReplyTests {
  private func token(_ body: String, status: Int = 200) -> Result<TokenGrant, TokenRefusal> {
    TokenReply.token(status: status, body: Array(body.utf8))
  }

  @Test("Microsoft's answer is read, and says who signed in")
  func microsoft() throws {
    let claims = Base64URL.encode(Array(#"{"preferred_username":"scans@example.test","ver":"2.0"}"#.utf8))
    let grant = try token(
      #"{"token_type":"Bearer","scope":"SMTP.Send","expires_in":4791,"ext_expires_in":4791,"access_token":"EwB4A8","#
        + #""refresh_token":"M.C5","id_token":"e30.\#(claims).c2ln"}"#
    ).get()
    #expect(grant.accessToken == Secret("EwB4A8"))
    #expect(grant.refreshToken == Secret("M.C5"))
    #expect((grant.lifetimeSeconds, grant.account?.text) == (4791, "scans@example.test"))
  }

  @Test("a lifetime may stand between quotes, be a fraction, be missing, or be absurd")
  func lifetimes() throws {
    for (written, seconds) in [
      (#","expires_in":"3599""#, 3599), (#","expires_in":3599.5"#, 3599), ("", 3600), (#","expires_in":-5"#, 0),
      (#","expires_in":9000000000000"#, 34_560_000),
    ] as [(String, Int64)] {
      let grant = try token(#"{"token_type":"bearer","access_token":"a"\#(written)}"#).get()
      #expect(grant.lifetimeSeconds == seconds)
      #expect(grant.refreshToken == nil)
    }
  }

  @Test(
    "what is no token is refused in words, and never quoted",
    arguments: [
      ("", 200), ("<html>secret</html>", 200), ("{}", 200), (#"{"access_token":"secret"}"#, 200),
      (#"{"access_token":"secret","token_type":"mac"}"#, 200), (#"{"access_token":"","token_type":"Bearer"}"#, 200),
      (#"{"access_token":"sec\nret","token_type":"Bearer"}"#, 200), ("<html>secret</html>", 403), ("secret", 302),
      (#"{"access_token":"secret","token_type":"Bearer"}"#, 500), (#"{"access_token":{},"token_type":"Bearer"}"#, 200),
      (#"{"error":""}"#, 400), (#"{"error":"","error_description":"secret"}"#, 200),
    ])
  func nonsense(body: String, status: Int) {
    guard case .failure(let refusal) = token(body, status: status) else {
      Issue.record("taken")
      return
    }
    let text = refusal.explained(upstream: "m365")
    #expect(!text.isEmpty && !text.contains("secret"))
    // No words of OAuth: it may be anybody who answers in the server's place, for a while.
    #expect(refusal.nature == .passing)
  }

  @Test("a token that no AUTH line can carry is refused")
  func tooLong() {
    let long = String(repeating: "a", count: TokenReply.tokenOctetsMax + 1)
    #expect(throws: TokenRefusal.self) { try token(#"{"access_token":"\#(long)","token_type":"Bearer"}"#).get() }
  }

  @Test("an error is read whatever the status, and only the first line of its text")
  func errors() {
    guard
      case .failure(let refusal) = token(
        #"{"error":"invalid_client","error_description":"AADSTS7000222: The provided keys are expired.\r\nTrace ID: 1"}"#,
        status: 401)
    else {
      Issue.record("taken")
      return
    }
    #expect(refusal.number == "AADSTS7000222")
    #expect(refusal.text.text == "AADSTS7000222: The provided keys are expired.")
    #expect(
      refusal.explained(upstream: "office")
        == "the client secret of the application has expired; make a new one at the app registration, then: "
        + "postern creds set office --client-secret (AADSTS7000222)")
  }

  @Test(
    "what an error means decides what is done",
    arguments: [
      ("authorization_pending", "AADSTS70016: pending", 400, TokenRefusal.Nature.pending),
      ("slow_down", "", 400, .slowDown), ("expired_token", "AADSTS70020: expired", 400, .grantIsOver),
      ("authorization_declined", "", 400, .grantIsOver), ("access_denied", "", 403, .grantIsOver),
      ("invalid_grant", "Token has been expired or revoked.", 400, .grantIsOver),
      ("invalid_grant", "AADSTS700082: inactivity", 400, .grantIsOver),
      ("invalid_grant", "AADSTS50076: MFA", 400, .grantIsOver),
      ("invalid_grant", "AADSTS53003: conditional access", 400, .needsMending),
      ("invalid_grant", "AADSTS50196: a client loop", 400, .passing),
      ("invalid_grant", "AADSTS50053: locked", 400, .needsMending),
      ("invalid_grant", "AADSTS99999: new", 400, .needsMending),
      ("interaction_required", "AADSTS99999: new", 400, .needsMending),
      ("http", "http status 403, not what OAuth2 answers", 403, .passing),
      ("http", "http status 200, 9 octets that are no token", 200, .passing),
      ("interaction_required", "AADSTS50173: revoked", 400, .grantIsOver),
      ("invalid_client", "AADSTS7000215: Invalid client secret", 401, .needsMending),
      ("unauthorized_client", "AADSTS700016: no such application", 400, .needsMending),
      ("temporarily_unavailable", "", 503, .passing), ("server_error", "", 500, .passing),
      ("invalid_grant", "overloaded", 503, .passing), ("who_knows", "", 400, .needsMending),
      ("who_knows", "", 429, .passing), ("invalid_request", "AADSTS90033: try later", 400, .passing),
    ])
  func natures(code: String, text: String, status: Int, nature: TokenRefusal.Nature) {
    #expect(TokenRefusal(code: code, text: text, status: status).nature == nature)
  }

  @Test("a number that is not known is explained in its own words")
  func unknownNumber() {
    let refusal = TokenRefusal(code: "invalid_grant", text: "AADSTS99999: A new rule.", status: 400)
    #expect(
      refusal.explained(upstream: "office")
        == "A new rule.; mend that at the provider, or sign in again: postern creds login office (AADSTS99999)")
  }

  @Test("every explanation is one line with a cause, and what is to be typed names the upstream")
  func explanations() {
    for entry in KnownRefusals.all {
      let isNumber = entry.key.hasPrefix("AADSTS")
      let refusal = TokenRefusal(
        code: isNumber ? "invalid_grant" : entry.key, text: isNumber ? "\(entry.key): x" : "", status: 400)
      let text = refusal.explained(upstream: "office")
      #expect(!text.contains { $0.isNewline } && !text.contains("NAME") && text.contains(entry.cause))
      #expect(text.hasSuffix("(\(entry.key))"))
      if entry.nature == .grantIsOver || entry.nature == .needsMending { #expect(entry.remedy != nil) }
    }
  }

  @Test("a device code is read, also under Google's older name of the address")
  func deviceCode() throws {
    for name in ["verification_uri", "verification_url"] {
      let body =
        #"{"device_code":"GmRh","user_code":"WDJB-MJHT","\#(name)":"https://microsoft.com/devicelogin","#
        + #""expires_in":900,"interval":5,"message":"…"}"#
      let code = try TokenReply.deviceCode(status: 200, body: Array(body.utf8)).get()
      #expect((code.userCode.text, code.address.text) == ("WDJB-MJHT", "https://microsoft.com/devicelogin"))
      #expect((code.lifetimeSeconds, code.intervalSeconds) == (900, 5))
    }
  }

  @Test("nobody is sent to an address that is not https, and no code holds controls")
  func devicePeerText() throws {
    func body(_ code: String, _ address: String) -> [UInt8] {
      Array(#"{"device_code":"d","user_code":"\#(code)","verification_uri":"\#(address)","interval":0}"#.utf8)
    }
    #expect(throws: TokenRefusal.self) {
      try TokenReply.deviceCode(status: 200, body: body("A", "http://evil.test")).get()
    }
    let code = try TokenReply.deviceCode(status: 200, body: body(#"A\u001b[2J"#, "https://a.test/")).get()
    #expect(code.userCode.text == "A?[2J")
    #expect(code.intervalSeconds == 1)
  }
}
