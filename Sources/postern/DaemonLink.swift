// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin

/// The daemon, over as many connections as it takes: opened when first needed, kept, opened again when the daemon was
/// restarted meanwhile. All commands of one run of the program share it; it never does a change twice.
final class DaemonLink {
  private let location: GatewayLocation
  private var client: ControlClient?

  init(_ location: GatewayLocation) { self.location = location }

  /// What the last connection may do; nil before the first.
  private(set) var level: Command.Level?

  /// As of the last command.
  var isConnected: Bool {
    switch client {
    case .some: true
    case .none: false
    }
  }

  /// Sends one command and hands each part of the answer to `receive`. `typed` is for hints.
  func perform(
    _ command: Command, typed: String, silenceSecondsMax: Int = ControlClient.silenceSecondsMax,
    _ makeRequest: (_ id: Int) -> AdminRequest, receive: (AdminReply.Payload) -> Void
  ) throws(AdminError) -> ExitCode {
    var mayRepeat = !command.changes
    while true {
      var client = try takeClient(for: typed)
      do throws(AdminError) {
        defer { Interruption.unwatch() }
        try Interruption.watch(client.descriptor)
        let exit = try client.perform(silenceSecondsMax: silenceSecondsMax, makeRequest) { payload in
          mayRepeat = false
          // What is on its way already is not waited for, and not shown either.
          if !Interruption.hasHappened { receive(payload) }
        }
        self.client = consume client
        return exit
      } catch {
        if Interruption.hasHappened {
          var interrupted = Interruption.error
          if command.changes { interrupted.context = error.context }
          throw interrupted
        }
        guard Self.endsConnection(error) else {
          self.client = consume client
          throw error
        }
        if command.changes { throw error }
        guard mayRepeat, error.code == "daemon.connection_lost" else {
          var harmless = error
          harmless.context = []
          throw harmless
        }
        mayRepeat = false
      }
    }
  }

  /// The connection that is open, or a new one if there is none or the daemon has hung up.
  private func takeClient(for typed: String) throws(AdminError) -> ControlClient {
    if let client = self.client.take(), client.isOpen { return client }
    let client = try location.connect(for: typed)
    level = client.greeting.level
    return client
  }

  /// After these nobody knows what the next line of the daemon would belong to.
  private static func endsConnection(_ error: AdminError) -> Bool {
    ["daemon.connection_lost", "daemon.silent", "usage.line_too_long", "usage.bad_line"].contains(error.code)
  }
}
