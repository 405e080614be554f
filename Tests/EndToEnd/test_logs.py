# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""What the log says, in each of the three ways in which it is written; and what it never says."""
import base64
import re
import shutil
import signal
import smtplib
import socket
import subprocess
from contextlib import suppress

import pytest

from gateway import MUST_LOG_IN, NEEDS_NOTHING, PASSWORD, ROOT, USER, WRONG_PASSWORD, eventually, submit
from logsinks import Journal, LogFile, Terminal
from messages import message, token
from upstreams import ScriptedUpstream

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]")


@pytest.fixture(params=[LogFile, Terminal, Journal], ids=["json", "text", "journal"])
def logged(request, make_gateway):
    """Starts a gateway whose log goes one of the three ways: logged(upstream) gives the gateway and its sink."""
    reason = request.param.unusable()
    if reason:
        pytest.skip(reason)
    opened = []

    def start(*arguments, **options):
        gateway = make_gateway(*arguments, start=False, **options)
        sink = request.param(gateway)
        opened.append((gateway, sink))
        gateway.start(sink=sink)
        return gateway, sink

    yield start
    for gateway, sink in opened:
        gateway.stop()
        sink.close()


def b64(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def say(session, *lines):
    """Says lines that may be no SMTP at all; the gateway may hang up at any of them."""
    with suppress(smtplib.SMTPException, OSError):
        for line in lines:
            session.putcmd(line)
            session.getreply()


# What is written where


def test_standard_error_decides_how_the_log_is_written(logged, open_upstream):
    upstream = open_upstream(ScriptedUpstream)
    gateway, sink = logged(upstream, {"log": {"level": "info"}})
    subject = token()
    id = gateway.submit(message(subject), mode="starttls", source=MUST_LOG_IN, user=USER)
    upstream.await_mail(subject)
    wanted = [
        rf"{id}: client=unknown\[127\.0\.0\.1\], sasl_method=\w+, sasl_username={USER}, "
        r"message-id=<made\.by\.the\.client@client\.test>",
        rf"{id}: from=<alice@example\.org>, size=\d+, nrcpt=1 \(queue active\)",
        rf"{id}: to=<bob@example\.net>, relay=localhost\[127\.0\.0\.1\]:{upstream.port}, delay=[\d.]+, "
        r"delays=0/[\d.]+/[\d.]+/[\d.]+, dsn=2\.0\.0, status=sent \(250 2\.0\.0 taken\)",
        rf"{id}: removed",
    ]
    eventually(lambda: f"{id}: removed" in sink.messages(), what="the end of the message in the log")
    seen = [text for text in sink.messages() if text.startswith(f"{id}: ")]
    assert len(seen) == len(wanted) and all(map(re.fullmatch, wanted, seen)), seen


def test_an_inherited_variable_makes_no_journal(make_gateway):
    gateway = make_gateway(start=False)
    gateway.start({"JOURNAL_STREAM": "1:1"})
    assert [event["level"] for event in gateway.events("started")] == ["notice"]


def test_an_entry_of_the_journal_has_its_fields(make_gateway, open_upstream):
    if Journal.unusable():
        pytest.skip(Journal.unusable())
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream, start=False)
    sink = Journal(gateway)
    gateway.start(sink=sink)
    try:
        id = gateway.submit(message(), mode="starttls", source=MUST_LOG_IN, user=USER)
        eventually(lambda: f"{id}: removed" in sink.messages(), what="the end of the message in the journal")
        entries = {entry["POSTERN_EVENT"]: entry for entry in sink.entries() if entry.get("POSTERN_QUEUE_ID") == id}
        pid = str(gateway.process.pid)
    finally:
        gateway.stop()
        sink.close()
    assert list(entries) == ["accepted", "queued", "sent", "removed"]
    for entry in entries.values():
        assert (entry["SYSLOG_FACILITY"], entry["PRIORITY"], entry["SYSLOG_PID"]) == ("2", "6", pid)
    accepted, sent = entries["accepted"], entries["sent"]
    assert accepted["SYSLOG_IDENTIFIER"] == "postern/submission/smtpd"
    assert accepted["MESSAGE_ID"] == "5b3e286b9462427daa1d4e09701bef66"
    assert {name: accepted[f"POSTERN_{name}"] for name in ("USER", "CLIENT_IP", "LISTENER", "FROM", "TO", "NRCPT")} == {
        "USER": USER, "CLIENT_IP": MUST_LOG_IN, "LISTENER": "submission", "FROM": "alice@example.org",
        "TO": "bob@example.net", "NRCPT": "1"}
    assert accepted["POSTERN_TLS_VERSION"].startswith("TLSv1.")
    assert sent["SYSLOG_IDENTIFIER"] == "postern/smtp"
    assert {name: sent[f"POSTERN_{name}"] for name in ("UPSTREAM", "RELAY_IP", "RELAY_PORT", "SMTP_CODE", "DSN")} == {
        "UPSTREAM": "office", "RELAY_IP": "127.0.0.1", "RELAY_PORT": str(upstream.port), "SMTP_CODE": "250",
        "DSN": "2.0.0"}
    delays = [int(sent[f"POSTERN_DELAY_{name}USEC"]) for name in ("", "QUEUE_", "CONN_", "SEND_")]
    assert delays[0] == sum(delays[1:])


