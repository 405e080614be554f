// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import Queue

/// What a session of a listener works with. One value for each connection.
package struct SubmissionContext {
  package var settings: Settings
  package var listener: Configuration.Listener
  package var address: IPAddress
  package var queue: MessageQueue
  package var logins: LoginChecker
  package var loop: SubmissionLoop
  package var clock: Clock
  package var log: EventLog
  package var admission: Admission
  package var rates: ClientRates
  package var announcements: Announcements
  package var clients: ClientBook
  /// The connection is gone: gives back its place.
  package var left: @Sendable () -> Void

  package init(
    settings: Settings, listener: Configuration.Listener, address: IPAddress, queue: MessageQueue,
    logins: LoginChecker, loop: SubmissionLoop, clock: Clock, log: EventLog, admission: Admission = Admission(),
    rates: ClientRates = ClientRates(), announcements: Announcements = Announcements(),
    clients: ClientBook = ClientBook(), left: @escaping @Sendable () -> Void
  ) {
    self.settings = settings
    self.listener = listener
    self.address = address
    self.queue = queue
    self.logins = logins
    self.loop = loop
    self.clock = clock
    self.log = log
    self.admission = admission
    self.rates = rates
    self.announcements = announcements
    self.clients = clients
    self.left = left
  }
}
