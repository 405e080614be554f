// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import SMTP

/// The lines that a dialogue is made of, each with what it means to a server. `ServerModel` looks lines up here, so that
/// it knows no grammar and cannot share a mistake with the reader that it judges.
enum DialogueWords {
  enum Meaning: Equatable {
    case greeting
    case mail(sender: String?, size: UInt64?, isUTF8: Bool)
    case recipient(String, needsUTF8: Bool)
    case data
    case chunk(UInt64, isLast: Bool)
    case unreadableChunk
    case rset
    /// Answered with this, and nothing changes.
    case idle(Int)
    case startTLS
    case login(mechanism: String, response: String?)
    case quit
    case foreign
    /// Refused for its form, with one of these, whatever the state.
    case wrong([Int])
  }

  /// What a line means; the case of its verb does not matter.
  static func meaning(of line: ArraySlice<UInt8>) -> Meaning {
    let verb = line.prefix { $0 != 0x20 }
    let text =
      String(decoding: verb, as: UTF8.self).uppercased() + String(decoding: line.dropFirst(verb.count), as: UTF8.self)
    if let known = table[text] { return known }
    if text.hasPrefix("NOOP ") { return .idle(250) }
    let words = text.split(separator: " ")
    // With a space in front it is no command.
    guard words.count > 1, text.hasPrefix("BDAT "), let octets = UInt64(words[1]) else { return .wrong([500]) }
    return .chunk(octets, isLast: words.count == 3)
  }

  static let lines = Array(table.keys).sorted()

  private static let table: [String: Meaning] = [
    "EHLO client.example": .greeting, "HELO client.example": .greeting, "EHLO [192.0.2.1]": .greeting,
    "EHLO": .wrong([501]), "EHLO two words": .wrong([501]), "HELO (x)": .wrong([501]),
    "MAIL FROM:<a@b.example>": .mail(sender: "a@b.example", size: nil, isUTF8: false),
    "MAIL FROM:<>": .mail(sender: nil, size: nil, isUTF8: false),
    "MAIL FROM: <a@b.example> SIZE=1000": .mail(sender: "a@b.example", size: 1_000, isUTF8: false),
    "MAIL FROM:<a@b.example> SIZE=99999999 ": .mail(sender: "a@b.example", size: 99_999_999, isUTF8: false),
    "MAIL FROM:<a@b.example> BODY=8BITMIME SMTPUTF8": .mail(sender: "a@b.example", size: nil, isUTF8: true),
    "MAIL FROM:<ü@b.example> SMTPUTF8": .mail(sender: "ü@b.example", size: nil, isUTF8: true),
    "MAIL FROM:<c@d.example> RET=HDRS ENVID=q+2B": .mail(sender: "c@d.example", size: nil, isUTF8: false),
    "MAIL FROM:<@x.example:c@d.example> AUTH=<>": .mail(sender: "c@d.example", size: nil, isUTF8: false),
    "MAIL FROM:<ü@b.example>": .wrong([553]), "MAIL FROM:a@b.example": .wrong([501]), "MAIL": .wrong([501]),
    "MAIL FROM:<a@b.example> SIZE=x": .wrong([501]), "MAIL FROM:<a@b.example> X=1": .wrong([555]),
    "MAIL FROM:<a@b.example> RET=FULL RET=FULL": .wrong([501]), "MAIL FROM:<a@b..example>": .wrong([501]),
    "RCPT TO:<r@b.example>": .recipient("r@b.example", needsUTF8: false),
    "RCPT TO:<s@b.example> NOTIFY=SUCCESS,DELAY": .recipient("s@b.example", needsUTF8: false),
    "RCPT TO:<\"q q\"@b.example>": .recipient("\"q q\"@b.example", needsUTF8: false),
    "RCPT TO:<Postmaster>": .recipient("Postmaster", needsUTF8: false),
    "RCPT TO:<t@[192.0.2.1]> ORCPT=rfc822;t+40x": .recipient("t@[192.0.2.1]", needsUTF8: false),
    "RCPT TO:<ü@b.example>": .recipient("ü@b.example", needsUTF8: true),
    "RCPT TO:<x@other.example>": .recipient("x@other.example", needsUTF8: false),
    "RCPT TO:<>": .wrong([501]), "RCPT TO:<a@b.example": .wrong([501]), "RCPT r@b.example": .wrong([501]),
    "RCPT TO:<a@b.example> NOTIFY=NEVER,DELAY": .wrong([501]), "RCPT TO:<a@b.example> SIZE=1": .wrong([555]),
    "DATA": .data, "DATA x": .wrong([501]), "BDAT": .unreadableChunk, "BDAT x LAST": .unreadableChunk,
    "BDAT 99999999999999999999": .unreadableChunk, "BDAT 5 FIRST": .unreadableChunk,
    "RSET": .rset, "RSET x": .wrong([501]), "NOOP": .idle(250), "NOOP x y": .idle(250), "HELP": .idle(214),
    "VRFY ü": .idle(252), "VRFY": .wrong([501]), "EXPN list": .wrong([502]), "QUIT x": .wrong([501]),
    "STARTTLS": .startTLS, "STARTTLS now": .wrong([501]), "QUIT": .quit, "GET / HTTP/1.1": .foreign,
    "AUTH": .wrong([501]), "AUTH PLAIN a b": .wrong([501]),
    "AUTH CRAM-MD5": .login(mechanism: "CRAM-MD5", response: nil),
    "AUTH PLAIN": .login(mechanism: "PLAIN", response: nil), "AUTH plain =": .login(mechanism: "PLAIN", response: "="),
    "AUTH PLAIN \(plain)": .login(mechanism: "PLAIN", response: plain),
    "AUTH PLAIN \(plainWrong)": .login(mechanism: "PLAIN", response: plainWrong),
    "AUTH PLAIN !": .login(mechanism: "PLAIN", response: "!"),
    "AUTH LOGIN": .login(mechanism: "LOGIN", response: nil),
    "AUTH LOGIN \(name)": .login(mechanism: "LOGIN", response: name),
    "AUTH SCRAM-SHA-256": .login(mechanism: "SCRAM-SHA-256", response: nil),
    "AUTH SCRAM-SHA-256 \(first)": .login(mechanism: "SCRAM-SHA-256", response: first),
    "": .wrong([500]), "MAIL from:<a@b.example>x": .wrong([501]), "XYZZY": .wrong([500]),
    "NOOP \u{7}": .wrong([500]), "NOOP \n": .wrong([500]), "RSET\r": .wrong([500]),
  ]

