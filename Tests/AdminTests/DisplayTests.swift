// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Admin

@Suite
struct DisplayTests {
  private let now = Timestamp("2026-11-21T14:06:11Z")!
  private let terminal = Style(color: true, cutsLongCells: true, symbols: true)

  @Test(
    "sizes",
    arguments: [
      (0, "0", "0 octets"), (1, "1", "1 octet"), (1023, "1023", "1023 octets"), (1024, "1.0K", "1.0 KiB"),
      (4198, "4.1K", "4.1 KiB"), (10_189, "10K", "10 KiB"), (1_048_063, "1023K", "1023 KiB"),
      (1_048_575, "1.0M", "1.0 MiB"), (42_991_616, "41M", "41 MiB"), (9_878_424_780, "9.2G", "9.2 GiB"),
      (.max, "8.0E", "8.0 EiB"),
    ])
  func sizes(octets: Int, short: String, long: String) {
    #expect(Humane.size(octets) == short)
    #expect(Humane.longSize(octets) == long)
  }

  @Test(
    "spans of time",
    arguments: [
      (-5, "0s", "0 s"), (0, "0s", "0 s"), (59, "59s", "59 s"), (60, "1m", "1 min"), (1569, "26m", "26 min"),
      (3600, "1h", "1 h"), (10_860, "3h", "3 h 1 min"), (90_000, "1d", "1 d 1 h"), (1_051_200, "12d", "12 d 4 h"),
    ])
  func spans(seconds: Int, short: String, long: String) {
    #expect(Humane.span(seconds: seconds) == short)
    #expect(Humane.longSpan(seconds: seconds) == long)
  }

  @Test(
    "a coming event", arguments: [(-1, "now"), (0, "now"), (1, "in 1s"), (19_000, "in 19s"), (240_000, "in 4m")])
  func until(milliseconds: Int64, text: String) {
    #expect(Humane.until(Timestamp(milliseconds: now.milliseconds + milliseconds), from: now) == text)
  }

