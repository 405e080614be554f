// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import NIOCore

@testable import SMTP

/// A dialogue from Tests/Transcripts; the README there describes the format.
struct Transcript: Sendable, CustomStringConvertible {
  struct Line: Sendable {
    var number: Int
    var verb: String
    var text: String
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  let description: String
  let isServer: Bool
  let given: [String]
  let lines: [Line]

  static let all: [Transcript] = {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Transcripts")
    let files = try! FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    return files.filter { $0.pathExtension == "smtp" }.sorted { $0.path < $1.path }.map { Transcript(file: $0) }
  }()

  private init(file: URL) {
    var role = ""
    var given: [String] = []
    var lines: [Line] = []
    let text = try! String(contentsOf: file, encoding: .utf8)
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let words = line.split(separator: " ", maxSplits: 1)
      let rest = words.count > 1 ? String(words[1]) : ""
      switch words.first {
      case nil, "#": continue
      case "ROLE": role = rest
      case "GIVEN": given = rest.split(separator: " ").map(String.init)
      case .some(let verb): lines.append(Line(number: index + 1, verb: String(verb), text: rest))
      }
    }
    description = file.lastPathComponent
    isServer = role == "server"
    self.given = given
    self.lines = lines
  }

  func value(_ key: String) -> String? {
    given.first { $0.hasPrefix("\(key)=") }.map { String($0.dropFirst(key.count + 1)) }
  }

  func fail(_ line: Line, _ what: String) -> Failure {
    Failure(description: "\(description):\(line.number): \(line.verb) \(line.text): \(what)")
  }

  /// `*` at the end, or alone in the middle, stands for any text.
  static func matches(_ pattern: String, _ text: String) -> Bool {
    let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
    guard parts.count > 1 else { return pattern == text }
    return parts.count == 2 && text.hasPrefix(parts[0]) && text.hasSuffix(parts[1])
      && text.utf8.count >= pattern.utf8.count - 1
  }
}

/// What the session under test has said, line by line.
struct SaidLines {
  var octets = ByteBuffer()

  mutating func next() -> String? {
    guard let end = octets.readableBytesView.firstIndex(of: 0x0A) else { return nil }
    let line = octets.readString(length: end + 1 - octets.readerIndex)!
    // CRLF is one Character.
    return line.last == "\r\n" ? String(line.dropLast()) : "(bare LF) " + line
  }
}

/// Plays a transcript against a `ServerSession` in memory: the part of the handler, without a channel.
struct ServerPlay: ~Copyable {
  private let transcript: Transcript
  private var session: ServerSession
  private var input = ByteBuffer()
  private var said = SaidLines()
  private var isClosed = false
  private var isStartingTLS = false

  init(_ transcript: Transcript) {
    self.transcript = transcript
    let given = transcript.given
    session = ServerSession(
      policy: ServerPolicy(
        hostname: "gate.test", offersTLS: !given.contains("implicit"),
        messageOctetsMax: transcript.value("size").flatMap { UInt64($0) } ?? 1_000_000,
        recipientsMax: transcript.value("recipients").flatMap { Int($0) } ?? 100),
      rights: ClientRights(mayOmitLogin: given.contains("no-auth"), mayOmitTLS: given.contains("plaintext")),
      isTLS: given.contains("implicit"))
  }

  mutating func play() throws {
    session.opened(into: &said.octets)
    for line in transcript.lines {
      switch line.verb {
      case "C:", "C+":
        input.writeString(line.text + "\r\n")
        if line.verb == "C:" { run() }
      case "C*":
        let words = line.text.split(separator: " ", maxSplits: 1)
        for _ in 0..<Int(words[0])! { input.writeString(words[1] + "\r\n") }
        run()
      case "S:":
        guard let got = said.next() else { throw transcript.fail(line, "nothing was said") }
        guard Transcript.matches(line.text, got) else { throw transcript.fail(line, "got '\(got)'") }
      case "TLS":
        guard isStartingTLS else { throw transcript.fail(line, "no handshake was asked for") }
        isStartingTLS = false
        session.tlsStarted()
        run()
      case "ADVANCE":
        isClosed = session.end(.timeout, into: &said.octets) == .close
      case "CLOSED":
        guard isClosed else { throw transcript.fail(line, "the session is open") }
        if let more = said.next() { throw transcript.fail(line, "said more: '\(more)'") }
      default:
        throw transcript.fail(line, "unknown line")
      }
    }
    if let more = said.next() { throw Transcript.Failure(description: "\(transcript): said more: '\(more)'") }
  }

