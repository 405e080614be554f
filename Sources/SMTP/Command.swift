// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// One command line of a client, read (RFC 5321 section 4.1, RFC 3207, RFC 4954).
package enum Command: Equatable, Sendable {
  case ehlo(PeerText)
  case helo(PeerText)
  case mail(MailCommand)
  case rcpt(RecipientCommand)
  case data
  /// A chunk (RFC 3030); nil: of a size that cannot be read.
  case bdat(octets: UInt64?, isLast: Bool)
  case rset
  case noop
  case quit
  case vrfy
  case expn
  case help
  case startTLS
  /// Mechanism in upper case; the initial response as it stands, nil if there is none.
  case auth(mechanism: String, initialResponse: String?)
  /// The first word of another protocol, by its name: it talks to this port by mistake, or through a browser.
  case foreign(String)
}

/// `MAIL FROM:<path> parameters`.
package struct MailCommand: Equatable, Sendable {
  /// nil is the null path.
  package var sender: Address?
  /// RFC 1870; nil if not declared.
  package var size: UInt64?
  package var body: BodyKind
  /// SMTPUTF8 (RFC 6531).
  package var isUTF8 = false
  /// RFC 3461 sections 4.3 and 4.4.
  package var returned: NotificationWish.Returned?
  package var envelopeID: String?
}

/// `RCPT TO:<path> parameters`.
package struct RecipientCommand: Equatable, Sendable {
  package var address: Address
  /// RFC 3461 sections 4.1 and 4.2.
  package var wish = NotificationWish.OfRecipient()
}

extension Command {
  /// The verb that a line begins with, for the log; nil if we know none like it.
  static func verb(of line: ArraySlice<UInt8>) -> String? {
    let verb = String(decoding: line.prefix(while: { $0 != UInt8(ascii: " ") }).prefix(8), as: UTF8.self).uppercased()
    return knownVerbs.contains(verb) ? verb : nil
  }

  private static let knownVerbs: Set = [
    "EHLO", "HELO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "QUIT", "STARTTLS", "NOOP", "HELP", "EXPN", "VRFY", "AUTH",
  ]

  /// Reads a line without its CRLF. What is wrong with it is thrown as the reply that the client gets. `isUTF8`: the
  /// transaction that is open was begun with SMTPUTF8.
  package static func parse(
    _ line: ArraySlice<UInt8>, isUTF8: Bool = false, takesAnyName: Bool = false
  ) throws(Reply) -> Command {
    guard line.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { throw .controlOctets }
    let verbEnd = line.firstIndex(of: UInt8(ascii: " ")) ?? line.endIndex
    let verb = String(decoding: line[..<verbEnd], as: UTF8.self).uppercased()
    var arguments = verbEnd < line.endIndex ? line[(verbEnd + 1)...] : line[verbEnd...]
    // Trailing white space is meaningless and sent by many devices.
    while arguments.last == UInt8(ascii: " ") { arguments.removeLast() }
    switch verb {
    case "EHLO": return .ehlo(takesAnyName ? anyName(arguments) : try helo(arguments))
    case "HELO": return .helo(takesAnyName ? anyName(arguments) : try helo(arguments))
    case "MAIL": return .mail(try mail(arguments))
    case "RCPT": return .rcpt(try rcpt(arguments, isUTF8: isUTF8))
    case "DATA": return try without(arguments, .data)
    case "BDAT": return chunk(arguments)
    case "RSET": return try without(arguments, .rset)
    case "QUIT": return try without(arguments, .quit)
    case "STARTTLS": return try without(arguments, .startTLS)
    case "NOOP": return .noop
    case "HELP": return .help
    case "EXPN": return .expn
    case "VRFY":
      guard !arguments.isEmpty else { throw .syntax("VRFY needs a name") }
      return .vrfy
    case "AUTH": return try auth(arguments)
    default:
      guard let name = foreignProtocol(verb) else { throw .unknownCommand }
      return .foreign(name)
    }
  }

  /// What begins so in its own language, and in ours means nothing: whoever says it waits for no answer of ours.
  private static func foreignProtocol(_ verb: String) -> String? {
    switch verb {
    case "GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "CONNECT", "PATCH", "TRACE", "PROPFIND", "PRI": "HTTP"
    case "REGISTER", "INVITE": "SIP"
    case "DESCRIBE": "RTSP"
    case "PROXY": "the PROXY protocol"
    default: verb.hasPrefix("SSH-") ? "SSH" : nil
    }
  }

  private static func without(_ arguments: ArraySlice<UInt8>, _ command: Command) throws(Reply) -> Command {
    guard arguments.isEmpty else { throw .syntax("no parameters here") }
    return command
  }