# What is never written


def test_no_secret_is_written_in_any_way(logged, open_upstream):
    upstream = open_upstream(ScriptedUpstream)
    gateway, sink = logged(upstream)
    for user, password in ((USER, WRONG_PASSWORD), (WRONG_PASSWORD, USER), (PASSWORD, USER), (PASSWORD, PASSWORD)):
        gateway.secrets |= {WRONG_PASSWORD, b64(WRONG_PASSWORD), b64(f"\0{user}\0{password}")}
    lines = [
        f"AUTH PLAIN {b64(f'{USER}{chr(0)}{USER}{chr(0)}{PASSWORD}')}x", f"AUTH PLAIN {PASSWORD}",
        f"AUTH {USER} {PASSWORD}", f"AUTH {PASSWORD}", "AUTH LOGIN", b64(PASSWORD), "*",
        "AUTH LOGIN", b64(USER), PASSWORD,
        f"AUTH LOGIN {b64(PASSWORD)}", b64(USER), PASSWORD, b64(PASSWORD), f"PASS {PASSWORD}", f"USER {USER}",
        f"EHLO {PASSWORD}", f"MAIL FROM:{PASSWORD}", f"MAIL FROM:<alice@example.org> {PASSWORD}",
    ]
    for mode in ("plain", "starttls", "implicit"):
        # A session ends at its third wrong login.
        for start in range(0, len(lines), 4):
            with suppress(smtplib.SMTPException), gateway.client(mode, MUST_LOG_IN) as session:
                say(session, *lines[start : start + 4])
        with suppress(smtplib.SMTPException), gateway.client(mode, MUST_LOG_IN) as session:
            say(session, f"AUTH PLAIN {b64(f'{chr(0)}{USER}{chr(0)}{PASSWORD}')}")
    for user, password in ((USER, WRONG_PASSWORD), (WRONG_PASSWORD, USER), (PASSWORD, USER), (PASSWORD, PASSWORD)):
        for mechanism in ("plain", "login"):
            with suppress(smtplib.SMTPException), gateway.client("starttls", MUST_LOG_IN) as session:
                session.user, session.password = user, password
                session.auth(mechanism.upper(), getattr(session, f"auth_{mechanism}"))
    # An upstream that repeats what it was sent, at the login and behind it.
    secret = upstream.password
    plain = b64(f"\0{upstream.username}\0{secret}")
    gateway.secrets |= {plain, b64(secret)}
    upstream.answers["AUTH"] = lambda line, _: (
        f"535-5.7.8 {secret} is wrong\r\n535 5.7.8 not understood: {line.decode()}")
    gateway.submit(message())
    eventually(lambda: any("upstream office is paused (login)" in text for text in sink.messages()), what="the pause in the log")
    assert "535 5.7.8 *** is wrong" in gateway.office()["reply"]
    upstream.answers["AUTH"] = "235 2.7.0 welcome"
    upstream.answers["RCPT"] = lambda line, _: (
        f"550 5.1.1 {plain} {b64(secret)} {secret}{secret}" if b"bob@" in line else "250 2.1.5 fine")
    gateway.postern("reload")
    eventually(lambda: any("status=bounced" in text for text in sink.messages()), what="the refusal in the log")
    # Who is told of it is not told the password either.
    (notification,) = eventually(
        lambda: [mail for mail in upstream.mails if mail.sender == ""], what="the notification")
    assert b"550 5.1.1 *** *** ******" in notification.content
    # What the console brings.
    gateway.add_user("bob", "another-horse-7")
    gateway.add_secret("bob", "third-horse-7")
    gateway.postern("users", "passwd", "bob", "--password-stdin", input="third-horse-7\n")
    upstream.answers["AUTH"] = lambda line, _: f"535 5.7.8 {line.decode()}"
    gateway.add_secret(upstream.username, "new-upstream-secret-5")
    gateway.postern("creds", "set", "office", "--stdin", input="new-upstream-secret-5\n", exit=1)
    assert any("credential office.password not set" in text for text in sink.messages())
    for words in (["status"], ["queue"], ["why", "office"], ["creds", "list"], ["users", "list"]):
        output = gateway.postern(*words, exit=(0, 1))
        assert not [secret for secret in gateway.secrets if secret in output]
    gateway.config_file.write_text(gateway.config_file.read_text().replace(
        "[upstream.office]\n", f'[upstream.office]\npassword = "{secret}"\n'))
    gateway.process.send_signal(signal.SIGHUP)
    eventually(lambda: any("configuration refused" in text for text in sink.messages()), what="the refusal of the file")
    gateway.stop()
    gateway.check_no_secret("\n".join(sink.lines()))
    texts = sink.messages()
    assert sum("authentication failed: wrong password, sasl_username=alice" in text for text in texts) >= 2
    assert sum("authentication failed: no such user" in text for text in texts) >= 6