  // MARK: logins

  static let responses = [plain, plainWrong, name, password, passwordWrong, first, final, "", "*", "!", "AAAA", "===="]

  /// What a client that knows the password says, mechanism first.
  static let rightLogins = [
    ["PLAIN", plain], ["LOGIN", name, password], ["SCRAM-SHA-256", first, final, ""],
  ]

  static let verifier = SCRAMVerifier(
    password: Array("s3cret".utf8), salt: Array("saltsalt".utf8), iterations: 4_096)
  static let nonce: [UInt8] = [1, 2, 3]

  private static let plain = Base64.encode(Array("\0alice\0s3cret".utf8))
  private static let plainWrong = Base64.encode(Array("\0alice\0secret".utf8))
  private static let name = Base64.encode(Array("alice".utf8))
  private static let password = Base64.encode(Array("s3cret".utf8))
  private static let passwordWrong = Base64.encode(Array("secret".utf8))
  private static let bareFirst = "n=alice,r=n0nce"
  private static let first = Base64.encode(Array("n,,\(bareFirst)".utf8))
  /// RFC 5802 section 3, by hand: the nonce of our side is always the same here.
  private static let final: String = {
    let both = "n0nce\(Base64.encode(nonce))"
    let serverFirst = "r=\(both),s=\(Base64.encode(Array("saltsalt".utf8))),i=4096"
    let withoutProof = "c=biws,r=\(both)"
    let message = Array("\(bareFirst),\(serverFirst),\(withoutProof)".utf8)
    let salted = PBKDF2.sha256(password: Array("s3cret".utf8), salt: Array("saltsalt".utf8), iterations: 4_096)
    let clientKey = HMACSHA256.authenticate(Array("Client Key".utf8), key: salted)
    let signature = HMACSHA256.authenticate(message, key: SHA256.digest(clientKey))
    let proof = Base64.encode(zip(clientKey, signature).map { $0 ^ $1 })
    return Base64.encode(Array("\(withoutProof),p=\(proof)".utf8))
  }()
}
