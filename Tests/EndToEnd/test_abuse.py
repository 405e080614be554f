# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Clients that mean no good, or do not know better, on the daemon; and docs/ABUSE.md, which lists them all."""
import base64
import hashlib
import hmac
import re
import smtplib
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from crowd import Crowd, GoodClient, resident_octets
from gateway import MUST_LOG_IN, NEEDS_NOTHING, PASSWORD, ROOT, USER, WRONG_PASSWORD, eventually, submit
from messages import check_delivered, message, token
from test_conformance import is_there
from upstreams import Aiosmtpd, ScriptedUpstream

ELSEWHERE = "127.0.0.9"
SESSION_OCTETS = 64 << 10


def test_a_crowd_of_sessions_takes_little_memory_and_nobody_waits_for_it(make_gateway):
    sessions, messages = 500, 50
    gateway = make_gateway(changes={"log": {"level": "info"}})
    good = GoodClient(gateway)
    with ExitStack() as stack:
        people = Crowd(gateway)
        stack.callback(people.close)
        people.open(1)
        empty = resident_octets(gateway.process.pid)
        people.open(sessions)
        logged_in = resident_octets(gateway.process.pid)
        assert people.begin_messages(messages, 4 << 20) == messages
        good.run(lambda: len(good.seconds) + len(good.errors) > 2)
        people.check_alive(messages)
        highest = resident_octets(gateway.process.pid, "VmHWM")
    assert (logged_in - empty) / sessions < SESSION_OCTETS / 2
    assert (highest - empty) / sessions < SESSION_OCTETS, f"{(highest - empty) / sessions / 1024:.1f} KiB a session"
    assert not good.errors and good.slowest < 5, (good.errors, good.seconds)
    eventually(lambda: gateway.status()["in"]["sessions"] == 0)
    assert len(gateway.queue()) == len(good.seconds)


def test_half_a_handshake_has_ten_seconds_and_a_good_client_does_not_wait_for_500_of_them(make_gateway):
    gateway = make_gateway()
    good = GoodClient(gateway)
    with ExitStack() as stack:
        began = time.monotonic()
        peers = [stack.enter_context(socket.create_connection(("127.0.0.1", gateway.implicit_port), 10))
                 for _ in range(500)]
        for peer in peers[::2]:
            peer.send(b"\x16\x03\x01\x02\x00\x01\x00\x01")
        good.run(lambda: time.monotonic() - began > 5)
        assert gateway.status()["in"]["sessions"] == len(peers)
        eventually(lambda: gateway.status()["in"]["sessions"] == 0, 20)
        assert time.monotonic() - began >= 10
        assert all(peer.recv(100)[:1] != b"2" for peer in peers)
    assert len(good.seconds) >= 4 and not good.errors and good.slowest < 2, (good.errors, good.seconds)


def greeting(gateway, stack, source):
    """A connection to the plain port and what it heard first."""
    peer = stack.enter_context(socket.create_connection(("127.0.0.1", gateway.plain_port), 10, (source, 0)))
    return peer, peer.recv(512)


def test_an_address_has_so_many_sessions_and_all_together_have_so_many(make_gateway):
    gateway = make_gateway(changes={"listen.plain": {"max_sessions": 5, "max_sessions_per_client": 2}})
    with ExitStack() as stack:
        peers = [greeting(gateway, stack, source) for source in (NEEDS_NOTHING,) * 3 + (ELSEWHERE,) * 2 + (MUST_LOG_IN,) * 2]
        heard = [octets[:9] for _, octets in peers]
        assert heard == [b"220 gate."] * 2 + [b"421 4.7.0"] + [b"220 gate."] * 3 + [b"421 4.3.2"], heard
        peers[0][0].close()
        eventually(lambda: greeting(gateway, stack, NEEDS_NOTHING)[1].startswith(b"220 "))


def test_who_connects_and_leaves_thousands_of_times_takes_no_place(make_gateway):
    gateway = make_gateway(changes={"listen.plain": {"max_sessions": 60, "max_sessions_per_client": 50}})
    files = len(list(Path(f"/proc/{gateway.process.pid}/fd").iterdir()))
    for _ in range(3_000):
        socket.create_connection(("127.0.0.1", gateway.plain_port), 10).close()
    gateway.submit(message())
    eventually(lambda: gateway.status()["in"]["sessions"] == 0)
    assert len(list(Path(f"/proc/{gateway.process.pid}/fd").iterdir())) <= files + 5


