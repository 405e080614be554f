// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Foundation
import SMTP
import Testing

/// A reply as it was seen, and what is to be done about it.
struct SeenReply: Sendable, CustomTestStringConvertible {
  let provider: String
  let stage: String
  let reply: Reply
  let action: ExplainRule.Action?
  /// A part of the advice.
  let fix: String

  init(
    _ provider: String, _ stage: String, _ code: Int, _ status: EnhancedStatus?, _ text: String,
    _ action: ExplainRule.Action?, _ fix: String = ""
  ) {
    self.provider = provider
    self.stage = stage
    reply = Reply(code, status, text)
    self.action = action
    self.fix = fix
  }

  var testDescription: String { "\(provider): \(reply)" }

  static let all: [SeenReply] = [
    SeenReply(
      "gmail", "auth", 535, EnhancedStatus(5, 7, 8),
      "Username and Password not accepted. For more information, go to https://support.google.com/mail/?p=BadCredentials",
      .pause(.login), "app password"),
    SeenReply(
      "gmail", "auth", 534, EnhancedStatus(5, 7, 9),
      "Application-specific password required. For more information, go to https://support.google.com/mail/?p=InvalidSecondFactor",
      .pause(.login), "postern creds set office"),
    SeenReply(
      "gmail", "data", 550, EnhancedStatus(5, 4, 5),
      "Daily user sending limit exceeded. For more information on Gmail sending limits go to https://support.google.com/a/answer/166852",
      .quota, "gmail-relay"),
    SeenReply("gmail", "content", 550, nil, "5.4.5 Daily user sending quota exceeded. x17", .quota),
    SeenReply(
      "gmail-relay", "mail", 550, EnhancedStatus(5, 7, 1),
      "Invalid credentials for relay [192.0.2.1]. The IP address you've registered in your Workspace SMTP Relay service doesn't match the domain of the account this email is being sent from.",
      .pause(.login), "Admin console"),
    SeenReply(
      "gmail", "rcpt", 550, EnhancedStatus(5, 1, 1), "The email account that you tried to reach does not exist.", nil),
    SeenReply(
      "m365", "auth", 550, EnhancedStatus(5, 7, 30), "Basic authentication is not supported for Client Submission.",
      .pause(.login), "postern creds login office"),
    SeenReply(
      "m365", "auth", 535, EnhancedStatus(5, 7, 139),
      "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.",
      .pause(.login), "Exchange admin center"),
    SeenReply(
      "m365", "auth", 535, EnhancedStatus(5, 7, 139),
      "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information.",
      .pause(.login), "Manage email apps"),
    SeenReply(
      "m365", "auth", 535, EnhancedStatus(5, 7, 139),
      "Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator.",
      .pause(.login), "security defaults"),
    SeenReply(
      "m365", "auth", 535, EnhancedStatus(5, 7, 139),
      "Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator.",
      .pause(.login), "policy"),
    SeenReply(
      "m365", "auth", 535, EnhancedStatus(5, 7, 139),
      "Authentication unsuccessful, the user credentials were incorrect.",
      .pause(.login), "sign-in logs"),
    SeenReply(
      "m365", "auth", 535, EnhancedStatus(5, 7, 3), "Authentication unsuccessful", .pause(.login),
      "resume upstream office"),
    SeenReply(
      "m365", "mail", 530, EnhancedStatus(5, 7, 57), "Client not authenticated to send mail.", .pause(.login)),
    SeenReply(
      "m365", "content", 550, EnhancedStatus(5, 7, 60), "SMTP; Client does not have permissions to send as this sender",
      .fail, "Send As"),
    SeenReply(
      "m365", "content", 554, EnhancedStatus(5, 2, 252),
      "SendAsDenied; scans@example.com not allowed to send as boss@example.com; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied",
      .fail, "rewrite"),
    SeenReply(
      "m365", "content", 432, EnhancedStatus(4, 3, 2), "Concurrent connections limit exceeded.", .slow,
      "max_connections"),
    SeenReply(
      "m365", "content", 421, EnhancedStatus(4, 3, 2), "STOREDRV.ClientSubmit; sender thread limit exceeded", .slow),
    SeenReply(
      "m365", "rcpt", 550, EnhancedStatus(5, 1, 90),
      "Your message can't be sent because you've reached your daily limit for message recipients", .quota),
    SeenReply(
      "ses", "content", 554, nil,
      "Message rejected: Email address is not verified. The following identities failed the check in region EU-CENTRAL-1: a@example.com",
      .fail, "in that region"),
    SeenReply("ses", "auth", 535, nil, "Authentication Credentials Invalid", .pause(.login), "SMTP settings"),
    SeenReply("ses", "content", 454, nil, "Throttling failure: Maximum sending rate exceeded.", .slow, "rate"),
    SeenReply("ses", "content", 454, nil, "Throttling failure: Daily message quota exceeded.", .quota),
    SeenReply(
      "sendgrid", "content", 550, nil,
      "The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved. Visit https://sendgrid.com/docs/for-developers/sending-email/sender-identity/ to see the Sender Identity requirements",
      .fail, "Sender Authentication"),
    SeenReply(
      "sendgrid", "auth", 535, nil,
      "Authentication failed: The provided authorization grant is invalid, expired, or revoked", .pause(.login),
      "API key"),
    SeenReply(
      "mailgun", "auth", 535, EnhancedStatus(5, 7, 8), "Authentication failed", .pause(.login), "region = \"eu\""),
    SeenReply(
      "generic", "auth", 535, EnhancedStatus(5, 7, 8), "Error: authentication failed", .pause(.login),
      "creds set office"),
    SeenReply("generic", "mail", 421, EnhancedStatus(4, 7, 0), "Too many messages, slow down", .slow),
    SeenReply("generic", "mail", 450, EnhancedStatus(4, 7, 1), "Error: too much mail from 192.0.2.1", .slow),
    SeenReply("generic", "rcpt", 451, EnhancedStatus(4, 7, 1), "Rate limit exceeded, try again later", .slow),
    SeenReply("generic", "rcpt", 452, EnhancedStatus(4, 5, 3), "Too many recipients", nil),
    SeenReply("generic", "rcpt", 450, EnhancedStatus(4, 2, 0), "Greylisted, see http://postgrey.schweikert.ch", nil),
    SeenReply(
      "generic", "mail", 552, EnhancedStatus(5, 3, 4), "Message size exceeds fixed limit", .reroute, "[[route]]"),
    SeenReply("generic", "mail", 552, nil, "sorry", nil),
    SeenReply("generic", "content", 552, nil, "Message too large", .reroute),
    SeenReply(
      "generic", "rcpt", 552, EnhancedStatus(5, 2, 2), "The email account that you tried to reach is over quota", nil),
  ]
}

