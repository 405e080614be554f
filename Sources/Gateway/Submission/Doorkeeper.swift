// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Configuration
import NIOCore
import Queue
import SMTP

/// Decides for each connection that comes in whether it becomes a session, and gives that what it works with. Asked by
/// `Listeners` on the connection's event loop, which is one of `loops`.
struct Doorkeeper: Sendable {
  let settings: SettingsHolder
  let counts: SessionCounts
  let loops: [SubmissionLoop]
  let queue: MessageQueue
  let logins: LoginChecker
  let clock: Clock
  let log: EventLog
  let admission: Admission
  let rates: ClientRates
  let announcements: Announcements
  let clients: ClientBook

  func admit(
    _ listener: Configuration.Listener, from address: IPAddress, on eventLoop: any EventLoop
  ) -> Listeners.Admission {
    let loop = loops.first { $0.eventLoop === eventLoop }!
    let isDenied = settings.current.configuration.access.deny.contains { $0.contains(address) }
    if let refusal = isDenied ? .denied : loop.refusal {
      let said = Refusal(command: "CONNECT", reply: refusal)
      log.report(.rejected(logged(listener, address), said), at: .info)
      note(said, listener, address)
      return .refused(refusal)
    }
    switch counts.enter(listener, from: address) {
    case .admitted:
      let counts = counts
      return .session(
        SubmissionContext(
          settings: settings.current, listener: listener, address: address, queue: queue, logins: logins, loop: loop,
          clock: clock, log: log, admission: admission, rates: rates, announcements: announcements, clients: clients,
          left: { counts.leave(listener.name, from: address) }))
    case .listenerFull, .gatewayFull: return exceeded(.tooManySessions, listener, address)
    case .clientFull: return exceeded(.tooManySessionsOfClient, listener, address)
    }
  }

  private func exceeded(
    _ reply: Reply, _ listener: Configuration.Listener, _ address: IPAddress
  ) -> Listeners.Admission {
    log.report(.sessionsExceeded(logged(listener, address), reply))
    note(Refusal(command: "CONNECT", reply: reply), listener, address)
    return .refused(reply)
  }

  private func note(_ refusal: Refusal, _ listener: Configuration.Listener, _ address: IPAddress) {
    let now = clock.now()
    let settings = settings.current
    clients.note(address, now, isExpected: { settings.expects(address) }) { record in
      record.connected(to: listener.name, now)
      record.refused(refusal, isTelling: true, now)
    }
  }

  private func logged(_ listener: Configuration.Listener, _ address: IPAddress) -> EventClient {
    EventClient(
      name: settings.current.configuration.client(at: address)?.name, address: "\(address)", listener: listener.name)
  }
}
