# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""SCRAM and CHUNKING on the daemon: with msmtp, by hand, and with ourselves as the client."""
import socket
import subprocess

import pytest

from gateway import MUST_LOG_IN, PASSWORD, USER, WRONG_PASSWORD
from messages import check_delivered, message, token
from upstreams import Aiosmtpd, Upstream

SENDER, RECIPIENT = "alice@example.org", "bob@example.net"


class AnotherGateway(Upstream):
    """A gateway of ours as the upstream of another one."""

    username, password = USER, PASSWORD

    def __init__(self, gateway, mode, auth):
        super().__init__()
        self.port = gateway.port if mode == "starttls" else gateway.implicit_port
        self.mode, self.auth, self.certificate = mode, auth, gateway.certificate

    def settings(self):
        return {**self.encrypted_settings(self.mode, self.certificate), "auth": self.auth}


def msmtp(gateway, mode, password, content):
    starttls, port = ("on", gateway.port) if mode == "starttls" else ("off", gateway.implicit_port)
    return subprocess.run(
        ["msmtp", "--host=127.0.0.1", f"--port={port}", f"--source-ip={MUST_LOG_IN}", "--tls=on",
         f"--tls-starttls={starttls}", f"--tls-trust-file={gateway.certificate.chain}", "--auth=scram-sha-256",
         f"--user={USER}", f"--passwordeval=echo {password}", f"--from={SENDER}", "--", RECIPIENT],
        input=content.replace(b"\r\n", b"\n"), capture_output=True, timeout=60)


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_msmtp_logs_in_by_scram(mode, open_upstream, make_gateway):
    upstream = open_upstream(Aiosmtpd, "starttls")
    gateway = make_gateway(upstream)
    subject = token()
    done = msmtp(gateway, mode, PASSWORD, message(subject))
    assert done.returncode == 0, done.stderr.decode()
    check_delivered(upstream.await_mail(subject), message(subject), protocol="ESMTPSA")
    (accepted,) = gateway.await_events("accepted")
    assert "sasl_method=SCRAM-SHA-256," in accepted["message"], accepted

    gateway.add_secret(USER, WRONG_PASSWORD)
    done = msmtp(gateway, mode, WRONG_PASSWORD, message())
    assert done.returncode != 0 and b"535 5.7.8 Wrong user or password" in done.stderr, done.stderr.decode()
    (failed,) = gateway.await_events("auth-failed")
    assert "SCRAM-SHA-256" in failed["message"], failed


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_one_gateway_relays_through_another_bound_to_tls_and_in_one_flight(mode, open_upstream, make_gateway):
    upstream = open_upstream(Aiosmtpd, "starttls")
    second = make_gateway(upstream)
    first = make_gateway(AnotherGateway(second, mode, "auto"))
    sent = {subject: message(subject, b"..dots\r\n" + b"0123456789\r\n" * lines)
            for subject, lines in ((token(), lines) for lines in (1, 300, 20_000, 2, 200_000))}
    for content in sent.values():
        first.submit(content)
    for subject, content in sent.items():
        mail = upstream.await_mail(subject)
        assert mail.content.endswith(content) and mail.content.count(b"Received: ") == 2
    (login, *_) = second.await_events("accepted")
    assert "sasl_method=SCRAM-SHA-256-PLUS," in login["message"], login
    # It asked once whether a refused chunk is discarded: two chunks without a message.
    assert [event["message"].count("BDAT") for event in second.events("rejected")] == [1, 1]


def test_chunks_are_taken_octet_for_octet_and_never_obeyed(open_upstream, make_gateway):
    upstream = open_upstream(Aiosmtpd, "starttls")
    gateway = make_gateway(upstream)
    subject = token()
    content = message(subject, b".\r\n..\r\nQUIT\r\n" + b"0123456789abcdef\r\n" * 20_000)
    with gateway.client() as session:
        session.mail(SENDER)
        session.rcpt(RECIPIENT)
        for start in range(0, len(content), 50_001):
            piece = content[start : start + 50_001]
            last = " LAST" if start + len(piece) == len(content) else ""
            session.send(b"BDAT %d%s\r\n" % (len(piece), last.encode()) + piece)
            code, text = session.getreply()
            assert code == 250, (start, text)
        assert b"queued as" in text
        session.send(b"BDAT 6 LAST\r\nQUIT\r\n")
        assert session.getreply()[0] == 503
        assert session.noop()[0] == 250
    check_delivered(upstream.await_mail(subject), content, protocol="ESMTP")


def test_a_client_that_leaves_between_chunks_leaves_nothing(open_upstream, make_gateway):
    gateway = make_gateway(open_upstream(Aiosmtpd, "starttls"))
    with gateway.client() as session:
        session.mail(SENDER)
        session.rcpt(RECIPIENT)
        for _ in range(3):
            session.send(b"BDAT 100000\r\n" + b"x" * 99_998 + b"\r\n")
            assert session.getreply()[0] == 250
        session.sock.shutdown(socket.SHUT_RDWR)
    gateway.await_events("client-left")
    assert gateway.queue() == []
