// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin

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
    case .ask:
      octets = try SecretInput.typed(["Password (input hidden): ", "Once more: "], option: .passwordStdin)
    case .passwordStdin:
      octets = try SecretInput.standardInput(.passwordStdin, octetsMax: Self.octetsMax, instead: "--ask")
    default:
      // The system's generator is getrandom(2) on Linux.
      octets = (0..<Self.madeCharacters).map { _ in Self.alphabet.randomElement()! }
    }
    isMade = source == nil
    guard !octets.isEmpty else { throw SecretInput.refused("it is empty") }
    guard octets.count <= Self.octetsMax else {
      throw SecretInput.refused("it has more than \(Self.octetsMax) characters")
    }
    // SCRAM prepares passwords with SASLprep (RFC 4013), which leaves exactly these as they are everywhere.
    guard octets.allSatisfy({ (0x20...0x7E).contains($0) }) else {
      throw SecretInput.refused("it holds something else than printable ASCII")
    }
  }

  var text: String { String(decoding: octets, as: UTF8.self) }

  static func salt() -> [UInt8] { (0..<saltOctets).map { _ in UInt8.random(in: .min ... .max) } }
}
