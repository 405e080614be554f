# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Clients that log in by a certificate (AUTH EXTERNAL), and those that may not."""
import base64
import re
import socket
import ssl
import subprocess

import pytest

from certificates import Authority
from gateway import MUST_LOG_IN, PASSWORD, ROOT, USER, posternd, submit
from messages import message, token
from secrecy import SUITE
from upstreams import Aiosmtpd

SECURED = pytest.mark.parametrize("mode", ["starttls", "implicit"])


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "clients")


def by_certificate(session, identity="="):
    """The answer to AUTH EXTERNAL as that identity, in Base64."""
    code, text = session.docmd("AUTH", f"EXTERNAL {identity}")
    return f"{code} {text.decode()}"


def is_offered(session):
    return "EXTERNAL" in session.esmtp_features["auth"].split()


@SECURED
def test_a_certificate_is_a_login_as_the_user_whose_name_it_has(mode, authority, open_upstream, make_gateway):
    upstream = open_upstream(Aiosmtpd, "starttls")
    gateway = make_gateway(upstream, {
        "tls": {"client_ca": authority.certificate}, "sender": {"policy": "own", "allowed": ["@example.org"]}})
    scanner = authority.sign("Scanner", alternatives=f"DNS:nobody.lan,DNS:{USER}")
    subject = token()
    with gateway.client(mode, MUST_LOG_IN, certificate=scanner) as session:
        assert is_offered(session)
        assert session.mail("alice@example.org")[0] == 530
        bob = base64.b64encode(b"bob").decode()
        assert by_certificate(session, bob).startswith("535 5.7.8 Client certificate is not that user's")
        alice = base64.b64encode(USER.encode()).decode()
        assert by_certificate(session, alice) == "235 2.7.0 Login accepted"
        # As any login it is bound to who it may be.
        assert session.mail("mallory@example.net")[0] == 550
        submit(session, message(subject))
    upstream.await_mail(subject)
    (accepted,) = gateway.await_events("accepted")
    assert (accepted["user"], accepted["auth_method"]) == (USER, "EXTERNAL")
    assert "sasl_method=EXTERNAL, sasl_username=alice" in accepted["message"]
    assert gateway.events("client-certificate-refused") == []


@SECURED
def test_a_certificate_that_lets_nobody_in_stops_no_session_and_the_log_says_why(
        mode, tmp_path, authority, make_gateway):
    gateway = make_gateway(changes={"tls": {"client_ca": authority.certificate}})
    gateway.add_user("bob", "correct-horse-8")
    gateway.postern("users", "disable", "bob")
    stranger = Authority(tmp_path / "strangers").sign(USER)
    cases = [
        (authority.sign("late", days=-1), "certificate has expired (depth 0, certificate /CN=late)"),
        (stranger, f"unable to get local issuer certificate (depth 0, certificate /CN={USER})"),
        (authority.sign("carol"), "no user has its name carol"),
        (authority.sign("bob"), "user bob is disabled"),
        # The name is that of the host; the other one is not looked at.
        (authority.sign(USER + "2", alternatives="DNS:a.lan,DNS:b.lan"), "no user has its name a.lan, or b.lan"),
    ]
    for count, (certificate, reason) in enumerate(cases, 1):
        with gateway.client(mode, MUST_LOG_IN, certificate=certificate) as session:
            assert not is_offered(session)
            assert by_certificate(session).startswith("535 5.7.8 Client certificate is not accepted")
            session.login(USER, PASSWORD)
            submit(session, message())
        refused = gateway.await_events("client-certificate-refused", count)[-1]
        assert refused["reason"] == reason and refused["client_ip"] == MUST_LOG_IN, refused
    with gateway.client(mode, MUST_LOG_IN) as session:
        assert not is_offered(session)
        assert by_certificate(session).startswith("535 5.7.8 No client certificate was shown here")
        session.login(USER, PASSWORD)
    assert len(gateway.events("client-certificate-refused")) == len(cases)
    (*_, rejected) = gateway.await_events("rejected", len(cases) + 1)
    assert "AUTH" in rejected["message"] and "535 5.7.8 No client certificate" in rejected["message"]


