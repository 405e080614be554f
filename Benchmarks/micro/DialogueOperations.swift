// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import SMTP

import struct NIOCore.ByteBuffer

/// Lines of 76 octets, of which one in ten begins with a dot; ends with a whole line.
func content(_ octets: Int) -> [UInt8] {
  var content: [UInt8] = []
  content.reserveCapacity(octets)
  var line = 0
  while content.count < octets {
    let room = min(76, max(octets - content.count - 2, 0))
    content.append(contentsOf: (0..<room).map { $0 == 0 && line % 10 == 0 ? 0x2E : 0x61 + UInt8(($0 + line) % 26) })
    content.append(contentsOf: [0x0D, 0x0A])
    line += 1
  }
  return content
}

/// Reading commands, the whole server's side of a transaction, and dots on the way out.
func dialogueOperations() -> [Operation] {
  let lines = [
    "MAIL FROM:<alice@example.org> SIZE=1024 BODY=8BITMIME", "RCPT TO:<bob@customer.example.net> NOTIFY=FAILURE",
  ]
  let commands = lines.map { line in
    let octets = Array(line.utf8)[...]
    return Operation(name: "parser: \(line.prefix(4))", octets: octets.count) {
      { if case .mail? = try? Command.parse(octets) { 1 } else { 2 } }
    }
  }
  let transactions = [1024, 64 << 10, 1 << 20].map { size in
    Operation(name: "parser: a transaction, dots taken away", octets: size) { transaction(octets: size) }
  }
  let dots = [1024, 64 << 10, 1 << 20].map { size in
    Operation(name: "transparency: dots on the way out", octets: size) {
      let octets = content(size)
      var output = ByteBuffer()
      output.reserveCapacity(2 * size)
      return {
        output.clear()
        var stuffing = DotStuffing()
        stuffing.write(octets, into: &output)
        stuffing.end(into: &output)
        return output.readableBytes
      }
    }
  }
  return commands + transactions + dots
}

/// MAIL, RCPT, DATA and content with its dots taken away, as one session has it again and again.
private func transaction(octets size: Int) -> () -> Int {
  var stuffed = ByteBuffer()
  var stuffing = DotStuffing()
  stuffing.write(content(size), into: &stuffed)
  stuffing.end(into: &stuffed)
  var whole = ByteBuffer(string: "MAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n")
  whole.writeBuffer(&stuffed)
  var output = ByteBuffer()
  var session = ServerSession(
    policy: ServerPolicy(hostname: "bench", offersTLS: false, messageOctetsMax: 1 << 30, recipientsMax: 100),
    rights: ClientRights(mayOmitLogin: true, mayOmitTLS: true), isTLS: false)
  session.opened(into: &output)
  var greeting = ByteBuffer(string: "EHLO client.test\r\n")
  precondition(session.received(&greeting, into: &output) == .wait)
  return {
    var input = whole
    var stored = 0
    while true {
      output.clear()
      switch session.received(&input, into: &output) {
      case .store(let chunk):
        stored += chunk.readableBytes
        session.stored()
      case .commit(_, let last):
        session.committed("000000001", into: &output)
        return stored + last.readableBytes
      default: preconditionFailure("the session does not take the message: \(String(buffer: output))")
      }
    }
  }
}
