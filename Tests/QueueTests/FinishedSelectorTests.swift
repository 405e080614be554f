// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP
import Testing

@testable import Queue

@Suite("Selector of finished mail")
struct FinishedSelectorTests {
  private static let now: Int64 = 1_800_000_000_000
  private static let message = FinishedMessage(
    id: MessageID(number: 4711), sender: Address("backup@example.com"),
    recipients: [
      FinishedRecipient(
        index: 0, address: Address("bob@example.org")!, state: .sent, attempts: 1,
        reply: Reply(250, EnhancedStatus(2, 0, 0), "queued"), finished: now - 1000, upstream: "gmail"),
      FinishedRecipient(
        index: 1, address: Address("eve@example.net")!, state: .failed, attempts: 3,
        reply: Reply(550, EnhancedStatus(5, 1, 1), "no such user"), finished: now - 500, upstream: "gmail"),
    ],
    size: 5000, received: now - 7_200_000, submitter: "192.168.1.20")

  private func matches(_ text: String) throws -> Bool {
    let surroundings = Selector.Surroundings(contains: { network, address in
      network == "192.168.0.0/16" && address == "192.168.1.20"
    })
    return try Selector(text).matches(Self.message, now: Self.now, in: surroundings)
  }

  @Test(
    "finds what it says",
    arguments: [
      "state:sent", "state:sent to:bob@example.org", "state:failed to:@example.net", "state:sent,failed",
      "state:failed code:550", "state:failed code:5.1.1", "state:failed reason:such", "state:failed tries:3",
      "state:sent from:backup@*", "state:sent user:192.168.1.20", "state:sent client:192.168.0.0/16",
      "state:sent age:>1h", "state:sent size:>4K", "state:sent upstream:gmail", "state:sent -to:carol@example.org",
      "state:deferred,sent",
    ])
  func found(_ text: String) throws { #expect(try matches(text)) }

  @Test(
    "and nothing else: all terms are about one recipient, and what is not asked for is not looked for",
    arguments: [
      "to:bob@example.org", "state:deferred", "-state:deferred", "state:expired", "state:dropped",
      "state:sent to:eve@example.net", "state:sent code:550", "state:sent -to:eve@example.net", "state:sent next:<10m",
      "state:sent client:10.0.0.0/8", "state:sent from:<>", "state:sent state:failed", "state:sent 0000",
    ])
  func passedOver(_ text: String) throws { #expect(try !matches(text)) }

  @Test("knows whether mail that waits and mail that is finished are meant")
  func meant() throws {
    for (text, waiting, finished) in [
      ("state:sent", false, true), ("state:sent,expired to:@example.org", false, true), ("state:failed", true, true),
      ("state:sent,deferred", true, true), ("to:bob@example.org", true, false), ("-state:sent", true, false),
      ("state:held", true, false), ("state:deferred state:sent", false, true),
    ] {
      let selector = try Selector(text)
      #expect(selector.wantsWaiting == waiting && selector.wantsFinished == finished, "\(text)")
    }
  }
}