def test_msmtp_logs_in_by_certificate(authority, open_upstream, make_gateway):
    upstream = open_upstream(Aiosmtpd, "starttls")
    gateway = make_gateway(upstream, {"tls": {"client_ca": authority.certificate}})
    both = authority.sign(USER)
    subject = token()
    done = subprocess.run(
        ["msmtp", "--host=127.0.0.1", f"--port={gateway.port}", f"--source-ip={MUST_LOG_IN}", "--tls=on",
         f"--tls-trust-file={gateway.certificate.chain}", "--auth=external", f"--user={USER}",
         f"--tls-cert-file={both}", f"--tls-key-file={both.with_suffix('.key')}", "--from=alice@example.org", "--",
         "bob@example.net"],
        input=message(subject).replace(b"\r\n", b"\n"), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    upstream.await_mail(subject)
    (accepted,) = gateway.await_events("accepted")
    assert accepted["auth_method"] == "EXTERNAL"


def test_what_the_manual_tells_an_admin_to_type_makes_a_login(tmp_path, make_gateway):
    manual = (ROOT / "docs/CERTIFICATES.md").read_text()
    commands = re.findall(r"```sh\n(.*?)```", manual, re.DOTALL)
    subprocess.run(["sh", "-e", "-c", "".join(commands)], cwd=tmp_path, check=True, capture_output=True)
    SUITE.uses(*((tmp_path / f"{name}.key").read_text() for name in ("clients-ca", "scanner")))
    both = tmp_path / "both.pem"
    both.write_text((tmp_path / "scanner.pem").read_text() + (tmp_path / "scanner.key").read_text())
    gateway = make_gateway(changes={"tls": {"client_ca": tmp_path / "clients-ca.pem"}})
    gateway.add_user("scanner", "correct-horse-9")
    with gateway.client("implicit", MUST_LOG_IN, certificate=both) as session:
        assert by_certificate(session) == "235 2.7.0 Login accepted"


def session_of(gateway, context, before=None):
    """One session on the port with implicit TLS; the TLS session that it leaves, what EHLO offers, and whether the TLS
    session went on."""
    with socket.create_connection(("127.0.0.1", gateway.implicit_port), 20, (MUST_LOG_IN, 0)) as plain:
        with context.wrap_socket(plain, server_hostname="localhost", session=before) as peer:
            lines = peer.makefile("rb")
            lines.readline()
            peer.sendall(b"EHLO client.test\r\n")
            offered = b""
            while not offered.startswith(b"250 "):
                offered = lines.readline()
                if offered.startswith(b"250-AUTH"):
                    mechanisms = offered.split()
            return peer.session, b"EXTERNAL" in mechanisms, peer.session_reused


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_no_tls_session_carries_a_login_over_and_a_reload_ends_what_the_files_say(
        version, tmp_path, authority, make_gateway):
    gateway = make_gateway(changes={"tls": {"client_ca": authority.certificate}})

    def context(certificate=None):
        context = gateway.tls(certificate)
        context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
        return context

    scanner, nobody = context(authority.sign(USER)), context()
    left, offered, _ = session_of(gateway, scanner)
    assert offered
    # It shows its certificate again.
    left, offered, went_on = session_of(gateway, scanner, left)
    assert offered and not went_on
    other, offered, _ = session_of(gateway, nobody)
    _, offered, went_on = session_of(gateway, nobody, other)
    assert not offered and went_on

    with gateway.client("implicit", MUST_LOG_IN, certificate=authority.directory / f"{USER}.pem") as session:
        gateway.postern("users", "disable", USER)
        assert by_certificate(session).startswith("535 5.7.8 Client certificate is not accepted")
        gateway.postern("users", "enable", USER)
        assert by_certificate(session).startswith("235 ")
    (failed,) = gateway.await_events("auth-failed")
    assert f"SASL EXTERNAL authentication failed: user is disabled, sasl_username={USER}" in failed["message"]

    gateway.configure({"tls": {"client_ca": Authority(tmp_path / "others").certificate}})
    gateway.postern("reload")
    _, offered, went_on = session_of(gateway, scanner, left)
    assert not offered and not went_on
    gateway.configure({"tls": {"client_ca": ""}})
    gateway.postern("reload")
    with gateway.client("implicit", MUST_LOG_IN, certificate=authority.directory / f"{USER}.pem") as session:
        assert by_certificate(session).startswith("504 5.5.4 ")


def test_a_client_with_tls_as_it_was_is_not_asked(authority, make_gateway):
    gateway = make_gateway(changes={
        "client": [{"name": "old-copier", "address": MUST_LOG_IN, "allow": ["tls1.0"]}],
        "tls": {"client_ca": authority.certificate}})
    with gateway.client("implicit", MUST_LOG_IN, certificate=authority.sign(USER)) as session:
        assert not is_offered(session)
        assert by_certificate(session).startswith("504 ")
        session.login(USER, PASSWORD)


def test_a_file_that_holds_no_authority_is_named_before_it_is_used(tmp_path, make_gateway):
    gateway = make_gateway(changes={"tls": {"client_ca": tmp_path / "none.pem"}}, start=False)
    for write, reason in [(None, "no such file or directory"), ("\n", "it holds no certificate in pem form")]:
        if write:
            (tmp_path / "none.pem").write_text(write)
        done = posternd("--check", "--config", gateway.config_file)
        assert done.returncode == 78
        assert re.search(f"cannot use {tmp_path}/none.pem: {reason}", done.stdout + done.stderr), done
