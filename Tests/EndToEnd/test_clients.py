# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Programs that people have, handing in mail in every way that we offer; what arrives upstream is what they sent."""
import smtplib
import subprocess

import pytest

from gateway import MUST_LOG_IN, NEEDS_NOTHING, PASSWORD, TRUSTED, USER, WRONG_PASSWORD, has_ipv6
from messages import check_delivered, message, token
from upstreams import Aiosmtpd

SENDER, RECIPIENT = "alice@example.org", "bob@example.net"


def run(program, *arguments, input=None):
    done = subprocess.run([program, *map(str, arguments)], input=input, capture_output=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def port(gateway, mode):
    return {"starttls": gateway.port, "implicit": gateway.implicit_port, "plain": gateway.plain_port}[mode]


def swaks(gateway, mode, source, mechanism, content):
    tls = {"starttls": ["--tls"], "implicit": ["--tls-on-connect"], "plain": []}[mode]
    verify = ["--tls-verify", "--tls-ca-path", gateway.certificate.chain] if tls else []
    login = ["--auth", mechanism, "--auth-user", USER, "--auth-password", PASSWORD] if mechanism else []
    # swaks ends the data with a line end of its own.
    return run(
        "swaks", "--server", "127.0.0.1", "--port", port(gateway, mode), "--local-interface", source, *tls, *verify,
        *login, "--from", SENDER, "--to", RECIPIENT, "--data", "-",
        input=content.removesuffix(b"\r\n").replace(b"\r\n", b"\n"))


def curl(gateway, mode, source, mechanism, content):
    scheme = "smtps" if mode == "implicit" else "smtp"
    tls = ["--ssl-reqd"] if mode == "starttls" else []
    login = ["--user", f"{USER}:{PASSWORD}", "--login-options", f"AUTH={mechanism}"] if mechanism else []
    return run(
        "curl", "--silent", "--show-error", "--interface", source, "--cacert", gateway.certificate.chain, *tls, *login,
        "--mail-from", SENDER, "--mail-rcpt", RECIPIENT, "--upload-file", "-",
        f"{scheme}://127.0.0.1:{port(gateway, mode)}/client.test", input=content)


def msmtp(gateway, mode, source, mechanism, content):
    starttls = "on" if mode == "starttls" else "off"
    tls = ["--tls=off"] if mode == "plain" else [
        "--tls=on", f"--tls-starttls={starttls}", f"--tls-trust-file={gateway.certificate.chain}"]
    login = [f"--auth={mechanism.lower()}", f"--user={USER}", f"--passwordeval=echo {PASSWORD}"] if mechanism else []
    return run(
        "msmtp", "--host=127.0.0.1", f"--port={port(gateway, mode)}", f"--source-ip={source}", *tls, *login,
        f"--from={SENDER}", "--", RECIPIENT, input=content.replace(b"\r\n", b"\n"))


def python(gateway, mode, source, mechanism, content):
    try:
        with gateway.client(mode, source) as session:
            if mechanism:
                session.user, session.password = USER, PASSWORD
                session.auth(mechanism, getattr(session, f"auth_{mechanism.lower()}"))
            session.sendmail(SENDER, RECIPIENT, content)
        return 0, b""
    except smtplib.SMTPException as error:
        return 1, str(error).encode()


WAYS = [
    ("starttls", MUST_LOG_IN, "PLAIN"),
    ("starttls", MUST_LOG_IN, "LOGIN"),
    ("implicit", MUST_LOG_IN, "PLAIN"),
    ("implicit", MUST_LOG_IN, "LOGIN"),
    ("starttls", TRUSTED, None),
    ("implicit", TRUSTED, None),
    ("plain", NEEDS_NOTHING, None),
    ("starttls", NEEDS_NOTHING, None),
]


@pytest.mark.parametrize("client", [swaks, curl, msmtp, python], ids=lambda client: client.__name__)
def test_a_client_hands_in_mail_in_each_way_and_it_arrives_unchanged(client, open_upstream, make_gateway):
    upstream = open_upstream(Aiosmtpd, "starttls")
    gateway = make_gateway(upstream)
    for mode, source, mechanism in WAYS:
        subject = token()
        content = message(subject, b"..leading dot\r\n.\tdot\r\nlast line\r\n")
        status, output = client(gateway, mode, source, mechanism, content)
        assert status == 0, (mode, source, mechanism, output.decode(errors="replace"))
        mail = upstream.await_mail(subject)
        assert (mail.sender, mail.recipients) == (SENDER, (RECIPIENT,))
        protocol = "ESMTPSA" if mechanism else "ESMTP" if mode == "plain" else "ESMTPS"
        check_delivered(mail, content, protocol=protocol)


@pytest.mark.parametrize("client", [swaks, curl, msmtp, python], ids=lambda client: client.__name__)
@pytest.mark.parametrize("mode, source", [("starttls", MUST_LOG_IN), ("implicit", MUST_LOG_IN), ("plain", TRUSTED)])
def test_a_client_that_may_not_is_refused(client, mode, source, make_gateway):
    gateway = make_gateway()
    status, output = client(gateway, mode, source, None, message())
    assert status != 0, output
    assert gateway.queue() == []


@pytest.mark.parametrize("user, password", [(USER, WRONG_PASSWORD), ("mallory", PASSWORD), (USER, PASSWORD.upper())])
def test_a_wrong_login_is_refused_and_stands_in_no_log(user, password, make_gateway):
    gateway = make_gateway()
    gateway.add_secret(user, password)
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        with gateway.client("starttls", MUST_LOG_IN, user, password):
            pass
    assert refused.value.smtp_code == 535


def test_no_login_is_offered_or_taken_in_clear(make_gateway):
    gateway = make_gateway()
    with gateway.client("plain") as session:
        assert not session.has_extn("auth")
        code, _ = session.docmd("AUTH", "PLAIN AGFsaWNlAGNvcnJlY3QtaG9yc2UtNw==")
        assert code in (538, 530, 503, 502, 504), code


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_both_listeners_serve_ipv6(mode, open_upstream, make_gateway):
    upstream = open_upstream(Aiosmtpd, "implicit")
    gateway = make_gateway(upstream)
    subject = token()
    content = message(subject)
    gateway.submit(content, mode=mode, source=None, host="::1", user=USER)
    check_delivered(upstream.await_mail(subject), content, protocol="ESMTPSA")