@Suite("Rules about replies")
struct ExplainRulesTests {
  private let rules: ExplainRules

  init() throws {
    rules = try ExplainRules.load(configurationPath: "/nonexistent/postern.toml", share: shareDirectory).get()
  }

  @Test("know the replies of the providers, and say and do what fits", arguments: SeenReply.all)
  func known(_ seen: SeenReply) {
    let rule = rules.first(for: seen.reply, stage: seen.stage, provider: seen.provider)
    #expect(rule?.action == seen.action)
    if let rule {
      let fix = rule.fix(upstream: "office")
      #expect(seen.fix.isEmpty || fix.contains(seen.fix), "\(fix)")
      #expect(!fix.contains("{"))
    }
  }

  @Test("speak of a token where one was refused, and of a password where that was", arguments: ["gmail", "generic"])
  func logins(_ provider: String) {
    let reply = Reply(535, EnhancedStatus(5, 7, 8), "Username and Password not accepted")
    let token = rules.first(for: reply, stage: "auth", provider: provider, login: .token)
    let password = rules.first(for: reply, stage: "auth", provider: provider, login: .password)
    #expect(token?.action == .pause(.login) && token?.fix(upstream: "office").contains("creds login office") == true)
    #expect(password?.fix(upstream: "office").contains("creds set office") == true)
  }

