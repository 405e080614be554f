// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import SMTP

/// A LAN client: some messages in one session, sent with our own `ClientSession`, which pipelines.
final class SimulatedClient {
  let link: SimulatedLink
  private var session = ClientSession(
    policy: ClientPolicy(hostname: "client.sim", security: .none, login: nil), nonce: [])
  private var input = ByteBuffer()
  private var plans: [Plan]
  private var current: (number: Int, addresses: [String], content: [UInt8])?
  /// What has been written up to the end of the data of `current`.
  private var end: Int?
  private(set) var isDone = false

  struct Plan {
    /// Whose address nobody else has.
    var domain: String
    var submitter: Int
    /// Their domains.
    var recipients: [String]
    /// Behind the subject.
    var body: [UInt8]
  }

  init(link: SimulatedLink, plans: [Plan]) {
    self.link = link
    self.plans = plans
  }

  func run(_ oracle: inout Oracle) {
    noteEnd(&oracle)
    guard !isDone else { return }
    var said = link.pull()
    input.writeBuffer(&said)
    var output = ByteBuffer()
    loop: while !isDone {
      switch session.received(&input, into: &output) {
      case .wait: break loop
      case .ready: begin(&oracle, &output)
      case .sendContent:
        oracle.invited(current!.number)
        session.content(current!.content, isLast: true, into: &output)
        session.contentSent()
        end = link.written + output.readableBytes
      case .finished(let results): finish(results, &oracle)
      case .failed(_, let results):
        finish(results, &oracle)
        isDone = true
      case .startTLS, .derive, .sendFlight, .close: isDone = true
      }
    }
    link.write(output)
    if !link.channel.isActive { isDone = true }
    if isDone { link.isEnding = true }
  }

  private func noteEnd(_ oracle: inout Oracle) {
    if let end, let number = current?.number, link.arrived >= end { oracle.sent(number) }
  }

  private func begin(_ oracle: inout Oracle, _ output: inout ByteBuffer) {
    guard let plan = plans.popLast() else { return isDone = true }
    let number = oracle.intend(plan) { Array("Subject: \($0)\r\n".utf8) + plan.body }
    let message = oracle.messages[number]
    let addresses = message.recipients.map(\.address)
    current = (number, addresses, message.content)
    end = nil
    let envelope = Envelope(sender: Address(message.sender), recipients: addresses.map { Address($0)! })
    let octets = UInt64(message.content.count)
    if case .finished(let results) = session.deliver(
      ClientTransaction(envelope: envelope, octets: octets, isEightBit: false), into: &output)
    {
      finish(results, &oracle)
    }
  }

  private func finish(_ results: [RecipientResult], _ oracle: inout Oracle) {
    guard let (number, _, _) = current else { return }
    noteEnd(&oracle)
    for (index, result) in results.enumerated() {
      switch result {
      case .delivered, .relayed: oracle.answered(number, index, .promised)
      case .deferred(let reply), .failed(let reply):
        if index == 0 { oracle.refused(number, reply) }
        oracle.answered(number, index, .refused)
      case .unknown, .untried: oracle.answered(number, index, .none)
      }
    }
    current = nil
    end = nil
  }
}
