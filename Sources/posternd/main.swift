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
  case .check: return check(invocation.configurationPath)
  case .run: break
  }

  let backend = LogBackend.current
  let log = EventLog(handler: backend.makeHandler(), output: .standardError)
  let sockets: InheritedSockets
  do {
    sockets = try InheritedSockets.fromEnvironment()
  } catch {
    log.report(.startFailed("\(error)"))
    backend.awaitReader()
    return ExitStatus.tryAgain
  }
  let settings: Settings
  do {
    settings = try Settings.load(path: invocation.configurationPath)
  } catch {
    // A person gets all lines of it, with the place in the file.
    if case .text = backend { printError(error.description) } else { log.report(.startFailed(error.summary)) }
    backend.awaitReader()
    return misconfigured(sockets)
  }
  let signals = SignalPipe.install()
  log.setLevel(settings.configuration.log.level.logger)
  let gateway: Gateway
  do {
    gateway = try Gateway.start(
      configurationPath: invocation.configurationPath, settings: settings, log: log, notifier: Notifier(),
      sockets: sockets)
  } catch {
    log.report(.startFailed("\(error)"))
    backend.awaitReader()
    signals.exitAtNextStop()
    return error.isLasting ? misconfigured(sockets) : ExitStatus.tryAgain
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

func check(_ path: String) -> Int32 {
  do {
    let settings = try Settings.load(path: path)
    let faults = settings.faults
    for finding in settings.findings {
      printError("\(path): \(faults.contains(finding) ? "error" : "warning"): \(finding)")
    }
    guard faults.isEmpty else { return ExitStatus.configuration }
  } catch {
    printError(error.description)
    return ExitStatus.configuration
  }
  print("\(path): configuration is valid")
  return ExitStatus.ok
}

/// Whoever waits at the ports hears of it before they close.
func misconfigured(_ sockets: InheritedSockets) -> Int32 {
  Notifier().status("misconfigured: see the log, or posternd --check")
  MisconfiguredGateway(sockets: sockets).answer()
  return ExitStatus.configuration
}

func printError(_ text: String) {
  var line = text.hasSuffix("\n") ? text : text + "\n"
  line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

exit(run())