  private mutating func run() {
    while !isClosed {
      switch session.received(&input, into: &said.octets) {
      case .wait: return
      case .startTLS:
        isStartingTLS = true
        return
      case .verify(let attempt):
        let isRight =
          switch attempt.evidence {
          case .password(let password): attempt.name == "alice" && password == Secret("s3cret")
          case .proof(let isRight): attempt.name == "alice" && isRight
          case .certificate: attempt.name == "alice"
          }
        if session.loginChecked(isRight ? .accepted : .rejected, into: &said.octets) == .close { isClosed = true }
      case .lookUp:
        let verifier = SCRAMVerifier(password: Array("s3cret".utf8), salt: Array("saltsalt".utf8), iterations: 4_096)
        let action = session.found(
          verifier, nonce: [1, 2, 3], bindings: ChannelBindings(), into: &said.octets)
        if action == .close { isClosed = true }
      case .store: session.stored()
      case .commit: session.committed("7KQ2M9XF4", into: &said.octets)
      case .abandon, .send: break
      case .close: isClosed = true
      }
    }
  }
}

/// Plays a transcript against a `ClientSession` in memory.
struct ClientPlay {
  private let transcript: Transcript
  private var session: ClientSession
  private var input = ByteBuffer()
  private var said = SaidLines()
  private var isStartingTLS = false
  private var isClosed = false
  private var results: [RecipientResult]?
  private var trouble: UpstreamTrouble?

  init(_ transcript: Transcript) {
    self.transcript = transcript
    let security: ClientPolicy.Security =
      transcript.given.contains("starttls") ? .startTLS : transcript.given.contains("implicit") ? .implicit : .none
    let login = transcript.value("login").map { mechanism in
      ClientLogin(
        name: "alice",
        secret: transcript.given.contains("token") ? .token(Secret("t0ken")) : .password(Secret("s3cret")),
        mechanism: mechanism == "auto" ? nil : ClientMechanism(rawValue: mechanism.uppercased()))
    }
    session = ClientSession(
      policy: ClientPolicy(hostname: "gate.test", security: security, login: login), nonce: [1, 2, 3],
      oneFlight: transcript.given.contains("memory") ? .untried : .forbidden)
  }

  mutating func play() throws {
    for line in transcript.lines {
      switch line.verb {
      case "S:", "S+":
        input.writeString(line.text + "\r\n")
        if line.verb == "S:" { run() }
      case "C:":
        guard let got = said.next() else { throw transcript.fail(line, "nothing was said; trouble: \(trouble as Any)") }
        guard Transcript.matches(line.text, got) else { throw transcript.fail(line, "got '\(got)'") }
      case "TLS":
        guard isStartingTLS else { throw transcript.fail(line, "no handshake was asked for") }
        session.tlsStarted(ChannelBindings(), into: &said.octets)
      case "DELIVER":
        let words = line.text.split(separator: " ").map { $0.filter { !"<>".contains($0) } }
        let from = words.count > 1 ? words[0] : ""
        let message = ClientTransaction(
          envelope: Envelope(
            sender: Address(from),
            recipients: words[from.isEmpty ? words.count - 1 : 1].split(separator: ",").map { Address(String($0))! }),
          octets: 18, isEightBit: line.text.hasSuffix("8bit"))
        take(session.deliver(message, content: Self.content, into: &said.octets))
      case "RESULT":
        let words = results.map { $0.map(Self.word).joined(separator: " ") } ?? "no result"
        guard words == line.text else { throw transcript.fail(line, "got \(words); trouble: \(trouble as Any)") }
        results = nil
      case "TROUBLE":
        guard trouble?.kind.rawValue == line.text else { throw transcript.fail(line, "got \(trouble as Any)") }
      case "CLOSED":
        guard isClosed else { throw transcript.fail(line, "the session is open") }
      default:
        throw transcript.fail(line, "unknown line")
      }
    }
    if let more = said.next() { throw Transcript.Failure(description: "\(transcript): said more: '\(more)'") }
  }

  private mutating func run() {
    while !isClosed {
      let action = session.received(&input, into: &said.octets)
      take(action)
      if action == .wait { return }
    }
  }

  private mutating func take(_ action: ClientSession.Action) {
    switch action {
    case .wait, .ready: break
    case .startTLS: isStartingTLS = true
    case .derive(let derivation): take(session.derived(derivation.run(), into: &said.octets))
    case .sendContent:
      session.content(Self.content, isLast: true, into: &said.octets)
      session.contentSent()
    case .sendFlight: session.contentSent()
    case .finished(let results): self.results = results
    case .failed(let trouble, let results):
      self.trouble = trouble
      self.results = results
      isClosed = true
    case .close: isClosed = true
    }
  }

  private static let content = Array("Subject: t\r\n\r\n.x".utf8)

  private static func word(_ result: RecipientResult) -> String {
    switch result {
    case .delivered: "delivered"
    case .relayed: "relayed"
    case .deferred: "deferred"
    case .failed: "failed"
    case .unknown: "unknown"
    case .untried: "untried"
    }
  }
}
