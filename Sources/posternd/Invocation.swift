// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What the command line of `posternd` asks for.
struct Invocation {
  enum Action: Equatable {
    case run, check, version, help
  }

  struct UsageError: Error, CustomStringConvertible {
    let description: String
  }

  var action = Action.run
  var configurationPath: String

  static let help = """
    Usage: posternd [--config FILE] [--check]
      --config FILE   configuration; default $POSTERN_CONFIG, then /etc/postern/postern.toml
      --check         read the configuration and all files it names, then exit: 0 valid, 78 not
      --version       print the version
      --help          print this text
    """

  static func parse(_ arguments: [String]) -> Result<Invocation, UsageError> {
    let fromEnvironment = getenv("POSTERN_CONFIG").map { String(cString: $0) }
    var invocation = Invocation(configurationPath: fromEnvironment ?? "/etc/postern/postern.toml")
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      switch argument {
      case "--config":
        guard let path = rest.popFirst() else { return .failure(usage("--config needs a file")) }
        invocation.configurationPath = path
      case let option where option.hasPrefix("--config="):
        invocation.configurationPath = String(option.dropFirst("--config=".count))
      case "--check": invocation.action = .check
      case "--version": invocation.action = .version
      case "--help", "-h": invocation.action = .help
      default: return .failure(usage("unknown argument '\(argument)'"))
      }
    }
    return .success(invocation)
  }

  private static func usage(_ what: String) -> UsageError {
    UsageError(description: "posternd: \(what)\n\(help)")
  }
}

/// Exit codes of sysexits.h that the unit file and the manual name.
enum ExitStatus {
  static let ok: Int32 = 0
  static let usage: Int32 = 64
  static let tryAgain: Int32 = 75
  static let configuration: Int32 = 78
}
