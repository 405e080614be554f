// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore

@testable import SMTP

extension FuzzTarget {
  /// A command line. The case of the verb and white space at the end mean nothing; what is taken is taken again as we
  /// would write it; what is refused is refused in one line.
  static let commands = FuzzTarget(name: "commands", octetsMax: 2_048) { octets in
    var input = FuzzInput(octets)
    let choice = input.octet()
    CommandCheck(isUTF8: choice & 1 == 1, takesAnyName: choice & 2 == 2).run(Array(input.rest))
  }

  /// What stands behind the path of MAIL, or of RCPT.
  static let parameters = FuzzTarget(name: "parameters", octetsMax: 1_024) { octets in
    var input = FuzzInput(octets)
    let choice = input.octet()
    let command = choice & 2 == 2 ? "RCPT TO:<a@b.example> " : "MAIL FROM:<a@b.example> "
    CommandCheck(isUTF8: choice & 1 == 1, takesAnyName: false).run(Array(command.utf8) + input.rest)
  }
}

private struct CommandCheck {
  var isUTF8: Bool
  var takesAnyName: Bool

  func run(_ line: [UInt8]) {
    let result = parse(line)
    check(parse(line + [0x20]) == result, "a space at the end changes \(result)")
    var other = line
    for index in line.indices.prefix(while: { line[$0] != 0x20 }) where Address.isLetterOrDigit(line[index]) {
      if line[index] > 0x40 { other[index] ^= 0x20 }
    }
    check(parse(other) == result, "the case of the verb changes \(result)")
    switch result {
    case .failure(let reply): isWritable(reply)
    case .success(.mail(let mail)): isRead(mail)
    case .success(.rcpt(let recipient)): isRead(recipient)
    case .success(.ehlo(let name)), .success(.helo(let name)):
      check((1...Limits.heloOctetsMax).contains(name.text.utf8.count), "a name of \(name.text.utf8.count)")
      check(name.text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x28 && $0 != 0x5C }, "name \(name)")
    case .success(.auth(let mechanism, let response)):
      check(
        (1...20).contains(mechanism.utf8.count) && response?.contains(" ") != true, "\(mechanism) \(response ?? "")")
    case .success: break
    }
  }

  private func parse(_ line: [UInt8]) -> Result<Command, Reply> {
    do throws(Reply) {
      return .success(try Command.parse(line[...], isUTF8: isUTF8, takesAnyName: takesAnyName))
    } catch {
      return .failure(error)
    }
  }

  private func isWritable(_ reply: Reply) {
    var output = ByteBuffer()
    output.write(reply)
    let octets = output.readableBytesView
    check((500...559).contains(reply.code) && reply.status?.class == 5, "refused with \(reply)")
    check(octets.count <= 532 && octets.suffix(2).elementsEqual([0x0D, 0x0A]), "a reply of \(octets.count)")
    check(octets.dropLast(2).allSatisfy { (0x20...0x7E).contains($0) }, "a reply with controls: \(reply)")
  }

  private func isRead(_ mail: MailCommand) {
    check(mail.isUTF8 || mail.sender?.isASCII != false, "UTF-8 without SMTPUTF8")
    let wish = NotificationWish(returned: mail.returned, envelopeID: mail.envelopeID)
    check(mail.envelopeID == nil || wish.readableEnvelopeID.map(isPrintable) == true, "ENVID \(mail.envelopeID ?? "")")
    let size = mail.size.map { " SIZE=\($0)" } ?? ""
    let body = mail.body == .eightBit ? " BODY=8BITMIME" : ""
    let line =
      "MAIL FROM:<\(mail.sender?.text ?? "")>\(size)\(body)\(mail.isUTF8 ? " SMTPUTF8" : "")\(wish.mailParameters)"
    check(parse(Array(line.utf8)) == .success(.mail(mail)), "written as \(line)")
  }

  private func isRead(_ recipient: RecipientCommand) {
    check(isUTF8 || recipient.address.isASCII, "UTF-8 without SMTPUTF8")
    let wish = NotificationWish(recipients: [recipient.wish])
    let line = "RCPT TO:<\(recipient.address)>\(wish.recipientParameters(0, isUTF8: isUTF8))"
    check(parse(Array(line.utf8)) == .success(.rcpt(recipient)), "written as \(line)")
    check(wish.recipientParameters(0, isUTF8: false).utf8.allSatisfy { $0 < 0x80 }, "ORCPT is not ASCII")
    if let original = recipient.wish.original.flatMap({ OriginalRecipient($0) }) {
      check(PeerText(original.address).text.hasPrefix(original.address.prefix(100)), "ORCPT holds a control")
    }
  }

  private func isPrintable(_ text: String) -> Bool { text.utf8.allSatisfy { (0x20...0x7E).contains($0) } }
}
