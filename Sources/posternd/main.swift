// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Gateway
import Glibc
import Systemd

/// The daemon: read the configuration, build the gateway, wait for signals.
func run() -> Int32 {
  let invocation: Invocation
  switch Invocation.parse(Array(CommandLine.arguments.dropFirst())) {
  case .success(let parsed): invocation = parsed
  case .failure(let error):
    printError(error.description)
    return ExitStatus.usage
  }
  switch invocation.action {
  case .version:
    print("posternd \(Gateway.version)")
    return ExitStatus.ok
  case .help:
    print(Invocation.help)
    return ExitStatus.ok
  case .check, .run: break
  }

  let settings: Settings
  do {
    settings = try Settings.load(path: invocation.configurationPath)
  } catch {
    printError(error.description)
    return ExitStatus.configuration
  }
  if invocation.action == .check {
    print("\(invocation.configurationPath): configuration is valid")
    return ExitStatus.ok
  }

  let signals = SignalPipe.install()
  let log = EventLog(handler: StderrLogHandler(), level: settings.configuration.log.level.logger)
  let gateway: Gateway
  do {
    gateway = try Gateway.start(
      configurationPath: invocation.configurationPath, settings: settings, log: log, notifier: Notifier())
  } catch {
    printError("posternd: \(error)")
    return error.isLasting ? ExitStatus.configuration : ExitStatus.tryAgain
  }
  while true {
    switch signals.next() {
    case .reload: _ = gateway.reload()
    case .stop:
      signals.exitAtNextStop()
      gateway.stop()
      return ExitStatus.ok
    }
  }
}

func printError(_ text: String) {
  var line = text.hasSuffix("\n") ? text : text + "\n"
  line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

exit(run())
