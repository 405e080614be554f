# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Mail through servers that people run: Postfix, Exim, OpenSMTPD, aiosmtpd, with TLS that is verified and a login."""
import pytest

from gateway import eventually
from mailservers import Exim, OpenSMTPD, Postfix, unusable
from messages import check_delivered, message, token
from roundtrips import RoundTrips
from upstreams import Aiosmtpd

# Dots where they are doubled and where they are not, octets above 127, a long line; enough of it for several chunks.
LINES = b".\r\n..\r\n.dot\r\nno dot\r\n\r\ncaf\xc3\xa9 \xff\xfe\r\n" + b"long " * 180 + b"\r\n"
SHORT, LONG = LINES, LINES * 300


@pytest.fixture(scope="module")
def running(certificate):
    """Starts each kind of server once."""
    servers = {}

    def start(kind):
        if kind not in servers:
            servers[kind] = kind(certificate)
        return servers[kind]

    yield start
    for server in servers.values():
        server.close()


@pytest.fixture
def open_server(running, open_upstream, summary):
    """An upstream: a port of a server that runs already, or an aiosmtpd of its own."""
    def open(kind, mode, auth="auto"):
        if kind is Aiosmtpd:
            upstream = open_upstream(Aiosmtpd, mode, None if auth == "auto" else auth)
        elif reason := unusable():
            line = f"Postfix, Exim and OpenSMTPD are not started here, so their tests are skipped: {reason}"
            if line not in summary:
                summary.append(line)
            pytest.skip(reason)
        else:
            upstream = running(kind).entrance(mode, **({} if mode == "none" else {"auth": auth}))
        return upstream

    return open


def logins(upstream):
    return upstream.logins if isinstance(upstream, Aiosmtpd) else upstream.server.logins()


def named(case):
    return case.__name__.lower() if isinstance(case, type) else str(case)


@pytest.mark.parametrize("kind, mode, auth, mechanism", [
    (Postfix, "starttls", "auto", "SCRAM-SHA-256"), (Postfix, "implicit", "plain", "PLAIN"),
    (Postfix, "starttls", "login", "LOGIN"), (Postfix, "implicit", "cram-md5", "CRAM-MD5"),
    (Exim, "starttls", "auto", "PLAIN"), (Exim, "implicit", "login", "LOGIN"),
    (Exim, "starttls", "cram-md5", "CRAM_MD5"), (OpenSMTPD, "none", "none", None),
    (Aiosmtpd, "starttls", "auto", "PLAIN"), (Aiosmtpd, "implicit", "login", "LOGIN"),
], ids=named)
def test_mail_arrives_octet_for_octet(kind, mode, auth, mechanism, open_server, make_gateway):
    upstream = open_server(kind, mode, auth)
    before = len(logins(upstream)) if mechanism else 0
    gateway = make_gateway(upstream)
    sent = {token(): body for body in (SHORT, LONG)}
    for subject, body in sent.items():
        gateway.submit(message(subject, body), options=("BODY=8BITMIME",))
    for subject, body in sent.items():
        mail = upstream.await_mail(subject)
        assert (mail.sender, mail.recipients) == ("alice@example.org", ("bob@example.net",))
        check_delivered(mail, message(subject, body))
    gateway.await_empty_queue()
    if mechanism:
        assert set(logins(upstream)[before:]) == {mechanism}
    assert len(LONG) > 68 << 10


@pytest.mark.parametrize("kind, mode", [
    (Postfix, "starttls"), (Exim, "starttls"), (OpenSMTPD, "none"), (Aiosmtpd, "starttls")], ids=named)
def test_a_refused_recipient_fails_alone(kind, mode, open_server, make_gateway):
    upstream = open_server(kind, mode)
    gateway = make_gateway(upstream)
    # The first is refused, then the last, then all.
    for recipients in (["bad", "good", "fine"], ["good", "fine", "bad"], ["bad"]):
        subject = token()
        recipients = tuple(f"{name}@example.net" for name in recipients)
        taken = {recipient for recipient in recipients if recipient != "bad@example.net"}
        id = gateway.submit(message(subject), recipients)
        (failed,) = gateway.await_events("failed", queue_id=id)
        assert failed["to"] == "bad@example.net" and failed["smtp_code"] in (524, 550)

        def arrived():
            # Without what tells the sender: that goes to alice, and has the subject in it.
            mails = [mail for mail in upstream.mails_about(subject) if mail.sender == "alice@example.org"]
            return mails if {each for mail in mails for each in mail.recipients} == taken else None

        for mail in eventually(arrived, what="mail for all who were taken") if taken else []:
            check_delivered(mail, message(subject), recipients=3)
    # The connection goes on, whatever was refused on it.
    subject = token()
    gateway.submit(message(subject))
    upstream.await_mail(subject)
    gateway.await_empty_queue()


@pytest.mark.parametrize("kind, mode, auth", [
    (Postfix, "starttls", "auto"), (Postfix, "implicit", "plain"), (Exim, "starttls", "auto"),
    (Aiosmtpd, "starttls", "auto")], ids=named)
def test_a_wrong_password_pauses_and_a_right_one_lets_mail_go(kind, mode, auth, open_server, make_gateway):
    upstream = open_server(kind, mode, auth)
    gateway = make_gateway(upstream, start=False)
    gateway.write_credential("outdated-secret-3")
    gateway.add_secret(upstream.username, "outdated-secret-3")
    gateway.start()
    subject = token()
    id = gateway.submit(message(subject))
    office = eventually(lambda: (office := gateway.office())["state"] == "paused" and office, what="a paused upstream")
    assert office["reason"] == "login" and "535" in office["reply"]
    gateway.postern("creds", "set", "office", "--stdin", input="wrong-secret-4\n", exit=1)
    (recipient,) = gateway.message(id)["recipients"]
    assert recipient["state"] in ("queued", "deferred") and not recipient["attempts"], recipient
    assert gateway.events("failed") == []

    gateway.postern("creds", "set", "office", "--stdin", input=upstream.password + "\n")
    upstream.await_mail(subject)
    gateway.await_empty_queue()
    assert gateway.office()["state"] == "ok"


@pytest.mark.parametrize("kind, mode, expected", [
    # Both discard a chunk that they refuse, so the envelope and the content go in one flight.
    (Postfix, "starttls", 1), (Exim, "implicit", 1),
    # Neither has PIPELINING: MAIL, RCPT, DATA, content.
    (OpenSMTPD, "none", 4), (Aiosmtpd, "starttls", 4)], ids=named)
def test_round_trips_of_a_message_on_a_warm_connection(kind, mode, expected, open_server, make_gateway):
    upstream = open_server(kind, mode)
    between = RoundTrips(upstream.port)
    upstream.port = between.port
    try:
        gateway = make_gateway(upstream)
        gateway.submit(message())
        gateway.await_empty_queue()
        before = between.turns
        subject = token()
        content = message(subject, SHORT)
        gateway.submit(content, options=("BODY=8BITMIME",))
        gateway.await_empty_queue()
        check_delivered(upstream.await_mail(subject), content)
        assert (between.turns - before, between.connections) == (expected, 1)
    finally:
        between.close()