def logged_in(gateway, stack, source):
    """A session of the one user, by PLAIN and nothing else."""
    session = stack.enter_context(gateway.client("starttls", source))
    session.user, session.password = USER, PASSWORD
    session.auth("PLAIN", session.auth_plain)
    return session


def test_a_login_has_so_many_sessions_wherever_they_come_from(make_gateway):
    gateway = make_gateway(changes={"listen.submission": {"max_sessions_per_client": 3}})
    with ExitStack() as stack:
        first, *_ = [logged_in(gateway, stack, source) for source in (MUST_LOG_IN, MUST_LOG_IN, ELSEWHERE)]
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            logged_in(gateway, stack, ELSEWHERE)
        assert refused.value.args == (421, b"4.7.0 Too many connections with this login")
        gateway.await_events("sessions-exceeded")
        first.quit()
        eventually(lambda: gateway.status()["in"]["sessions"] == 2)
        submit(logged_in(gateway, stack, ELSEWHERE), message())


def give_up_scram(session):
    """A login by SCRAM-SHA-256 (RFC 5802) whose client takes the proof of the server for wrong."""
    bare = f"n={USER},r=client"
    _, challenge = session.docmd("AUTH SCRAM-SHA-256", base64.b64encode(f"n,,{bare}".encode()).decode())
    first = base64.b64decode(challenge).decode()
    facts = dict(part.split("=", 1) for part in first.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), base64.b64decode(facts["s"]), int(facts["i"]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    final = f"c=biws,r={facts['r']}"
    mark = hmac.digest(hashlib.sha256(key).digest(), f"{bare},{first},{final}".encode(), "sha256")
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, mark))).decode()
    code, _ = session.docmd(base64.b64encode(f"{final},p={proof}".encode()).decode())
    assert code == 334
    assert session.docmd("*")[0] == 501


def test_a_login_that_is_given_up_at_its_end_counts_no_session(make_gateway):
    gateway = make_gateway(changes={"listen.submission": {"max_sessions_per_client": 1}})
    for _ in range(2):
        with gateway.client("starttls", MUST_LOG_IN) as session:
            give_up_scram(session)
            give_up_scram(session)
            session.login(USER, PASSWORD)
        eventually(lambda: gateway.status()["in"]["sessions"] == 0)


def test_who_hangs_up_behind_the_dot_is_told_of_and_counted(make_gateway):
    clients = [{"name": "hasty", "address": NEEDS_NOTHING, "allow": ["no-auth", "plaintext"], "rate": "3/h"}]
    gateway = make_gateway(changes={"client": clients})
    for count in range(1, 4):
        with gateway.client() as session:
            session.mail("a@example.org")
            session.rcpt("b@example.net")
            assert session.docmd("DATA")[0] == 354
            session.sock.sendall(message() + b".\r\n")
            session.close()
        gateway.await_events("accepted", count)
    with gateway.client() as session:
        assert session.mail("a@example.org")[0] == 450
    assert len(gateway.queue()) == 3


def test_a_guesser_is_slowed_and_the_user_elsewhere_is_not(make_gateway):
    gateway = make_gateway(changes={"access": {"auth_failures": "5/10m"}})
    gateway.add_secret(USER, WRONG_PASSWORD)
    with gateway.client("starttls", MUST_LOG_IN) as session:
        session.user, session.password = USER, WRONG_PASSWORD
        for _ in range(5):
            with pytest.raises(smtplib.SMTPAuthenticationError):
                session.auth("PLAIN", session.auth_plain)
        with pytest.raises((smtplib.SMTPServerDisconnected, smtplib.SMTPResponseException)) as ended:
            session.docmd("NOOP")
            session.docmd("NOOP")
        assert "421" in str(ended.value) or isinstance(ended.value, smtplib.SMTPServerDisconnected)
    with pytest.raises(smtplib.SMTPAuthenticationError) as throttled:
        gateway.submit(message(), mode="starttls", source=MUST_LOG_IN, user=USER)
    assert throttled.value.smtp_code == 454, throttled.value
    gateway.submit(message(), mode="starttls", source=ELSEWHERE, user=USER)


