// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Configuration
import SMTP
import TLS

/// Why a client cannot get in, in sentences: what it heard last, what that means, and the stanza or the command that
/// helps. A value; it looks nothing up.
struct ClientExplanation {
  private let findings: ClientFindings
  private let now: Int64

  init(_ findings: ClientFindings, now: Int64) {
    self.findings = findings
    self.now = now
  }

  func reply() throws(AdminError) -> WhyReply {
    guard let record = troubled else { throw unseen }
    switch record.condition {
    case .works: return works(record)
    case .silent: return silent(record)
    case .refused(let heard): return refused(record, heard)
    case .handshakeFailed(let handshake): return handshakeFailed(record, handshake)
    }
  }

  /// Of several clients of a stanza the one that somebody asks about: that cannot get in, and was here last.
  private var troubled: ClientRecord? {
    findings.records.max { one, other in
      let (fails, otherFails) = (one.condition != .works, other.condition != .works)
      return fails == otherFails ? one.lastSeen < other.lastSeen : otherFails
    }
  }

  // MARK: How it went

  private func works(_ record: ClientRecord) -> WhyReply {
    var reasons = history(record)
    if let heard = record.lastRefusal {
      reasons.append("before that it heard, at \(time(heard.wall)): \(heard.refusal.reply)")
    }
    return WhyReply(
      subject: findings.subject, state: "ok", headline: "Client \(who(record)) hands in mail", reasons: reasons,
      actions: [])
  }

  private func silent(_ record: ClientRecord) -> WhyReply {
    WhyReply(
      subject: findings.subject, state: "silent",
      headline: "Client \(who(record)) came at \(time(record.lastSeen)) and handed in nothing:",
      reasons: [
        "it connected to \(record.listener)\(record.tls.map { ", with \($0)" } ?? ", without TLS"), and nothing was refused",
        "it left by itself: the device may have given up over the certificate, or only tested the port",
      ] + history(record), actions: [])
  }

  private func refused(_ record: ClientRecord, _ heard: ClientRecord.Heard) -> WhyReply {
    let cause = heard.refusal.cause
    var advice = ClientAdvice(cause, user: record.user)
    var stanza: WhyReply.Stanza?
    if let outcome = remedy(record, heard.refusal) {
      switch outcome {
      case .stanza(let found, let besides):
        stanza = found
        advice.sentences += besides
      case .none: advice.sentences.append("the configuration allows that by now; it has not come again since")
      case .unwise(let why): advice.sentences.append(why)
      }
    }
    if stanza != nil, cause == .clearLogin {
      advice.sentences.append("if it has no TLS: switch off its login, and let it in as below")
    }
    return reply(
      record, "refused", "was refused at \(time(heard.wall)):",
      ["it heard, to \(heard.refusal.command): \(heard.refusal.reply)"] + advice.sentences, advice.actions, stanza,
      said: heard.refusal.reply.description)
  }

  private func handshakeFailed(_ record: ClientRecord, _ handshake: ClientRecord.Handshake) -> WhyReply {
    let isBeyond = handshake.fault == .version && handshake.reason.text.contains("offers ssl 3.0")
    var advice = isBeyond ? ClientAdvice.olderThanTLS : ClientAdvice(handshake.fault)
    var stanza: WhyReply.Stanza?
    if handshake.fault == .version || handshake.fault == .algorithms {
      let exception = isBeyond ? "plaintext" : "tls1.0"
      switch ClientRemedy(record, findings).outcome(needs: isBeyond ? .plaintext : .tls10) {
      case .stanza(let found, let besides):
        stanza = found
        advice.sentences += besides
      case .none: advice.sentences.append("the configuration allows \(exception) by now; it has not come again since")
      case .unwise(let why): advice.sentences.append(why)
      }
    }
    return reply(
      record, "no-tls", "could not agree on TLS with us at \(time(handshake.wall)):",
      ["on \(record.listener): \(handshake.reason)"] + advice.sentences, advice.actions, stanza, said: nil)
  }