  /// `SIZE [LAST]`, one space between them.
  private static func chunk(_ arguments: ArraySlice<UInt8>) -> Command {
    let words = arguments.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard let size = words.first, (1...Limits.sizeDigitsMax).contains(size.count),
      size.allSatisfy({ (0x30...0x39).contains($0) }), let octets = UInt64(String(decoding: size, as: UTF8.self)),
      words.count == 1 || words.count == 2 && String(decoding: words[1], as: UTF8.self).uppercased() == "LAST"
    else { return .bdat(octets: nil, isLast: true) }
    return .bdat(octets: octets, isLast: words.count == 2)
  }

  /// The session is as new behind it (RFC 5321 sections 4.1.1.1 and 4.1.1.5).
  var endsTransaction: Bool {
    switch self {
    case .ehlo, .helo, .rset: true
    default: false
    }
  }

  /// A name is not verified (RFC 5321 section 4.1.4), only kept from breaking a trace field.
  private static func helo(_ name: ArraySlice<UInt8>) throws(Reply) -> PeerText {
    guard !name.isEmpty else { throw .syntax("your host name is missing") }
    guard name.count <= Limits.heloOctetsMax, name.allSatisfy(isNameOctet) else {
      throw .syntax("that is no host name")
    }
    return PeerText(octets: name)
  }

  /// As much of it as can stand in a trace field.
  private static func anyName(_ name: ArraySlice<UInt8>) -> PeerText {
    let kept = name.prefix(Limits.heloOctetsMax).filter(isNameOctet)
    return PeerText(octets: kept.isEmpty ? Array("unknown".utf8) : kept)
  }

  private static let nameSpecials: [UInt8] = Array("()<>@,;\\\" ".utf8)

  private static func isNameOctet(_ octet: UInt8) -> Bool {
    (0x21...0x7E).contains(octet) && !nameSpecials.contains(octet)
  }

  private static func auth(_ arguments: ArraySlice<UInt8>) throws(Reply) -> Command {
    let words = arguments.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard let first = words.first, !first.isEmpty else { throw .syntax("AUTH needs a mechanism") }
    guard words.count <= 2 else { throw .syntax("AUTH takes a mechanism and one response") }
    // sasl-mech of RFC 4422 section 3.1.
    guard first.count <= 20, first.allSatisfy({ Address.isLetterOrDigit($0) || $0 == 0x2D || $0 == 0x5F }) else {
      throw .syntax("that is no mechanism name")
    }
    return .auth(
      mechanism: String(decoding: first, as: UTF8.self).uppercased(),
      initialResponse: words.count == 2 ? String(decoding: words[1], as: UTF8.self) : nil)
  }

  // MARK: paths

  /// Behind `FROM:` or `TO:`. RFC 5321 section 3.3 allows no space there; devices send one all the same.
  static func afterKeyword(_ keyword: String, _ line: ArraySlice<UInt8>) throws(Reply) -> ArraySlice<UInt8> {
    let length = keyword.utf8.count
    guard line.count > length, String(decoding: line.prefix(length), as: UTF8.self).uppercased() == keyword else {
      throw .syntax("expected \(keyword)<address>")
    }
    return line.dropFirst(length).drop { $0 == UInt8(ascii: " ") }
  }

  /// `<mailbox>` or `<@route,@route:mailbox>`; the route is dropped (RFC 5321 appendix C).
  static func path(_ rest: inout ArraySlice<UInt8>, wrong: Reply) throws(Reply) -> Address {
    guard rest.first == UInt8(ascii: "<") else { throw wrong }
    var inner = rest.dropFirst()
    if inner.first == UInt8(ascii: "@") { inner = try afterRoute(inner, wrong: wrong) }
    guard let (address, end) = Address.parse(inner), end < rest.endIndex, rest[end] == UInt8(ascii: ">"),
      end - rest.startIndex < Limits.pathOctetsMax
    else { throw wrong }
    rest = rest[(end + 1)...]
    return address
  }

  private static func afterRoute(_ route: ArraySlice<UInt8>, wrong: Reply) throws(Reply) -> ArraySlice<UInt8> {
    var index = route.startIndex
    while index < route.endIndex, route[index] == UInt8(ascii: "@") {
      index += 1
      guard Address.scanDomain(route, &index), index < route.endIndex else { throw wrong }
      if route[index] == UInt8(ascii: ":") { return route[(index + 1)...] }
      guard route[index] == UInt8(ascii: ",") else { throw wrong }
      index += 1
    }
    throw wrong
  }
}

extension Reply: Error {}