  /// A loop, since the arguments of a test are printed as they are.
  @Test("what a terminal would obey is shown, not obeyed")
  func escapes() {
    let texts = [
      ("plain ~ text", "plain ~ text"), ("gr\u{FC}n 緑", "gr\u{FC}n 緑"), ("\u{1B}[2J\u{7}", #"\x1b[2J\x07"#),
      ("a\r\nb\tc\u{0}", #"a\r\nb\tc\x00"#), ("\u{7F}\u{9B}31m", #"\x7f\u{9b}31m"#),
      ("\u{202E}gpj.exe\u{2066}", #"\u{202e}gpj.exe\u{2066}"#), ("a\u{2028}b\u{200B}", #"a\u{2028}b\u{200b}"#),
      ("\u{E0041}", #"\u{e0041}"#),
    ]
    for (text, shown) in texts { #expect(TerminalText.escaped(text) == shown) }
  }

  @Test("JSON on a terminal means the same and is harmless")
  func escapedJSON() throws {
    var message = ProtocolTests.message
    message.sender = "\u{1B}[2J\u{9B}31m\u{202E}\u{E0041}\u{7F}gr\u{FC}n"
    let reply = AdminReply.data(id: 1, .message(message))
    let text = TerminalText.escapedJSON(String(decoding: ControlLine.json(reply, pretty: true), as: UTF8.self))
    #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || TerminalText.escaped(String($0)) == String($0) })
    #expect(try ControlLine.decode(AdminReply.self, from: Array(text.utf8)) == reply)
  }

  @Test("the queue as a table with its sum")
  func queue() {
    var view = QueueView(now: now, style: .plain)
    var second = ProtocolTests.message
    second.id = "2ZC8WJ5NR"
    second.sender = ""
    second.recipients.append(.init(number: 2, address: "b@example.org", state: "queued", attempts: 0))
    (second.size, second.ageSeconds, second.next, second.state) = (1_258_291, 10_860, nil, "held")
    second.why = "by alice: typo domain?"
    let lines = view.add(ProtocolTests.message) + view.add(second) + view.finish()
    #expect(
      lines == [
        "ID         AGE  SIZE  FROM                TO                  STATE     TRIES  NEXT    WHY",
        "7KQ2M9XF4  26m  4.1K  backup@example.com  ops@example.org     deferred  2      in 19s  -",
        "2ZC8WJ5NR  3h   1.2M  <>                  ops@example.org +1  held      2      -       by alice: typo domain?",
        "2 messages, 1.2 MiB.   why: postern why 7KQ2",
      ])
  }

  @Test("on a narrow screen the attempts make room for the reason, and no line is wider than the screen")
  func narrowQueue() {
    var view = QueueView(now: now, style: Style(color: false, cutsLongCells: true, symbols: true, width: 80))
    var message = ProtocolTests.message
    message.why = "421 4.7.0 rate limited by gmail, and more than that"
    let lines = view.add(message) + view.finish()
    #expect(
      lines.dropLast() == [
        "ID         AGE  SIZE  FROM          TO            STATE     NEXT    WHY",
        "7KQ2M9XF4  26m  4.1K  backu…le.com  ops@e…le.org  deferred  in 19s  421 4.7.0 r…",
      ])
  }

  @Test("an empty queue says so")
  func emptyQueue() {
    var view = QueueView(now: now, style: .plain)
    #expect(view.finish() == ["no messages"])
  }

  @Test("a long queue prints in blocks, one heading, columns that never narrow")
  func longQueue() {
    var table = Table(["A", "B"], style: .plain)
    var lines: [String] = []
    for row in 1...(2 * Table.rowsPerBlock + 1) { lines += table.add([row == 1 ? "wide cell" : "x", String(row)]) }
    #expect(lines.count == 2 * Table.rowsPerBlock + 1)
    lines += table.finish()
    #expect(lines.count == 2 * Table.rowsPerBlock + 2)
    #expect(lines.first == "A          B")
    #expect(lines.last == "x          \(2 * Table.rowsPerBlock + 1)")
    #expect(table.finish() == [])
  }

  @Test("no cell can forge a row, a colour or an alignment, and on a terminal long ones are cut")
  func hostileCells() {
    var table = Table(["FROM", "TO", "WHY"], style: terminal)
    let long = String(repeating: "x", count: 100)
    let lines = table.add(["a\nFAKE  ROW\u{1B}[31m", long + "@example.org", "said " + long]) + table.finish()
    let blanks = { String(repeating: " ", count: $0) }
    let heading = "\u{1B}[1mFROM\(blanks(18))TO\(blanks(40))WHY\u{1B}[0m"
    let address = "\(long.prefix(19))…xxxxxxxx@example.org"
    let row = #"a\nFAKE  ROW\x1b[31m  "# + address + "  said \(long.prefix(34))…"
    #expect(lines == [heading, row])
  }

  @Test("one message in full")
  func show() {
    #expect(
      ShowView.lines(ProtocolTests.message, now: now, style: .plain) == [
        "Message 7KQ2M9XF4   deferred   4.1 KiB",
        "  from      backup@example.com",
        "  received  2026-11-21 13:40:02Z   26 min ago",
        "  client    nas (192.168.1.20), user nas, submissions, TLSv1.3",
        "  next      2026-11-21 14:06:30Z   in 19s",
        "  gives up  2026-11-26 13:40:02Z   in 4d",
        "",
        "N  TO               STATE     TRIES  LAST REPLY",
        "1  ops@example.org  deferred  2      421 4.7.0 Try again later, closing connection",
      ])
  }

  @Test("what the sender asked to be told stands where he asked for anything")
  func wishes() {
    var message = ProtocolTests.message
    message.smtpUTF8 = true
    message.returned = "HDRS"
    message.envelopeID = "QQ314159"
    message.recipients[0].notify = "SUCCESS,DELAY"
    message.recipients[0].original = "rfc822;first@example.com"
    let lines = ShowView.lines(message, now: now, style: .plain)
    #expect(lines.contains("  asked for SMTPUTF8, RET=HDRS, ENVID=QQ314159"))
    #expect(
      lines.suffix(2) == [
        "N  TO               STATE     TRIES  NOTIFY                                      LAST REPLY",
        "1  ops@example.org  deferred  2      SUCCESS,DELAY for rfc822;first@example.com  "
          + "421 4.7.0 Try again later, closing connection",
      ])
  }

  @Test("the gateway on one screen")
  func status() {
    #expect(
      StatusView.lines(ProtocolTests.status, now: now, style: .plain) == [
        "* postern 1.0.0 on gate   degraded   up 12 d 4 h   "
          + "config /etc/postern/postern.toml (loaded 3 d 4 h ago)",
        "",
        "  in    587 submission  3 sessions",
        "  out   gmail  *paused (login)  smtp.gmail.com:465  for 4 min  next try in 56m",
        "          535 5.7.8 Username and Password not accepted",
        "  queue 3   (2 deferred, 1 failed)   1.2 MiB   oldest 3 h 1 min   spool has 9.2 GiB free",
        "",
        "  ! 1 client submits without TLS: printer",
        "  -> postern queue state:failed",
      ])
  }

  @Test("colour is where it was asked for, and nowhere else")
  func colour() {
    let coloured = StatusView.lines(ProtocolTests.status, now: now, style: terminal)
    #expect(coloured[0].hasPrefix("\u{1B}[33m●\u{1B}[0m postern"))
    let plain = StatusView.lines(ProtocolTests.status, now: now, style: .plain)
    #expect(plain.allSatisfy { line in line.utf8.allSatisfy { (0x20...0x7E).contains($0) } })
  }

