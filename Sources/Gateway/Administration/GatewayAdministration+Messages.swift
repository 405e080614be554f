// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Configuration
import Queue
import SMTP

/// What the console asks of the queue.
extension GatewayAdministration {
  func page(after: MessageID?, limit: Int) -> [MessageView] {
    gateway.queue.page(after: after, limit: limit)
  }

  func show(_ prefix: String) -> ShowResult {
    let ids = gateway.queue.find(prefix: prefix)
    guard let id = ids.first else { return .unknown }
    guard ids.count == 1 else { return .ambiguous(ids) }
    let now = gateway.clock.now().wall
    // A record that cannot be read back is a message all the same.
    if let details = details(of: id) { return .found(MessageReply(details, notes: detours(of: id), now: now)) }
    return gateway.queue.view(id).map { .found(MessageReply($0, now: now)) } ?? .unknown
  }

  func details(of id: MessageID) -> MessageDetails? {
    try? gateway.queue.details(id)
  }

  func detours(of id: MessageID) -> [Detours.Note] { gateway.detours.notes(of: id) }

  func lastReply(of id: MessageID) -> Reply? {
    try? gateway.queue.lastReply(id)
  }

  var surroundings: Selector.Surroundings {
    let ways = gateway.settings.current.routes.ways
    // While a new routing is on its way a lane may be one that it has not.
    let detours = gateway.detours
    let upstreams = { (lane: UInt8) in
      Int(lane) < ways.count ? ways[Int(lane)].names : detours.way(of: lane)?.names ?? []
    }
    return Selector.Surroundings(upstreams: upstreams) { network, address in
      guard let network = Network(network), let address = IPAddress(address) else { return false }
      return network.contains(address)
    }
  }

  func flush(_ ids: [MessageID]) -> Int {
    gateway.queue.flush(ids, now: gateway.clock.now())
  }

  func hold(_ ids: [MessageID], until: Int64?, by: String, reason: String?) -> Int {
    gateway.queue.hold(
      ids, until: until, by: PeerText(by), reason: reason.map { PeerText($0) }, now: gateway.clock.now())
  }

  func release(_ ids: [MessageID]) -> Int {
    gateway.queue.release(ids, now: gateway.clock.now())
  }

  func bounce(_ ids: [MessageID], reason: String?, report: Bool) -> Int {
    let host = gateway.settings.current.configuration.hostname
    let text = "given back by the administrator of \(host)" + (reason.map { ": \($0)" } ?? "")
    // No status says that a person decided; what is left is the class (RFC 3463 section 3.1).
    let reply = Reply(554, EnhancedStatus(5, 0, 0), text)
    let now = gateway.clock.now()
    let before = ids.compactMap { gateway.queue.view($0) }
    let count = gateway.queue.bounce(ids, reply: reply, report: report, now: now)
    for message in before { log(message, bouncedWith: reply, at: now.wall) }
    return count
  }

  var droppedKeep: Int64 { gateway.settings.current.configuration.queue.droppedKeep }

  func drop(_ ids: [MessageID], into batch: UInt64?, by: String) -> DroppedMail? {
    let now = gateway.clock.now()
    let keep = droppedKeep
    return gateway.queue.drop(ids, keep: keep, by: PeerText(by), into: batch, now: now).map {
      DroppedMail(batch: $0.batch, count: $0.count, until: now.wall + keep)
    }
  }

  func erase(_ ids: [MessageID]) -> Int {
    let before = ids.filter { gateway.queue.view($0) != nil }
    let count = gateway.queue.erase(ids, now: gateway.clock.now())
    for id in before where gateway.queue.view(id) == nil { gateway.log.report(.removed(id), at: .info) }
    return count
  }

  func undrop(batch: UInt64) -> Int {
    gateway.queue.undrop(batch: batch, now: gateway.clock.now())
  }

  func droppedBatches() -> [UInt64: Int] { gateway.queue.droppedCounts }

  /// As after an attempt: whoever follows a message in the log finds its end there.
  private func log(_ message: MessageView, bouncedWith reply: Reply, at wall: Int64) {
    let left = gateway.queue.view(message.id)
    for (index, recipient) in message.recipients.enumerated() {
      guard recipient.state == .queued || recipient.state == .deferred,
        left.map({ $0.recipients[index].state == .failed || $0.recipients[index].state == .reported }) ?? true
      else { continue }
      gateway.log.report(
        .failed(
          DeliveryReport(
            id: message.id, to: recipient.address, upstream: "none", course: nil, reply: reply,
            attempt: recipient.attempts, delayMilliseconds: wall - message.received)))
    }
    if left == nil { gateway.log.report(.removed(message.id), at: .info) }
  }
}
