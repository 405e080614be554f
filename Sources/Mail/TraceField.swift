// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0

/// The `Received` field that we put in front of each message (RFC 5321 section 4.4). Submission fills it from the
/// session; whatever the texts are, the result is one legal field. The login is not in it: it would tell every
/// recipient.
package struct TraceField: Sendable, Hashable {
  /// What the client called itself in HELO or EHLO.
  package var helo: String
  /// Its address without brackets, as the socket layer prints it.
  package var address: String
  /// Our own name.
  package var hostname: String
  /// Nothing is said of the client but that there was one.
  package var hidesClient: Bool
  /// The client used EHLO.
  package var isExtended: Bool
  /// It asked for SMTPUTF8 for this message.
  package var isUTF8: Bool
  package var isAuthenticated: Bool
  /// Protocol and cipher of an encrypted session, such as `TLSv1.3 TLS_AES_256_GCM_SHA384`.
  package var tls: String?
  /// The queue's name for the message.
  package var id: String
  /// All of them; one is shown only when it is alone, so that nobody learns of a blind copy.
  package var recipients: [String]
  package var unixSeconds: Int64
  package var zoneOffsetSeconds: Int

  package init(
    helo: String, address: String, hostname: String, hidesClient: Bool = false, isExtended: Bool, isUTF8: Bool = false,
    isAuthenticated: Bool, tls: String?, id: String, recipients: [String], unixSeconds: Int64, zoneOffsetSeconds: Int
  ) {
    precondition(!id.isEmpty, "a message is traced under its name in the queue")
    self.helo = helo
    self.address = address
    self.hostname = hostname
    self.hidesClient = hidesClient
    self.isExtended = isExtended
    self.isUTF8 = isUTF8
    self.isAuthenticated = isAuthenticated
    self.tls = tls
    self.id = id
    self.recipients = recipients
    self.unixSeconds = unixSeconds
    self.zoneOffsetSeconds = zoneOffsetSeconds
  }

  /// The whole field, folded, with its final CRLF.
  package func text() -> String {
    var field = FoldedField(name: "Received")
    field.append("from \(client)")
    field.append("by \(safeHostname) (Postern)")
    field.append("with \(transmissionType)\(tlsComment)")
    if recipients.count == 1, let mailbox = TraceText.mailbox(recipients[0]) {
      field.append("id \(safeID)")
      field.append("for <\(mailbox)>;")
    } else {
      field.append("id \(safeID);")
    }
    field.append(date)
    return field.text
  }

  var date: String {
    InternetDate.text(unixSeconds: unixSeconds, zoneOffsetSeconds: zoneOffsetSeconds)
  }

  var safeHostname: String {
    TraceText.domain(hostname) ?? "localhost"
  }

  var safeID: String {
    TraceText.atom(id)
  }

  /// A name that is no domain is shown as a comment behind the address, which then stands for the client.
  private var client: String {
    // RFC 5321 section 4.4 wants a name here; this one can never be anybody's (RFC 2606 section 2).
    if hidesClient { return "client.invalid" }
    let literal = TraceText.addressLiteral(address)
    let information = literal.map { " (\($0))" } ?? ""
    if let name = TraceText.domain(helo) { return name + information }
    let comment = helo.isEmpty ? "" : " (greeted as \(TraceText.commentWord(helo)))"
    return (literal ?? "unknown") + information + comment
  }

  /// RFC 3848, and RFC 6531 section 4.3. There is no registered word for TLS or AUTH without EHLO.
  private var transmissionType: String {
    guard isExtended else { return "SMTP" }
    return (isUTF8 ? "UTF8SMTP" : "ESMTP") + (tls != nil ? "S" : "") + (isAuthenticated ? "A" : "")
  }

  private var tlsComment: String {
    let words = TraceText.commentWords(tls ?? "")
    return words.isEmpty ? "" : " (\(words))"
  }
}