  @Test("a gateway that is down is shown with the reason and what to do")
  func down() {
    let error = AdminError(
      "daemon.not_running", "cannot reach posternd: /run/postern/admin.sock: connection refused",
      context: ["it has ended without removing its socket"], hint: "systemctl status postern", exit: .unavailable)
    #expect(
      StatusView.down(error, style: .plain) == [
        "o posternd is not running: cannot reach posternd: /run/postern/admin.sock: connection refused",
        "  it has ended without removing its socket",
        "  -> systemctl status postern",
      ])
  }

  private func client(_ address: String, _ state: ClientReply.State, seen: Int64) -> ClientReply {
    ClientReply(
      address: address, state: state, firstSeen: now, lastSeen: Timestamp(milliseconds: now.milliseconds - seen * 1000),
      listener: "submission")
  }

  @Test("clients on a narrow screen: who, when, how, and the first words of what was heard")
  func narrowClients() {
    var view = ClientsView(now: now, style: Style(color: false, cutsLongCells: true, symbols: true, width: 80))
    var printer = client("192.168.1.40", .refused, seen: 120)
    printer.name = "printer-2nd-floor"
    printer.lastRefusal = ClientReply.Refusal(
      time: now, command: "MAIL", code: 530, status: "5.7.0",
      text: "530 5.7.0 Must issue a STARTTLS command first (or port 465 SSL)")
    var copier = client("192.168.1.41", .noTLS, seen: 600)
    copier.lastHandshake = ClientReply.Handshake(time: now, reason: "no common tls version: tls 1.0")
    var nas = client("2001:db8::20", .ok, seen: 5)
    (nas.tls, nas.user, nas.mechanism, nas.acceptedInHour, nas.accepted) = ("TLSv1.3", "nas", "PLAIN", 3, 214)
    let lines = view.add(printer) + view.add(copier) + view.add(nas) + view.finish()
    #expect(
      lines == [
        "CLIENT                   SEEN  MAIL   TLS   LOGIN  HEARD",
        "192.168.1.40 printer-2…  2m    0/0    none  -      530 5.7.0 Must issue a START…",
        "192.168.1.41             10m   0/0    none  -      TLS failed: no common tls ve…",
        "2001:db8::20             5s    3/214  1.3   nas    250 OK",
        "3 clients, 2 without success.   MAIL: last hour/in all.   why: postern why 192.168.1.40",
      ])
    #expect(lines.dropLast().allSatisfy { $0.count <= 80 })
  }

  @Test("clients in a pipe: everything")
  func wideClients() {
    var view = ClientsView(now: now, style: .plain)
    var printer = client("192.168.1.40", .ok, seen: 120)
    (printer.sessions, printer.tls, printer.allowed, printer.used) = (1, "TLSv1", ["tls1.0", "bare-lf"], ["tls1.0"])
    (printer.failedLogins, printer.clearLogins, printer.failedHandshakes) = (2, 1, 3)
    printer.rate = ClientReply.Rate(limit: "60/h", used: 3)
    #expect(
      (view.add(printer) + view.add(NoteReply(note: "and 7 more")) + view.finish()) == [
        "CLIENT        SEEN  OPEN  MAIL  TLS  LOGIN  RATE       EXCEPTIONS        FAILED"
          + "                                 HEARD",
        "192.168.1.40  2m    1     0/0   1.0  -      3 of 60/h  tls1.0 (bare-lf)  2 logins, 1 clear login, 3 handshakes"
          + "  250 OK",
        "1 client.   MAIL: last hour/in all.   why: postern why 192.168.1.40", "and 7 more",
      ])
    var empty = ClientsView(now: now, style: .plain)
    #expect(empty.finish() == ["no client has connected since posternd started"])
  }

  @Test("a stanza stands so that it can be copied, with the file, and the command behind it")
  func stanza() {
    let why = WhyReply(
      subject: "192.168.1.40", state: "refused", headline: "Client 192.168.1.40 was refused:",
      reasons: ["it heard, to MAIL: 530 x"], actions: [.init(label: "then", command: "postern reload")],
      stanza: .init(
        file: "/etc/postern/postern.toml", replaces: "printer",
        text: "[[client]]\nname = \"printer\"\nallow = [\"no-auth\"]"))
    #expect(
      WhyView.lines(why, now: now, style: .plain) == [
        "Client 192.168.1.40 was refused:", "  1. it heard, to MAIL: 530 x",
        "  to let it in, write into /etc/postern/postern.toml, in the place of the [[client]] \"printer\":",
        "      [[client]]", "      name = \"printer\"", "      allow = [\"no-auth\"]", "  -> postern reload   then",
      ])
  }
}
