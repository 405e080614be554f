// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc

/// A secret on its way in, from the keyboard or from a pipe; never from the words of a command, which every user of the
/// machine can see.
enum SecretInput {
  /// Asks without echo, once for each prompt; the answers have to be the same. `option` is what else would bring it.
  static func typed(_ prompts: [String], option: Command.Option) throws(AdminError) -> [UInt8] {
    guard let terminal = Terminal() else {
      throw .usage("no_terminal", "there is no terminal to ask on", hint: option.rawValue)
    }
    var first: [UInt8]?
    for prompt in prompts {
      guard let line = terminal.readHiddenLine(prompt: prompt) else {
        throw AdminError("secret.cancelled", "cancelled, nothing was changed", exit: .no)
      }
      if let first, first != line { throw refused("the two inputs differ") }
      first = line
    }
    return first ?? []
  }

  /// All of standard input, which is one line; more would be a mistake that nobody sees.
  static func standardInput(_ option: Command.Option, octetsMax: Int, instead: String) throws(AdminError) -> [UInt8] {
    guard isatty(STDIN_FILENO) != 1 else {
      throw .usage("stdin_is_terminal", "\(option.rawValue) would show it as it is typed", hint: instead)
    }
    var octets: [UInt8]
    do {
      octets = try read(STDIN_FILENO, octetsMax: octetsMax + 2)
    } catch {
      throw refused("standard input: \(error)")
    }
    if octets.last == UInt8(ascii: "\n") { octets.removeLast() }
    if octets.last == UInt8(ascii: "\r") { octets.removeLast() }
    return octets
  }

  /// A file whole; one octet more than `octetsMax` at most.
  static func file(_ path: String, octetsMax: Int) throws(SystemCallError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemCallError(errno: errno) }
    defer { close(descriptor) }
    return try read(descriptor, octetsMax: octetsMax)
  }

  private static func read(_ descriptor: Int32, octetsMax: Int) throws(SystemCallError) -> [UInt8] {
    var octets: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 8_192)
    while octets.count <= octetsMax {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count == 0 { break }
      if count > 0 {
        octets += buffer[..<count]
      } else if errno != EINTR {
        throw SystemCallError(errno: errno)
      }
    }
    return octets
  }

  static func refused(_ reason: String) -> AdminError {
    AdminError("secret.refused", "the password is refused: \(reason)", exit: .dataError)
  }
}
