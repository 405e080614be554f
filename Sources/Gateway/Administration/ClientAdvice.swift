// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Admin
import SMTP
import TLS

/// What a refusal means for who stands before the device, and what helps beside a stanza. Sentences alone; whether a
/// stanza helps is `ClientRemedy`'s to say.
struct ClientAdvice {
  var sentences: [String]
  var actions: [WhyReply.Action] = []

  /// `user` is the last that logged in from there.
  init(_ cause: RefusalCause, user: String?) {
    let name = user ?? "NAME"
    let login = WhyReply.Action(label: "give it a login", command: "postern users add NAME")
    let status = WhyReply.Action(label: "see what stands in the way", command: "postern status")
    switch cause {
    case .noLogin: self.init("it has to log in, or be allowed to go without (no-auth)", login)
    case .noTLS: self.init("it spoke without TLS: turn on TLS in the device, or allow it to go without (plaintext)")
    case .portForNamed:
      self.init("that port has no TLS: another port in the device, with TLS, or allow it to go without (plaintext)")
    case .noTLSHere: self.init("that port has no TLS: another port in the device")
    case .clearLogin:
      self.init(
        "it tried to log in without TLS: turn on TLS in the device, and give it a new password, since this one was readable",
        WhyReply.Action(label: "give it a new password", command: "postern users passwd \(name)"))
    case .wrongPassword:
      self.init(
        "the user or the password in the device is not right; no stanza mends that",
        WhyReply.Action(label: "give it a new password", command: "postern users passwd \(name)"))
    case .tooManyGuesses:
      self.init(
        "it goes on with a wrong password, so none of it is looked at for a while ([access] auth_failures)",
        WhyReply.Action(label: "give it a new password", command: "postern users passwd \(name)"))
    case .loginsUnavailable:
      self.init("its login could not be looked at just then, which has nothing to do with this client; it tries again")
    case .mechanism: self.init("its kind of login is not offered: choose PLAIN or LOGIN in the device")
    case .certificate:
      self.init("its certificate lets nobody log in, the log says why; user and password are as good")
    case .bareLineEnd:
      self.init("lines of its message do not end in CRLF; bare-lf mends those that end in LF")
    case .hostName: self.init("the name in its EHLO is none; any-helo takes every name")
    case .sender:
      self.init(
        "[sender] policy allows other senders: set one of them in the device, or add this one to [sender] allowed")
    case .recipient: self.init("its [[client]] may write to some recipients only (allow_to)")
    case .rate: self.init("it has handed in as many messages as its [[client]] may (rate)")
    case .denied: self.init("its address is in [access] deny: take it out there; a [[client]] changes nothing")
    case .messageSize:
      self.init(
        "its message is too big: a lower resolution in the device, or a higher [message] max_size, unless an upstream "
          + "takes no more than that",
        WhyReply.Action(label: "see what the upstreams take", command: "postern status"))
    case .recipientCount: self.init("its message has too many recipients: [message] max_recipients")
    case .notTakenFurther: self.init("no upstream that the message could go to takes it: postern upstream show NAME")
    case .room: self.init("there is no room for mail, which has nothing to do with this client", status)
    case .disk: self.init("the disk did not take the message, which has nothing to do with this client", status)
    case .crowded:
      self.init("too many messages came at once, its own or those of others; it tries again, and that passes")
    case .sessions: self.init("all sessions of the listener are taken: max_sessions")
    case .sessionsOfClient: self.init("it has as many sessions open as it may: max_sessions_per_client")
    case .tooSlow: self.init("it said nothing for too long; the network between, or the device")
    case .paused:
      self.init(
        "all clients are refused for a while",
        WhyReply.Action(label: "accept clients again", command: "postern resume in"))
    case .restarting: self.init("posternd restarted; it may come again")
    case .tlsTooEarly: self.init("it is set to SSL on a port that begins without: port 465 in the device, or STARTTLS")
    case .foreignProtocol: self.init("it speaks another protocol: it is no mail client, or has the wrong port")
    case .loop: self.init("the message came back to where it has been: look for a forwarding to this gateway")
    case .dialogue: self.init("what it said is not as the standards have it; no exception allows that")
    }
  }

  init(_ fault: HandshakeFault?) {
    switch fault {
    case .version: self.init("its TLS is older than [tls] minimum allows; tls1.0 allows it for one device")
    case .algorithms: self.init("it knows only ciphers or signatures that are refused today; tls1.0 allows those too")
    case .clearText, .silence:
      self.init(
        "it begins without TLS on a port where TLS comes first: choose SSL/TLS in the device, or port 587; "
          + "if it has no TLS at all, port 587 tells what is missing then")
    case .unknownAuthority:
      self.init(
        "it does not trust our certificate: install the authority's certificate in the device, or [tls] certificate "
          + "of one that it knows; no stanza mends that")
    case .certificate:
      self.init(
        "it does not accept our certificate: the name that the device connects to must be in it, and its time not over")
    case nil:
      self.init("the handshake broke off: perhaps the device does not accept our certificate, and does not say so")
    }
  }

  /// SSL 3.0 or less, which no exception allows.
  static let olderThanTLS = ClientAdvice(
    "it knows nothing newer than SSL 3.0, which nothing allows: newer firmware, or without TLS on port 587 (plaintext)")

  private init(_ sentence: String, _ actions: WhyReply.Action...) {
    sentences = [sentence]
    self.actions = actions
  }
}
