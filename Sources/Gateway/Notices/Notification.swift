// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Mail
import Queue
import SMTP
import Synchronization

/// One notification, finished in memory: its octets, who gets it, and the notice that it will end when it is accepted.
struct Notification: Sendable {
  let submission: Submission
  let octets: [UInt8]
  let facts: NotificationFacts
  /// Why the message could not be read; nil if it could.
  let damage: String?
  let notice: NoticeHolder
}

/// Carries a notice from the thread that took it to the event loop that will hand it back with the notification.
final class NoticeHolder: Sendable {
  private let notice: Mutex<Notice?>

  init(_ notice: consuming Notice) {
    self.notice = Mutex(notice)
  }

  /// nil from the second time on. One that nobody takes is given back to the queue.
  func take() -> Notice? {
    notice.withLock { $0.take() }
  }
}

/// Takes the next notice and writes its notification. Runs on a thread that may wait for the disk.
struct NotificationJob: Sendable {
  let queue: MessageQueue
  let clock: Clock
  let settings: Settings

  /// nil if there is nothing to tell.
  func run() throws -> Notification? {
    let now = clock.now()
    guard let notice = try queue.nextNotice(now: now) else { return nil }
    var damage: String?
    let original = try original(of: notice, &damage)
    let id = queue.makeID()
    let told = told(of: notice.sender, notice.kind, from: notice.origin.client)
    let configuration = settings.configuration
    let report = DeliveryStatusReport(
      kind: Self.kind(of: notice),
      hostname: configuration.hostname, id: id.description, messageID: notice.id.description,
      sender: notice.sender.text, told: told.map(\.text), arrival: notice.received / 1000, now: now.wall / 1000,
      zoneOffset: clock.zoneOffset,
      remote: remote,
      recipients: notice.recipients.map(Self.recipient), original: original, returned: Self.returned(of: notice),
      envelopeID: notice.envelopeID)
    let octets = report.octets()
    let facts = NotificationFacts(
      id: id, about: notice.id, kind: notice.kind, told: told, isSenderTold: told.contains(notice.sender))
    return Notification(
      submission: Submission(
        id: id, envelope: Envelope(sender: nil, recipients: told, isUTF8: report.isUnicode), origin: Self.origin,
        hints: ContentHints(
          isEightBit: octets.contains { $0 >= 0x80 }, isHeaderEightBit: report.isUnicode)),
      octets: octets, facts: facts, damage: damage, notice: NoticeHolder(notice))
  }

  private static func kind(of notice: borrowing Notice) -> DeliveryStatusReport.Kind {
    switch notice.kind {
    case .failed: .failed
    case .delayed: .delayed(until: notice.expires / 1000)
    case .relayed: .relayed
    }
  }

  private static func returned(of notice: borrowing Notice) -> DeliveryStatusReport.Returned? {
    switch notice.returned {
    case nil: nil
    case .full: .full
    case .header: .header
    }
  }

  /// Whose answers these are; nil if there are several that may have given them.
  private var remote: String? {
    let upstreams = settings.configuration.upstreams
    return upstreams.count == 1 && !upstreams[0].isCapture ? upstreams[0].host : nil
  }

  /// We are no client: no address, and a turn of our own beside the submitters.
  private static let origin = Origin(address: "", client: "postern", listener: "internal")

  /// As the admin wants it; whoever is both is told once. Nobody may read what the sender gets that he gave to a device.
  /// Who asked to hear of success hears it himself.
  private func told(of sender: Address, _ kind: Notice.Kind, from client: String?) -> [Address] {
    let configuration = settings.configuration
    let postmaster = configuration.postmasterAddress
    if client.flatMap(configuration.client(named:))?.from != nil { return [postmaster] }
    if kind == .relayed { return [sender] }
    let isSender = postmaster.text.lowercased() == sender.text.lowercased()
    return switch configuration.bounce.to {
    case .sender: [sender]
    case .postmaster: [isSender ? sender : postmaster]
    case .both: isSender ? [sender] : [sender, postmaster]
    }
  }

  /// As much of the message as can go back.
  private func original(of notice: borrowing Notice, _ damage: inout String?) throws -> DeliveryStatusReport.Original {
    let content = notice.content
    let isSmall = content.octets <= DeliveryStatusReport.returnedOctetsMax(Self.returned(of: notice))
    let wanted = isSmall ? content.octets : MailLimits.returnedHeaderOctetsMax
    var octets: [UInt8] = []
    do throws(ContentError) {
      for chunk in 0..<content.chunkCount where octets.count < wanted {
        octets += try queue.read(chunk, of: content, mayBlock: true) ?? []
      }
    } catch {
      // Damage is for ever; anything else may pass.
      guard error.isDamage else { throw error }
      damage = "\(error)"
      return .unreadable
    }
    return octets.count == content.octets ? .whole(octets) : .beginning(octets)
  }

  private static func recipient(_ recipient: NoticeRecipient) -> DeliveryStatusReport.Recipient {
    DeliveryStatusReport.Recipient(
      address: recipient.address.text,
      original: recipient.original.map { DeliveryStatusReport.OriginalAddress(type: $0.type, address: $0.address) },
      code: recipient.reply?.code ?? 0, status: recipient.reply?.status?.description,
      text: recipient.reply?.text.text ?? "",
      isAnswer: !recipient.isExpired && !recipient.isBounced && recipient.reply?.isOurs != true,
      isExpired: recipient.isExpired,
      lastAttempt: recipient.isBounced ? nil : recipient.wall.map { $0 / 1000 })
  }
}