  private func reply(
    _ record: ClientRecord, _ state: String, _ what: String, _ reasons: [String], _ actions: [WhyReply.Action],
    _ stanza: WhyReply.Stanza?, said: String?
  ) -> WhyReply {
    let reload = WhyReply.Action(label: "then: take the configuration over", command: "postern reload")
    return WhyReply(
      subject: findings.subject, state: state, headline: "Client \(who(record)) \(what)",
      reasons: reasons + history(record), reply: said, actions: actions + (stanza == nil ? [] : [reload]),
      stanza: stanza)
  }

  // MARK: What would let it in

  /// nil: no stanza has anything to do with it.
  private func remedy(_ record: ClientRecord, _ refusal: Refusal) -> ClientRemedy.Outcome? {
    let remedy = ClientRemedy(record, findings)
    switch refusal.cause {
    // What is asked for before has been got over by then.
    case .noLogin: return remedy.outcome(needs: .noAuth)
    case .noTLS, .portForNamed, .clearLogin: return remedy.outcome(needs: .plaintext)
    case .bareLineEnd: return remedy.outcome(needs: .bareLF)
    case .hostName: return remedy.outcome(needs: .anyHelo)
    case .rate:
      return remedy.outcome(needs: []) { client in
        guard let rate = client.rate else { return }
        client.rate = Configuration.Rate(count: rate.count * 2, seconds: rate.seconds)
      }
    case .recipient:
      guard let domain = Self.domain(in: refusal.reply), let pattern = MailboxPattern("@\(domain)") else { return nil }
      return remedy.outcome(needs: []) { client in
        if !client.allowTo.isEmpty, !client.allowTo.contains(pattern) { client.allowTo.append(pattern) }
      }
    default: return nil
    }
  }

  /// Of the recipient that our own text names.
  private static func domain(in reply: Reply) -> String? {
    let text = reply.text.text
    let beginning = "Recipient "
    guard text.hasPrefix(beginning), let end = text.firstRange(of: " not allowed from here;") else { return nil }
    let recipient = String(text[..<end.lowerBound].dropFirst(beginning.count))
    return Address(recipient).map { String($0.domain) }
  }

  // MARK: Words

  private func who(_ record: ClientRecord) -> String {
    let name = findings.configuration.client(at: record.address)?.name
    return "\(record.address)" + (name.map { " (\($0))" } ?? "")
  }

  private func history(_ record: ClientRecord) -> [String] {
    var facts: [String] = []
    if let last = record.lastAccepted {
      facts.append("\(Humane.count(record.accepted, "message")) accepted since the start, the last at \(time(last))")
    } else {
      facts.append("no message accepted since the start, \(Humane.count(record.connections, "connection"))")
    }
    if record.failedLogins > 0 { facts.append("\(Humane.count(record.failedLogins, "login")) failed") }
    if let user = record.user { facts.append("the last login was \(user)'s") }
    if findings.records.count > 1 {
      facts.append("\(findings.records.count - 1) more of \(findings.subject) were here: postern clients")
    }
    return facts
  }

  private func time(_ milliseconds: Int64) -> String {
    let time = Timestamp(milliseconds: milliseconds)
    return "\(time.forPeople) (\(Humane.longSpan(seconds: Int((now - milliseconds) / 1000))) ago)"
  }

  private var unseen: AdminError {
    let ports = Array(Set(findings.ports)).sorted().map(String.init).joined(separator: ", ")
    let since = Humane.longSpan(seconds: Int((now - findings.started) / 1000))
    let what = findings.isAddress ? findings.subject : "no client of [[client]] \(findings.subject)"
    let verb = findings.isAddress ? "has not connected" : "has connected"
    return AdminError(
      "client.unseen", "\(what) \(verb) since posternd started, \(since) ago",
      context: [
        "we listen on \(ports.isEmpty ? "no port" : "port \(ports)"): is that the port in the device, and our address?",
        "a firewall in between lets nothing through and tells nobody; a device behind a router has the router's address",
        "who else was here: postern clients",
      ], hint: "postern clients", exit: .noInput)
  }
}