# What others have to say


# What our lines begin with: an id, or a word of ours.
OURS = re.compile(
    r"[0-9A-Z]{9}|NOQUEUE|unknown|old-scanner|upstream|ready|queue|stopping|admin|too|lost|TLS|certificate")
HOSTILE = [
    "\x1b[2Jgone\x07", "a\u2028b\u2029c\u0085d", "\u202egnp.exe", "\x9b31m", "'%s%n\"\\", "{\"event\":\"forged\"}",
    "7KQ2M9XF4: removed", "A" * 900]


def test_words_of_peers_stay_in_their_line_and_their_field(logged, open_upstream):
    upstream = open_upstream(ScriptedUpstream)
    gateway, sink = logged(upstream)
    for words in HOSTILE:
        raw = words.encode()
        for line in (b"EHLO %s", b"MAIL FROM:<%s@example.org>", b"MAIL FROM:<> %s", b"RCPT TO:<%s>", b"%s", b"AUTH %s"):
            with socket.create_connection(("127.0.0.1", gateway.plain_port), 10, (NEEDS_NOTHING, 0)) as connection:
                with suppress(OSError):
                    connection.sendall(b"EHLO client.test\r\n" + line % raw + b"\r\nQUIT\r\n")
                    while connection.recv(65536):
                        pass
        with suppress(smtplib.SMTPException, OSError), gateway.client("starttls", MUST_LOG_IN) as session:
            session.docmd("AUTH", "PLAIN " + b64(b"\0" + raw[:400] + b"\0" + raw[:400]))
        upstream.answers["RCPT"] = f"550 5.1.1 {words[:400]}"
        id = gateway.submit(message())
        eventually(lambda: any(text.startswith(f"{id}: to=") for text in sink.messages()), what=f"the end of {id}")
    upstream.answers["MAIL"] = "250 \x1b[2J\nMESSAGE=forged\nPOSTERN_USER=root"
    gateway.submit(message())
    eventually(lambda: any("not an SMTP reply: MESSAGE=forged" in text for text in sink.messages()), what="the trouble")
    gateway.stop()
    assert [line for line in sink.lines() if CONTROL.search(line)] == []
    first_words = {re.split(r"[:\[ ]", text)[0] for text in sink.messages()}
    assert {word for word in first_words if not OURS.fullmatch(word)} == set()
    if isinstance(sink, Journal):
        for fields in sink.fields():
            names = [name for name, _ in fields]
            assert len(set(names)) == len(names), names
            assert all(name.startswith("POSTERN_") for name in names[6:]), names


