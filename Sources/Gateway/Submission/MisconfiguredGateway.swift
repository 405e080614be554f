// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import SMTP
import Systemd

/// What stands at the ports while there is no gateway because its configuration is wrong.
///
/// A client that waits at a socket of systemd starts the service; if that ended at once, the same client would start it
/// again, until systemd gives the socket up. So `posternd` calls this before it exits: for a while everyone who comes
/// hears that it is our fault, and that it passes. It has one connection at a time and reads nothing.
package struct MisconfiguredGateway {
  package static let seconds: Int64 = 10
  /// Clients that come again at once should not keep a core busy; who comes later waits for the next start.
  static let answersMax = 1_000

  private struct Port {
    var descriptor: Int32
    var speaksClearText: Bool
  }

  private let ports: [Port]

  package init(sockets: InheritedSockets) {
    ports = sockets.names.flatMap { name in
      ((try? sockets.take(name)) ?? []).map { descriptor in
        Port(descriptor: descriptor, speaksClearText: Self.speaksClearText(descriptor, name: name))
      }
    }
  }

  /// Answers until the time is over. Returns at once where no socket was inherited: nobody can come.
  package func answer() {
    defer { for port in ports { close(port.descriptor) } }
    guard !ports.isEmpty else { return }
    for port in ports {
      // Another process may be quicker to take a connection than we are.
      _ = fcntl(port.descriptor, F_SETFL, fcntl(port.descriptor, F_GETFL) | O_NONBLOCK)
    }
    let end = NIODeadline.now() + .seconds(Self.seconds)
    var answers = 0
    while true {
      let left = (end - .now()).nanoseconds / 1_000_000
      guard left > 0 else { return }
      var polls = ports.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
      if answers >= Self.answersMax { polls = [] }
      guard poll(&polls, nfds_t(polls.count), Int32(left)) > 0 else { continue }
      for (port, found) in zip(ports, polls) where found.revents != 0 {
        answers += 1
        refuse(at: port)
      }
    }
  }

  private func refuse(at port: Port) {
    let connection = accept(port.descriptor, nil, nil)
    guard connection >= 0 else { return }
    defer { close(connection) }
    guard port.speaksClearText else { return }
    var text = ByteBuffer()
    text.write(Reply.misconfigured)
    // A new connection has room for one line.
    let flags = Int32(MSG_NOSIGNAL | MSG_DONTWAIT)
    _ = text.withUnsafeReadableBytes { send(connection, $0.baseAddress, $0.count, flags) }
  }

  /// There is no configuration to ask. Under implicit TLS a line of clear text is noise, and the console speaks JSON.
  private static func speaksClearText(_ descriptor: Int32, name: String) -> Bool {
    guard let socket = try? ListeningSocket.adopt(fcntl(descriptor, F_DUPFD_CLOEXEC, 3)) else { return false }
    return name != "submissions" && socket.address.port != 465
  }
}
