// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import Mail
import WAL

/// The header as it is looked at on the way in, and the checksum of a record.
func mailOperations() -> [Operation] {
  let headers = [1024, 8 << 10, 64 << 10].map { size in
    let octets = header(size)
    return Operation(name: "header scan: header block", octets: octets.count) { { scan(octets) } }
  }
  let bodies = [1024, 64 << 10, 1 << 20].map { size in
    let octets = Array("From: a@example.org\r\n\r\n".utf8) + content(size)
    return Operation(name: "header scan: body behind it", octets: octets.count) { { scan(octets) } }
  }
  let checksums = [64, 1024, 64 << 10, 1 << 20].map { size in
    let octets = content(size)
    return Operation(name: "checksum: CRC32C", octets: octets.count) { { Int(Checksum.crc32c(octets)) } }
  }
  return headers + bodies + checksums
}

/// Fields of everyday, as many as fit, and the empty line.
private func header(_ octets: Int) -> [UInt8] {
  var header = Array("From: Alice <alice@example.org>\r\nDate: Sat, 21 Nov 2026 04:00:00 +0000\r\n".utf8)
  header += Array("Message-ID: <1234567890@client.test>\r\nSubject: what\r\n".utf8)
  let field = Array(
    "Received: from client.test (client.test [192.0.2.1]) by other.example.org\r\n\twith ESMTPS; then\r\n".utf8)
  let other = Array("X-Mailer: one that says a lot about itself and its version 1.2.3\r\n".utf8)
  while header.count + field.count + other.count + 2 < octets { header += header.count % 3 == 0 ? field : other }
  return header + [0x0D, 0x0A]
}

private func scan(_ octets: [UInt8]) -> Int {
  var scanner = HeaderScanner(hostname: "gate.test")
  scanner.consume(octets.span.bytes)
  scanner.finish()
  return scanner.headerOctets
}
