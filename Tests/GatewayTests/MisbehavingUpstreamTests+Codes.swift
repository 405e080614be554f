// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import TestKit
import Testing

@testable import Gateway

/// RFC 5321 section 4.2: what a client does depends on the code alone, and where it does not know it on the first digit.
extension MisbehavingUpstreamTests {
  @Test(
    "each 4yz puts off what it answers, known or not; none fails anybody", arguments: Form.allCases,
    [450, 451, 452, 455, 499])
  func transientCodes(form: Form, code: Int) throws {
    for stage in Self.stages(form) {
      let (kind, results): (UpstreamTrouble.Kind?, String?) =
        switch stage {
        case .startTLS: (.tls, nil)
        case .greeting, .ehlo, .secondEHLO, .auth: (.busy, nil)
        // Too many recipients for one transaction (RFC 5321 section 4.5.3.1.10): the rest at once in the next.
        case .firstRecipient where code == 452: (nil, "untried delivered")
        case .lastRecipient where code == 452: (nil, "delivered untried")
        case .firstRecipient: (nil, "deferred delivered")
        case .lastRecipient: (nil, "delivered deferred")
        default: (nil, "deferred deferred")
        }
      try check(form, stage, [.say("\(code) x")], kind: kind, results)
    }
  }

  @Test(
    "each 5yz fails those whom it answers, known or not, and before MAIL nobody", arguments: Form.allCases,
    [500, 501, 503, 550, 552, 554, 599])
  func permanentCodes(form: Form, code: Int) throws {
    for stage in Self.stages(form) {
      let (kind, results): (UpstreamTrouble.Kind?, String?) =
        switch stage {
        case .startTLS: (.tls, nil)
        case .auth: (.login, nil)
        // A server that does not know EHLO is asked by HELO, which offers no TLS and no login.
        case .greeting, .ehlo, .secondEHLO: (.broken, nil)
        // As 452 (RFC 5321 section 4.5.3.1.10).
        case .firstRecipient where code == 552: (nil, "untried delivered")
        case .lastRecipient where code == 552: (nil, "delivered untried")
        case .firstRecipient: (nil, "failed delivered")
        case .lastRecipient: (nil, "delivered failed")
        default: (nil, "failed failed")
        }
      try check(form, stage, [.say("\(code) x")], kind: kind, results)
    }
  }

  @Test("a code of 2yz that nobody knows is a yes, at each stage", arguments: Form.allCases)
  func positiveCodes(form: Form) throws {
    // At the others more is to be said than a code.
    for stage in [Stage.greeting, .mail, .firstRecipient, .lastRecipient, .end] {
      let (outcome, _) = try run(form, [stage: [.say("299 x")]])
      #expect(outcome.results == ["delivered delivered", "delivered delivered"] && outcome.trouble == nil, "\(stage)")
    }
  }

  @Test("399 where nothing is invited is no yes")
  func intermediateCodes() throws {
    for form in Form.allCases {
      for stage in [Stage.mail, .firstRecipient, .end] {
        let (outcome, record) = try run(form, [stage: [.say("399 x")]])
        #expect(outcome.trouble?.kind == .broken, "\(stage) \(form): \(outcome)")
        #expect(outcome.results.first?.contains("delivered") != true && record.taken.count <= 1)
      }
    }
  }
}
