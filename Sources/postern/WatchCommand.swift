// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc

/// A command that the daemon answers, again and again until somebody has seen enough: Ctrl-C is its usual end.
struct WatchCommand {
  private let invocation: Invocation
  private let daemon: DaemonLink
  private let output: Output

  private static let seconds: UInt32 = 2

  /// `output` is that of the first answer.
  init(_ invocation: Invocation, _ daemon: DaemonLink, _ output: Output) {
    self.invocation = invocation
    self.daemon = daemon
    self.output = output
  }

  func run() throws(AdminError) -> ExitCode {
    var output = output
    var isFirst = true
    while true {
      output.beginAgain(isFirst: isFirst)
      isFirst = false
      let exit: ExitCode
      do throws(AdminError) {
        exit = try DaemonCommand(invocation, daemon, output).run()
      } catch {
        if Interruption.hasHappened { return .ok }
        throw error
      }
      // Nobody reads any more, or nothing can be written: both end it.
      guard output.finish(.ok) == .ok else { return .no }
      // A signal ends the sleep before its time.
      sleep(Self.seconds)
      if Interruption.hasHappened { return exit }
      output = Output(invocation.global)
    }
  }
}
