// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import NIOCore
import SMTP
import TLS
import TestKit
import Testing

@testable import Gateway

/// What only a socket shows: certificates as they come, resets, and an upstream that answers before it has read.
@Suite("What a misbehaving upstream meets on loopback")
struct LoopbackUpstreamTests {
  private let credentials: TrialCredentials

  init() throws {
    credentials = try TrialCredentials.shared.get()
  }

  private func script(_ security: ClientPolicy.Security) -> UpstreamScript {
    var script = UpstreamScript()
    script.offers = ["PIPELINING", "8BITMIME"]
    script.offersTLS = security == .startTLS
    script.isImplicitTLS = security == .implicit
    script.mechanisms = ["PLAIN"]
    return script
  }

  private func run(
    _ security: ClientPolicy.Security, _ script: UpstreamScript, octets: Int = 200, server: TLSContext?
  ) throws -> (outcome: UpstreamTrial.Outcome, record: UpstreamRecord) {
    let login = ClientLogin(name: "u", password: Secret("upstream-secret-9"))
    let policy = ClientPolicy(hostname: "gate.test", security: security, login: security == .none ? nil : login)
    let record = ScriptedUpstream.Box()
    let outcome = try UpstreamTrial.runOnLoopback(
      policy, octets: octets, script, record: record, server: server, client: credentials.client)
    return (outcome, record.value.withLock { $0 })
  }

  @Test(
    "a certificate that is not the upstream's gets no login and no mail, and is told",
    arguments: [ClientPolicy.Security.implicit, .startTLS],
    ["expired", "not yet valid", "of another name", "of a stranger"]
      + CertificateMaker.Weakness.allCases.map(\.rawValue))
  func certificate(security: ClientPolicy.Security, kind: String) throws {
    let (outcome, record) = try run(security, script(security), server: credentials.unacceptable[kind])
    #expect(outcome.trouble?.kind == .tls && outcome.results.isEmpty)
    #expect(outcome.trouble?.text.text.contains("certificate") == true, "\(outcome)")
    #expect(!record.lines.contains { $0.hasPrefix("AUTH") || $0.hasPrefix("MAIL") })
    #expect(record.lines.filter { $0.hasPrefix("EHLO") }.count == (security == .startTLS ? 1 : 0))
  }

  @Test("the right one gets both", arguments: [ClientPolicy.Security.implicit, .startTLS])
  func delivered(security: ClientPolicy.Security) throws {
    let (outcome, record) = try run(security, script(security), octets: 200_000, server: credentials.server)
    #expect(outcome.results == ["delivered delivered"] && outcome.trouble == nil)
    #expect(record.handshakes == 1 && record.taken.first?.count ?? 0 > 199_000)
  }

  @Test("octets that are no TLS where TLS is due are trouble with TLS, and nothing is said in clear")
  func noTLS() throws {
    let (outcome, record) = try run(.implicit, script(.none), server: nil)
    #expect(outcome.trouble?.kind == .tls && !record.lines.contains { $0.hasPrefix("EHLO") })
  }

  @Test("a reset, or an end beneath TLS, in the middle of the content is no half message", arguments: [true, false])
  func cutOff(isReset: Bool) throws {
    var cut = script(.startTLS)
    cut.contentOctets = 12_000_000
    cut.acts[.bodyHalf] = [isReset ? .reset : .truncate]
    let (outcome, record) = try run(.startTLS, cut, octets: 12_000_000, server: credentials.server)
    #expect(
      outcome.trouble?.kind == .unreachable && outcome.results == ["deferred deferred"] && record.taken.isEmpty,
      "\(outcome)")
  }

  @Test("250 before all of the content is sent is no success")
  func early() throws {
    var early = script(.none)
    early.mechanisms = []
    early.contentOctets = 12_000_000
    early.acts[.bodyHalf] = [.say("250 2.0.0 enough")]
    let (outcome, record) = try run(.none, early, octets: 12_000_000, server: nil)
    #expect(outcome.trouble?.kind == .broken && outcome.results == ["deferred deferred"], "\(outcome)")
    #expect(record.taken.isEmpty, "\(outcome)")
  }

  @Test("a reply to STARTTLS that brings others along in clear ends it there")
  func injected() throws {
    var injecting = script(.startTLS)
    injecting.acts[.startTLS] = [.octets(Array("220 go on\r\n250-x\r\n250 AUTH PLAIN\r\n".utf8))]
    let (outcome, record) = try run(.startTLS, injecting, server: credentials.server)
    #expect(outcome.trouble?.kind == .broken && record.handshakes == 0)
    #expect(!record.lines.contains { $0.hasPrefix("AUTH") })
  }
}
