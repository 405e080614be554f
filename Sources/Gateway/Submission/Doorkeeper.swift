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

  func admit(
    _ listener: Configuration.Listener, from address: IPAddress, on eventLoop: any EventLoop
  ) -> Listeners.Admission {
    let loop = loops.first { $0.eventLoop === eventLoop }!
    let isDenied = settings.current.configuration.access.deny.contains { $0.contains(address) }
    if let refusal = isDenied ? .denied : loop.refusal {
      let client = logged(listener, address)
      log.report(.rejected(client, Refusal(command: "CONNECT", reply: refusal)), at: .info)
      return .refused(refusal)
    }
    switch counts.enter(listener, from: address) {
    case .admitted:
      let counts = counts
      return .session(
        SubmissionContext(
          settings: settings.current, listener: listener, address: address, queue: queue, logins: logins, loop: loop,
          clock: clock, log: log, admission: admission, rates: rates, announcements: announcements,
          left: { counts.leave(listener.name, from: address) }))
    case .listenerFull, .gatewayFull:
      log.report(.sessionsExceeded(logged(listener, address)))
      return .refused(.tooManySessions)
    case .clientFull:
      log.report(.sessionsExceeded(logged(listener, address)))
      return .refused(.tooManySessionsOfClient)
    }
  }

  private func logged(_ listener: Configuration.Listener, _ address: IPAddress) -> EventClient {
    EventClient(
      name: settings.current.configuration.client(at: address)?.name, address: "\(address)", listener: listener.name)
  }
}