# What tools make of it


def test_systemd_takes_the_catalog_without_a_word(tmp_path):
    if shutil.which("journalctl") is None:
        pytest.skip("needs journalctl")
    folder = tmp_path / "usr/lib/systemd/catalog"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "systemd/postern.catalog", folder)

    def journalctl(*arguments):
        # It ends with 0 whatever it complains about.
        done = subprocess.run(["journalctl", f"--root={tmp_path}", *arguments], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    journalctl("--update-catalog")
    listed = journalctl("--list-catalog").splitlines()
    written = re.findall(r"^-- ([0-9a-f]{32})$", (ROOT / "systemd/postern.catalog").read_text(), re.MULTILINE)
    assert sorted(line.split()[0] for line in listed) == sorted(written)
    assert "postern creds set" in journalctl("--dump-catalog", "5483a9a27d60483c87f8ff17bf09fc6c")


# In a real journal

# An upstream on port 2525 that takes mail for ok@, puts off later@ and refuses never@; a client that sends to each, and
# to nobody. Prints the ids by recipient.
MAIL_TRAFFIC = """
    import json, re, smtplib, socketserver, sys, threading

    class Upstream(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"220 relay.test\\r\\n")
            content = False
            for line in self.rfile:
                if content:
                    if line != b".\\r\\n":
                        continue
                    content, answer = False, b"250 2.0.0 taken"
                elif line.startswith(b"RCPT TO:<later@"):
                    answer = b"451 4.2.1 later, please"
                elif line.startswith(b"RCPT TO:<never@"):
                    answer = b"550 5.1.1 no such user"
                elif line.startswith(b"DATA"):
                    content, answer = True, b"354 go on"
                else:
                    answer = b"250 2.0.0 fine"
                self.wfile.write(answer + b"\\r\\n")
                if line.startswith(b"QUIT"):
                    return

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 2525), Upstream)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ids = {}
    with smtplib.SMTP("127.0.0.1", 587, "client.test") as session:
        session.ehlo()
        for name in ("ok", "later", "never"):
            session.mail("alice@example.org")
            session.rcpt(f"{name}@example.net")
            _, reply = session.data(b"Subject: t\\r\\nMessage-ID: <%s@client.test>\\r\\n\\r\\nt\\r\\n" % name.encode())
            ids[name] = re.search(rb"queued as (\\w+)", reply)[1].decode()
        session.mail("alice@example.org")
        session.rcpt("not an address")
    sys.stdin.read()
    print(json.dumps(ids))
"""

JOURNAL_CONFIGURATION = """
    hostname = "gate.test"
    [upstream.office]
    host = "127.0.0.1"
    port = 2525
    tls = "none"
    allow_insecure = true
    auth = "none"
    [listen.submission]
    tls = "none"
    [[client]]
    name = "nas"
    address = "127.0.0.1"
    allow = ["no-auth", "plaintext"]
    [queue]
    retry = ["1h"]
"""


@pytest.fixture(scope="module")
def traffic(machine):
    """A machine whose gateway has had some mail: (machine, ids by recipient)."""
    machine.write("/etc/postern/postern.toml", JOURNAL_CONFIGURATION)
    machine.run("journalctl", "--update-catalog")
    machine.run("systemctl", "start", "postern-submission.socket", "postern.service")
    finish = machine.start_python(MAIL_TRAFFIC)

    def ends():
        entries = machine.journal("_SYSTEMD_UNIT=postern.service")
        return sorted(entry["POSTERN_STATUS"] for entry in entries if "POSTERN_ATTEMPT" in entry)

    # The second that is sent tells alice of the one that failed.
    eventually(lambda: ends() == ["deferred", "failed", "sent", "sent"], what="the traffic in the journal")
    return machine, finish()


def test_entries_of_a_message_are_found_by_its_id(traffic):
    machine, ids = traffic
    entries = machine.journal(f"POSTERN_QUEUE_ID={ids['ok']}")
    assert [entry["POSTERN_EVENT"] for entry in entries] == ["accepted", "queued", "sent", "removed"]
    pid = machine.show("postern.service", "MainPID")["MainPID"]
    for entry in entries:
        # Not by way of standard error: the journal's own protocol.
        assert (entry["_TRANSPORT"], entry["_SYSTEMD_UNIT"], entry["_PID"]) == ("journal", "postern.service", pid)
        assert (entry["SYSLOG_PID"], entry["SYSLOG_FACILITY"], entry["PRIORITY"]) == (pid, "2", "6")
        assert re.fullmatch("[0-9a-f]{32}", entry["MESSAGE_ID"])
    accepted, queued, sent, removed = entries
    assert [entry["SYSLOG_IDENTIFIER"] for entry in entries] == [
        "postern/submission/smtpd", "postern/qmgr", "postern/smtp", "postern/qmgr"]
    assert accepted["POSTERN_CLIENT_NAME"] == "nas" and accepted["POSTERN_MSGID"] == "<ok@client.test>"
    assert (sent["POSTERN_TO"], sent["POSTERN_SMTP_CODE"], sent["POSTERN_STATUS"]) == ("ok@example.net", "250", "sent")
    assert int(sent["POSTERN_DELAY_USEC"]) < 60e6
    (deferred,) = machine.journal(f"POSTERN_QUEUE_ID={ids['later']}", "POSTERN_EVENT=deferred")
    assert int(deferred["POSTERN_NEXT_USEC"]) > int(deferred["__REALTIME_TIMESTAMP"])
    entries = machine.journal(f"POSTERN_QUEUE_ID={ids['never']}")
    assert [entry["POSTERN_EVENT"] for entry in entries] == ["accepted", "queued", "failed", "notified", "removed"]
    failed = entries[2]
    assert (failed["PRIORITY"], failed["POSTERN_DSN"]) == ("4", "5.1.1")


def test_the_journal_explains_an_entry(traffic):
    machine, ids = traffic
    text = machine.run("journalctl", "-x", f"POSTERN_QUEUE_ID={ids['later']}", "POSTERN_EVENT=deferred").stdout
    assert f"postern why {ids['later']}" in text and "451 later, please" in text
    assert "@POSTERN_" not in text


def test_pflogsumm_counts_what_happened(traffic):
    if shutil.which("pflogsumm") is None:
        pytest.skip("needs pflogsumm")
    machine, _ = traffic
    lines = machine.run("journalctl", "-u", "postern", "-o", "short", "--no-pager").stdout
    done = subprocess.run(
        ["pflogsumm", "--syslog-name=postern"], input=lines, capture_output=True, text=True, check=True)
    counts = dict((name, int(count)) for count, name in re.findall(r"^ +(\d+) +([a-z]+)\b", done.stdout, re.MULTILINE))
    assert {name: counts[name] for name in ("received", "delivered", "deferred", "bounced", "rejected", "senders")} == {
        "received": 3, "delivered": 2, "deferred": 1, "bounced": 1, "rejected": 1, "senders": 1}, done.stdout
    assert "4.2.1 later, please" in done.stdout and "5.1.1 no such user" in done.stdout
    assert "RCPT" in done.stdout.split("message reject detail")[1]


def test_a_start_that_fails_is_an_event_of_its_unit(machine):
    machine.write("/etc/postern/broken.toml", "[upstream.office\n")
    machine.write("/etc/systemd/system/broken.service", """
        [Service]
        Type=oneshot
        ExecStart=/usr/sbin/posternd --config /etc/postern/broken.toml
    """)
    machine.run("systemctl", "daemon-reload")
    assert machine.run("systemctl", "start", "broken.service", check=False).returncode != 0
    (entry,) = machine.journal("_SYSTEMD_UNIT=broken.service", "POSTERN_EVENT=start-failed")
    assert entry["PRIORITY"] == "2" and "/etc/postern/broken.toml:1:" in entry["MESSAGE"]