def test_nobody_hears_whether_a_user_is_there(make_gateway):
    gateway = make_gateway(changes={"access": {"auth_failures": "off"}})
    heard = set()
    for name in (USER, "mallory"):
        gateway.add_secret(name, WRONG_PASSWORD)
        for mechanism in ("PLAIN", "LOGIN"):
            with gateway.client("implicit", MUST_LOG_IN) as session:
                session.user, session.password = name, WRONG_PASSWORD
                with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
                    session.auth(mechanism, getattr(session, f"auth_{mechanism.lower()}"))
                heard.add((refused.value.smtp_code, refused.value.smtp_error))
    assert len(heard) == 1, heard


@pytest.mark.parametrize("header, wanted", [
    (b"X-A: b\r\n" * 20_000, 250), (b"Subject: " + b" folded\r\n" * 110_000, 250),
    (b"Subject: " + b"x" * 1_000_000 + b"\r\n", 250), (b"X-A: b\r\n" * 140_000, 552),
    (b"Subject: " + b"x" * 1_100_000 + b"\r\n", 552)], ids=["fields", "folded", "line", "too many", "too long"])
def test_a_header_may_have_a_mebibyte(header, wanted, open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream, "none", login=False)
    gateway = make_gateway(upstream)
    subject = token()
    content = message(subject).replace(b"\r\nDate:", b"\r\n" + header + b"Date:", 1)
    with gateway.client() as session:
        try:
            submit(session, content)
            assert wanted == 250
        except smtplib.SMTPResponseException as refused:
            assert (refused.smtp_code, refused.smtp_error[:5]) == (wanted, b"5.3.4"), refused
        submit(session, message())
    if wanted == 250:
        check_delivered(upstream.await_mail(subject), content, protocol="ESMTP")
    gateway.await_empty_queue()


LOOK_ALIKES = (b"\r\n. \r\n", b"\r\n.\t\r\n", b"\r\n.\x0b\r\n", b"\r\n.\x0c\r\n", b"\xc2\x85.\xc2\x85", b"\r\n..\r\n",
               b"\xe2\x80\xa8.\xe2\x80\xa8", b"\r\n\xef\xbc\x8e\r\n", b"\r\n .\r\n", b"\r\n.\r\n")


def test_what_looks_like_the_end_of_a_message_leaves_as_content_of_one(open_upstream, make_gateway):
    """In chunks also the end of data itself can come in."""
    upstream = open_upstream(Aiosmtpd, "starttls")
    gateway = make_gateway(upstream)
    subject = token()
    smuggled = b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<victim@example.net>\r\nDATA\r\nSubject: evil\r\n\r\nevil\r\n"
    content = message(subject, b"".join(b"a" + look_alike + smuggled for look_alike in LOOK_ALIKES))
    with gateway.client() as session:
        session.mail("alice@example.org", ["BODY=8BITMIME"])
        session.rcpt("bob@example.net")
        session.send(b"BDAT %d LAST\r\n" % len(content) + content)
        assert session.getreply()[0] == 250
    mail = upstream.await_mail(subject)
    assert mail.content.endswith(content) and mail.recipients == ("bob@example.net",)
    gateway.await_empty_queue()
    assert len(upstream.mails) == 1


def test_who_leaves_within_a_chunk_leaves_nothing(open_upstream, make_gateway):
    gateway = make_gateway()
    with gateway.client() as session:
        session.mail("alice@example.org")
        session.rcpt("bob@example.net")
        session.send(b"BDAT 1000 LAST\r\nSubject: x\r\n\r\n.\r\n")
        session.sock.shutdown(socket.SHUT_RDWR)
    gateway.await_events("client-left")
    assert gateway.queue() == []


def test_the_page_names_each_attack_and_tests_that_there_are():
    rows = [[cell.strip() for cell in line.strip("|\n").split("|")]
            for line in (ROOT / "docs/ABUSE.md").read_text().splitlines() if re.match(r"\| C[12]\.\d\d ", line)]
    assert [row[0][:5] for row in rows] == [*(f"C1.{number:02}" for number in range(1, 29)), "C2.03", "C2.05", "C2.08"]
    for row in rows:
        names = re.findall(r"`([^`]+)`", row[3])
        assert names, f"{row[0]} is shown by nothing"
        assert [name for name in names if not is_there(name)] == [], row[0]
