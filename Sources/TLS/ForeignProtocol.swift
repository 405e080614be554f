// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// Tells what a client speaks that begins a connection with something else than TLS, so that the log says what to mend at
/// the client. `TLSConnection` asks; of what the client said only what is listed here is ever repeated: it may be a
/// password.
enum ForeignProtocol {
  private static let smtp = ["EHLO ", "HELO ", "MAIL ", "AUTH ", "NOOP", "RSET", "QUIT", "STARTTLS", "LHLO "]
  private static let http = [
    "GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "OPTIONS ", "CONNECT ", "PATCH ", "TRACE ", "PRI * HTTP",
  ]

  /// nil: it may be TLS, a ClientHello of SSL 2 too, or nothing has come.
  static func reason(_ opening: [UInt8]) -> String? {
    guard let first = opening.first else { return nil }
    let text = String(decoding: opening.prefix(12), as: UTF8.self).uppercased()
    if smtp.contains(where: text.hasPrefix) { return "the client speaks smtp in clear, and here tls comes first" }
    if http.contains(where: text.hasPrefix) { return "the client speaks http in clear, and here is tls with smtp" }
    if text.hasPrefix("SSH-") { return "the client speaks ssh" }
    if opening.starts(with: [0x03, 0x00, 0x00]) { return "the client speaks rdp" }
    // A handshake record, or the length of SSL 2 (RFC 5246 appendix E.2).
    if first == 0x16 || first & 0x80 != 0 { return nil }
    if (0x14...0x17).contains(first) { return "the client begins with a tls record that begins no handshake" }
    let isText = opening.allSatisfy { (0x20...0x7E).contains($0) || (0x09...0x0D).contains($0) }
    return isText ? "the client sends text in clear, and no tls" : "what the client sends is no tls"
  }
}
