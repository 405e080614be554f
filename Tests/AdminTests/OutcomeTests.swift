// SPDX-FileCopyrightText: 2026 The Postern Authors
// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Admin

@Suite("What commands say that they did")
struct OutcomeTests {
  private let now = Timestamp("2026-11-21T14:06:11Z")!

  @Test(
    "changes of messages",
    arguments: [
      ("flush --all", 3, 2, "2 messages will be tried now; 1 message had nothing deferred"),
      ("hold --all", 3, 3, "3 messages held until released: postern release state:held"),
      ("hold --all --for 2h", 1, 1, "1 message held until 2026-11-21 16:06:11Z (in 2h)"),
      ("release --all", 4, 2, "2 messages released; 2 messages were not held"),
      ("bounce --all", 1, 1, "1 message bounced, a notification goes out"),
      ("bounce --all", 3, 2, "2 messages bounced, notifications go out; 1 message could not be changed"),
      ("bounce --all --no-dsn", 2, 2, "2 messages bounced, nobody is told"),
      ("drop --all", 3, 2, "2 messages dropped; 1 message was dropped before"),
      ("drop --all --now", 3, 1, "1 message erased; 2 messages were being sent"),
      ("undrop batch:41", 214, 214, "214 messages put back"),
      ("release --all", 0, 0, "no message matches"),
    ])
  func changes(line: String, matched: Int, done: Int, text: String) throws {
    let (invocation, change) = try change(line, matched: matched, done: done)
    #expect(ChangeView(invocation, now: now, style: .plain).lines(change) == [text])
  }

