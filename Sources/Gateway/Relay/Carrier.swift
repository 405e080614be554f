// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Queue
import SMTP

/// How mail leaves: over SMTP to a relayhost, or into a Maildir for trying things out. The dispatcher tells it that
/// there is work; it asks the dispatcher for a message whenever it can take one, and reports what became of it.
/// Everything happens on the dispatcher's event loop.
protocol Carrier: AnyObject {
  /// `waiting` messages are ready; open at most `connectionsMax` connections for them.
  func work(waiting: Int, connectionsMax: Int)
  /// Has a look at what the upstream offers, if no connection is open that would.
  func ask()
  /// Whether `work` with these numbers would take a message or open a connection for one.
  func hasRoom(waiting: Int, connectionsMax: Int) -> Bool
  /// No more messages. Succeeds when those under way are finished.
  func drain() -> EventLoopFuture<Void>
  /// Ends what is left when the time for draining is over.
  func closeAll()
}

/// What a carrier sees of the dispatcher.
protocol CarrierDelegate: AnyObject {
  func nextLease() -> Lease?
  /// `course` is nil if it went over no connection.
  func finished(_ lease: consuming Lease, _ results: [RecipientResult], _ course: DeliveryCourse?)
  /// Nothing of this message was tried.
  func untried(_ lease: consuming Lease)
  func contentUnreadable(_ lease: consuming Lease, _ reason: String)
  func troubled(_ trouble: UpstreamTrouble)
  /// A dialogue stands, login and all; and it has carried a message.
  func connected(afterTransaction: Bool)
  /// What the upstream offers on a dialogue that stands.
  func announced(_ extensions: Extensions)
  /// What TLS came to on a connection that stands, or came this far; nil: it stands in clear.
  func secured(_ security: ConnectionSecurity?)
  /// Octets moved, in or out.
  func progressed()
  /// A connection ended without trouble; its place is free.
  func connectionRetired()
}