  @Test(
    "know what our own TLS says of a certificate",
    arguments: [
      ("hostname mismatch (depth 0, certificate /CN=portal.hotel.example)", "openssl"),
      ("certificate has expired (depth 0)", "clock"), ("certificate is not yet valid (depth 1)", "clock"),
      ("unable to get local issuer certificate (depth 0)", "ca_file"),
      ("self-signed certificate in certificate chain (depth 2)", "ca_file"),
      ("its key is none of 'tls_pins', it is \"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"", "add it to tls_pins"),
      ("tls client certificate: it wants a client certificate and there is none (alert)", "client_certificate"),
      ("tls client certificate: it does not take our certificate /CN=x from /y (alert)", "we show"),
    ])
  func certificates(_ reason: String, _ fix: String) {
    let isWhole = reason.hasPrefix("tls ")
    let text = PeerText(isWhole ? reason : "tls certificate of the peer not accepted: \(reason)")
    let rule = rules.first(for: .init(text, stage: "tls", provider: "gmail"))
    #expect(rule?.action == .pause(.tls))
    #expect(rule?.fix(upstream: "office").contains(fix) == true)
  }

  @Test("never blame a message for what is the account's, and never the account for what is a message's")
  func blame() {
    for seen in SeenReply.all where seen.stage == "auth" {
      #expect(seen.action == .pause(.login))
    }
    for provider in ["gmail", "m365", "generic"] {
      let reply = Reply(550, EnhancedStatus(5, 1, 1), "no such user: pause login quota 535")
      #expect(rules.first(for: reply, stage: "rcpt", provider: provider) == nil)
    }
  }

  @Test("of the admin come first, and a file of his replaces the one of the same name")
  func own() throws {
    let directory = try TemporaryDirectory([
      "explain/gmail.toml": """
      [[rule]]
      match = { code = 550, text = "*" }
      cause = "c"
      fix = "f {upstream} {other}"
      action = "retry"
      """
    ])
    let rules = try ExplainRules.load(
      configurationPath: directory.file("postern.toml"), share: shareDirectory
    ).get()
    let quota = Reply(550, EnhancedStatus(5, 4, 5), "Daily user sending limit exceeded.")
    let rule = rules.first(for: quota, stage: "content", provider: "gmail")
    #expect(rule?.action == .retry)
    #expect(rule?.fix(upstream: "a") == "f a {other}")
    // Gmail's own file is gone, Microsoft's is not.
    #expect(rules.first(for: Reply(534, EnhancedStatus(5, 7, 9), "x"), stage: "auth", provider: "gmail") == nil)
    let basic = Reply(535, EnhancedStatus(5, 7, 3), "x")
    #expect(rules.first(for: basic, stage: "auth", provider: "m365")?.action == .pause(.login))
  }

  @Test("that are wrong are told with their file")
  func wrong() throws {
    let directory = try TemporaryDirectory([
      "explain/a.toml": """
      [[rule]]
      match = { code = 250, status = "9.9", stage = "quit", txt = "a" }
      cause = "c"
      action = "slow"
      reason = "tls"
      [[rule]]
      cause = "c"
      fix = "f"
      action = "sleep"
      """,
      "explain/b.toml": "[[rules]]\n",
    ])
    let path = directory.file("postern.toml")
    guard case .failure(let errors) = ExplainRules.load(configurationPath: path, share: nil) else {
      Issue.record("the files are wrong")
      return
    }
    #expect(
      errors.description.replacingOccurrences(of: directory.path + "/", with: "") == #"""
        explain/a.toml:1:1: error: [[rule]] needs 'fix'
          1 | [[rule]]
            | ^^^^^^^^
        explain/a.toml:2:18: error: 'code' must be 400-599, not 250
          2 | match = { code = 250, status = "9.9", stage = "quit", txt = "a" }
            |                  ^^^
        explain/a.toml:2:32: error: 'status' must be an enhanced status code such as "5.7.8", not "9.9"
          2 | match = { code = 250, status = "9.9", stage = "quit", txt = "a" }
            |                                ^^^^^
        explain/a.toml:2:47: error: 'stage' must be "token", "connect", "tls", "greeting", "ehlo", "starttls", \#
        "auth", "mail", "rcpt", "data" or "content", not "quit"
          2 | match = { code = 250, status = "9.9", stage = "quit", txt = "a" }
            |                                               ^^^^^^
        explain/a.toml:2:55: error: unknown key 'txt' in [rule.match]
          2 | match = { code = 250, status = "9.9", stage = "quit", txt = "a" }
            |                                                       ^^^ did you mean 'text'?
        explain/a.toml:5:10: error: 'reason' is only for action = "pause"
          5 | reason = "tls"
            |          ^^^^^
        explain/a.toml:6:1: error: [[rule]] needs 'match' with 'code', 'status' or 'text'
          6 | [[rule]]
            | ^^^^^^^^ as in match = { code = 535 }
        explain/a.toml:9:10: error: 'action' must be "pause", "slow", "fail", "retry", "quota" or "reroute", not "sleep"
          9 | action = "sleep"
            |          ^^^^^^^
        explain/b.toml:1:1: error: unknown table [[rules]]
          1 | [[rules]]
            | ^^^^^^^^^ did you mean [[rule]]?
        """#)
  }

  @Test("cost no more than the text times the pattern, whatever the text")
  func cost() {
    let pattern = TextPattern(String(repeating: "*a", count: 90) + "*b")
    let text = PeerText(String(repeating: "a", count: PeerText.octetsMax))
    #expect(!pattern.matches(text.text))
  }

  @Test("that are none leave the meaning of the numbers")
  func unknown() {
    #expect(StatusMeaning.of(Reply(550, EnhancedStatus(5, 1, 1), "x")) == "no such mailbox, for good")
    #expect(StatusMeaning.of(Reply(450, EnhancedStatus(4, 2, 2), "x")) == "the mailbox is full, for now")
    #expect(
      StatusMeaning.of(Reply(550, EnhancedStatus(5, 7, 999), "x")) == "something about security or policy, for good")
    #expect(StatusMeaning.of(Reply(550, EnhancedStatus(5, 9, 1), "x")) == "something that no standard names, for good")
    #expect(StatusMeaning.of(Reply(421, nil, "x")) == "refused for now, without saying why")
    // A first digit of the status that contradicts the reply's is not believed (RFC 2034 section 4).
    #expect(StatusMeaning.of(Reply(450, EnhancedStatus(5, 1, 1), "x")) == "no such mailbox, for now")
  }
}
