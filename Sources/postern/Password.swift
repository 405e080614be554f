// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc

/// A password for a LAN user, made here or taken from where the options say. It lives as long as the command.
struct Password {
  let octets: [UInt8]
  /// Made by us: nobody knows it until we show it.
  let isMade: Bool

  /// Without characters that look alike, without shift: it will be typed on the panel of a printer.
  private static let alphabet = Array("abcdefghjkmnpqrstuvwxyz23456789".utf8)
  /// 79 bits: out of reach even for who has the verifier.
  private static let madeCharacters = 16
  private static let octetsMax = 256
  private static let saltOctets = 16

  init(from source: Command.Option?) throws(AdminError) {
    switch source {
    case .ask: octets = try Self.asked()
    case .passwordStdin: octets = try Self.read()
    default:
      // The system's generator is getrandom(2) on Linux.
      octets = (0..<Self.madeCharacters).map { _ in Self.alphabet.randomElement()! }
    }
    isMade = source == nil
    guard !octets.isEmpty else { throw Self.refused("it is empty") }
    guard octets.count <= Self.octetsMax else { throw Self.refused("it has more than \(Self.octetsMax) characters") }
    // SCRAM prepares passwords with SASLprep (RFC 4013), which leaves exactly these as they are everywhere.
    guard octets.allSatisfy({ (0x20...0x7E).contains($0) }) else {
      throw Self.refused("it holds something else than printable ASCII")
    }
  }

  var text: String { String(decoding: octets, as: UTF8.self) }

  static func salt() -> [UInt8] { (0..<saltOctets).map { _ in UInt8.random(in: .min ... .max) } }

  private static func asked() throws(AdminError) -> [UInt8] {
    guard let terminal = HiddenInput() else {
      throw .usage("no_terminal", "--ask needs a terminal", hint: "--password-stdin")
    }
    guard let first = terminal.readLine(prompt: "Password (input hidden): "),
      let second = terminal.readLine(prompt: "Once more: ")
    else { throw AdminError("users.cancelled", "cancelled, nothing was changed", exit: .no) }
    guard first == second else { throw refused("the two inputs differ") }
    return first
  }

  /// One line; more would be a mistake that nobody sees.
  private static func read() throws(AdminError) -> [UInt8] {
    guard isatty(STDIN_FILENO) != 1 else {
      throw .usage("stdin_is_terminal", "--password-stdin would show the password", hint: "--ask")
    }
    var octets: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: octetsMax + 3)
    while octets.count <= octetsMax + 2 {
      let count = Glibc.read(STDIN_FILENO, &buffer, buffer.count)
      if count == 0 { break }
      if count > 0 {
        octets += buffer[..<count]
      } else if errno != EINTR {
        throw refused("standard input: \(SystemCallError(errno: errno))")
      }
    }
    if octets.last == UInt8(ascii: "\n") { octets.removeLast() }
    if octets.last == UInt8(ascii: "\r") { octets.removeLast() }
    return octets
  }

  private static func refused(_ reason: String) -> AdminError {
    AdminError("users.bad_password", "the password is refused: \(reason)", exit: .dataError)
  }
}