  @Test("a preview shows the oldest, how many there are besides, and how to see them all")
  func preview() throws {
    var (invocation, change) = try change("bounce to:@x.org age:>1h", matched: 214, done: 0)
    change.preview = .init(
      bytes: 32_505_856,
      samples: [
        .init(id: "W0HE12345", ageSeconds: 260_000, sender: "news@spammy.example", recipient: "alice@x.org"),
        .init(id: "5RQA12345", ageSeconds: 90_000, sender: "", recipient: "carol\u{1B}@x.org"),
      ], upTo: "5RQA12345")
    let view = ChangeView(invocation, now: now, style: .plain)
    let lines = [
      "Will bounce 214 messages (31 MiB):", "  oldest W0HE12345  3 d    news@spammy.example -> alice@x.org",
      #"         5RQA12345  1 d 1 h  <> -> carol\x1b@x.org"#, "  and 212 more (postern queue to:@x.org age:>1h)",
    ]
    #expect(
      view.preview(change, change.preview!).map { $0.split(separator: " ") } == lines.map { $0.split(separator: " ") })
    #expect(view.lines(change).last == "nothing was changed: this is a dry run")
  }

  @Test("a drop says how long it can be undone and how; erasing does not")
  func drops() throws {
    var (invocation, change) = try change("drop from:@x.org", matched: 214, done: 214)
    change.undo = "undrop batch:41"
    change.keptUntil = Timestamp(milliseconds: now.milliseconds + 86_400_000)
    #expect(
      ChangeView(invocation, now: now, style: .plain).lines(change) == [
        "214 messages dropped", "Undo until 2026-11-22 14:06:11Z (in 1d):  postern undrop batch:41",
      ])
    change.preview = .init(bytes: 32_505_856, samples: [], upTo: nil)
    change.keptSeconds = 86_400
    #expect(
      ChangeView(invocation, now: now, style: .plain).preview(change, change.preview!).first
        == "Will move 214 messages (31 MiB) out of the queue, kept 1 d:")
    let erasing = try Invocation(["drop", "from:@x.org", "--now"])
    #expect(
      ChangeView(erasing, now: now, style: .plain).preview(change, change.preview!).first
        == "Will erase 214 messages (31 MiB) for good; nobody is told:")
  }

  private func change(_ line: String, matched: Int, done: Int) throws -> (Invocation, ChangeReply) {
    let invocation = try Invocation(try TypedLine.split(line))
    return (
      invocation,
      ChangeReply(
        verb: invocation.command.name.rawValue, matched: matched, done: done, failed: 0, actor: .init(uid: 0))
    )
  }

  @Test("pauses, and their ends")
  func pauses() {
    let pause = Pause(
      side: "upstream", name: "gmail", since: now, until: Timestamp(milliseconds: now.milliseconds + 3_600_000),
      by: "alice", reason: "new\ncontract")
    let reply = PauseReply(
      verb: "pause", side: "upstream", name: "gmail", changed: true, pause: pause, notes: ["2 are being sent"])
    #expect(
      PauseView.lines(reply, now: now, style: .plain) == [
        "sending through gmail is paused since 2026-11-21 14:06:11Z by alice, until 2026-11-21 15:06:11Z (in 1h): "
          + #"new\ncontract; back: postern resume upstream gmail"#,
        "! 2 are being sent",
      ])
    let resumed = PauseReply(verb: "resume", side: "in", name: nil, changed: true, pause: nil)
    #expect(PauseView.lines(resumed, now: now, style: .plain) == ["clients are accepted again"])
  }

  @Test("why: the sentences of the daemon, what happens next, what to type")
  func why() {
    let why = WhyReply(
      subject: "7KQ2M9XF4", state: "deferred", headline: "Message 7KQ2M9XF4 has not left because:",
      reasons: ["gmail answered 421 \u{1B}[2J", "next"], reply: "421 \u{1B}[2J",
      next: Timestamp(milliseconds: now.milliseconds + 60_000),
      expires: nil, actions: [.init(label: "now", command: "postern flush 7KQ2")])
    #expect(
      WhyView.lines(why, now: now, style: .plain) == [
        "Message 7KQ2M9XF4 has not left because:", #"  1. gmail answered 421 \x1b[2J"#, "  2. next",
        "  next attempt  2026-11-21 14:07:11Z   in 1m", "  -> postern flush 7KQ2   now",
      ])
  }

  @Test("logins and credentials as tables, never a secret")
  func tables() {
    var logins = LoginsView(now: now, style: .plain)
    #expect(logins.finish() == ["nobody can log in; give somebody a login: postern users add NAME"])
    let rows = logins.add(
      .init(
        user: "nas", disabled: true, lastLogin: Timestamp(milliseconds: now.milliseconds - 120_000),
        lastAddress: "192.0.2.7"))
    #expect(rows + logins.finish() == ["NAME  STATE     LAST LOGIN  FROM", "nas   disabled  2 min ago   192.0.2.7"])
    var credentials = CredentialsView(now: now, style: .plain)
    let lines = credentials.add(
      .init(
        upstream: "gmail", kind: "password", login: "a@b", state: "ok", source: "creds set", set: now, setBy: "root"))
    #expect(
      lines + credentials.finish() == [
        "UPSTREAM  LOGIN  KIND      STATE  SET              LAST WORKED          SOURCE",
        "gmail     a@b    password  ok     0 s ago by root  not since the start  creds set",
      ])
  }

  @Test("a secret that was set: tested, kept, in force")
  func credential() {
    let reply = CredentialChangeReply(
      upstream: "gmail", credential: "gmail.password", tested: true, reply: "235 2.7.0 Accepted", milliseconds: 412,
      released: 14, live: true, stored: "/etc/postern/credentials/gmail.password", notes: ["look there too"])
    #expect(
      OutcomeView.lines(reply, style: .plain) == [
        "login at gmail: ok   235 2.7.0 Accepted  (0.4 s)", "kept in /etc/postern/credentials/gmail.password",
        "in force now, without a restart. 14 messages may leave now", "! look there too",
      ])
  }

  @Test("a held message and a pause are seen in show and status")
  func holdsAndPauses() {
    var message = ProtocolTests.message
    message.hold = .init(by: "alice", since: now, until: nil, reason: "typo?")
    #expect(
      ShowView.lines(message, now: now, style: .plain).contains(
        "  held      by alice since 2026-11-21 14:06:11Z, until it is released: typo?"))
    var status = ProtocolTests.status
    status.pauses = [Pause(side: "in", since: now, by: "bob")]
    let lines = StatusView.lines(status, now: now, style: .plain)
    #expect(
      lines.contains("  ! clients are refused (421): paused since 2026-11-21 14:06:11Z by bob, until it is resumed"))
    #expect(lines.last == "  -> postern resume in")
  }

  @Test("a queue that was repaired or adopted, with all that stayed behind")
  func transfers() {
    var reply = SpoolTransferReply(from: "/old", into: "/new", messages: 3)
    #expect(
      SpoolTransferView.lines(reply, isAdoption: false, style: .plain) == [
        "/new: 3 messages repaired from /old", "Keep /old; put /new in its place, or name it as [queue] directory",
      ])
    (reply.host, reply.earlier, reply.lost) = ("mail\u{1B}2", 2, ["7KQ2M9XF4"])
    (reply.renamed, reply.damages) = ([.init(old: "W0HE12345", new: "5RQA12345")], ["damaged record"])
    #expect(
      SpoolTransferView.lines(reply, isAdoption: true, style: .plain) == [
        #"/new: 3 messages adopted from /old (of mail\x1b2), 2 taken over before"#, "  damage damaged record",
        "  ! W0HE12345 is 5RQA12345 here: there was another message of that id",
        "  lost 7KQ2M9XF4: it cannot be read whole, and is in /old only",
        "Never start a posternd on /old again: its mail would be sent twice",
      ])
    #expect(!reply.isWhole)
  }

  @Test("the spool")
  func spool() {
    var reply = SpoolReply(
      directory: "/q", isSound: true, states: ["held": 1, "deferred": 2], messages: 3, records: 12, segments: 1,
      octets: 4096,
      lastChange: now, torn: 0, damages: [])
    #expect(
      SpoolView.lines(reply, style: .plain) == [
        "/q: 3 messages (2 deferred, 1 held), 12 records in 1 file, 4.0 KiB, last change 2026-11-21 14:06:11Z",
        "sound: every octet is what was written",
      ])
    reply.isSound = false
    reply.damages = [
      .init(
        kind: "record", text: "damaged record in 0001.log; what\u{1B}", segment: "0001.log", offset: 4096, octets: 1,
        message: "7KQ2M9XF4", missing: [])
    ]
    #expect(SpoolView.lines(reply, style: .plain)[1] == #"  damage damaged record in 0001.log; what\x1b"#)
    let record = SpoolRecordReply(
      segment: "0001.log", offset: 64, octets: 9, record: "held", time: now, messages: ["7KQ2M9XF4"],
      facts: [.init(name: "reason", value: "a b\u{1B}")])
    #expect(
      SpoolView.line(record, style: .plain)
        == #"0001.log:64  held  2026-11-21 14:06:11Z  7KQ2M9XF4  reason='a b\x1b'"#)
  }
}
