# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""An upstream that takes mail only of those who show it a certificate: pins, EXTERNAL, sessions, renewal."""
import shutil
import ssl
import subprocess
from base64 import b64decode

import pytest

from certificates import Authority, pin
from gateway import BINARIES, eventually
from messages import check_delivered, message, token
from upstreams import ScriptedUpstream


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "clients")


class CertifiedUpstream(ScriptedUpstream):
    """Takes mail of clients with a certificate of this authority, if it asks for one, and lets them log in with it."""

    username = password = None

    def __init__(self, certificate, mode, authority, asks=True):
        self.sessions = []
        self.context = certificate.server_context()
        if asks:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(authority.certificate)
        super().__init__(certificate, mode)
        self.answers |= {"EHLO": self._offer, "AUTH": self._external}

    def _offer(self, line, conversation):
        if not conversation.encrypted:
            return "250-relay.test\r\n250 STARTTLS"
        self.sessions.append((_name(conversation), conversation.connection.session_reused))
        return "250-relay.test\r\n250-PIPELINING\r\n250 AUTH EXTERNAL PLAIN"

    def _external(self, line, conversation):
        _, mechanism, initial = line.split()
        claimed = "" if initial == b"=" else b64decode(initial).decode()
        right = mechanism == b"EXTERNAL" and claimed in ("", _name(conversation))
        return "235 2.7.0 welcome" if right else "535 5.7.8 who are you"


def _name(conversation):
    shown = conversation.connection.getpeercert()
    return dict(pair for part in shown["subject"] for pair in part)["commonName"] if shown else None


def open_certified(open_upstream, certificate, mode, authority, **options):
    """The upstream, with one context for all its connections: its tickets are good for the next one."""
    upstream = open_upstream(CertifiedUpstream, certificate, mode, authority, **options)
    upstream.certificate = SharedContext(certificate, upstream.context)
    return upstream


class SharedContext:
    def __init__(self, certificate, context):
        self.chain, self.context = certificate.chain, context

    def server_context(self):
        return self.context


def settings(upstream, certificate, identity, **more):
    return {"upstream.office": {
        "host": "localhost", "port": upstream.port, "tls": upstream.mode, "ca_file": certificate.chain,
        "client_certificate": identity, "auth": "external", "max_connections": 1, "max_per_connection": 1, **more}}


def facts(gateway):
    (shown,) = gateway.json("upstream", "show", "office")
    return {fact["name"]: fact["value"] for fact in shown["facts"]}


def deliver(gateway, upstream):
    subject = token()
    content = message(subject)
    gateway.submit(content)
    check_delivered(upstream.await_mail(subject), content)
    gateway.await_empty_queue()


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_a_certificate_logs_in_sessions_go_on_and_a_renewed_one_needs_no_restart(
        mode, tmp_path, certificate, authority, open_upstream, make_gateway):
    upstream = open_certified(open_upstream, certificate, mode, authority)
    identity = tmp_path / "office.pem"
    shutil.copy(authority.sign("office"), identity)
    gateway = make_gateway(upstream, settings(upstream, certificate, identity))
    assert facts(gateway)["tls seen"] == "not since these settings are in force"
    for _ in range(3):
        deliver(gateway, upstream)
    assert upstream.sessions == [("office", False), ("office", True), ("office", True)]
    assert upstream.commands("AUTH") == [b"AUTH EXTERNAL ="] * 3
    shown = facts(gateway)
    assert shown["tls level"] == (
        f"full: the certificate is for localhost, valid, and of an authority in ca_file {certificate.chain}")
    assert shown["tls seen"].startswith("TLSv1.3 TLS_") and "; resumed, " in shown["tls seen"]
    assert shown["its pin"] == pin(certificate.chain) and "/CN=localhost" in shown["certificate"]
    assert shown["we show"].startswith(f"/CN=office from {identity}, until 20")
    assert shown["login"] == "by client certificate"

    # The right one with another name claimed; the sessions of the settings before are not gone on with.
    gateway.configure({"upstream.office": {"username": "office"}})
    gateway.postern("reload")
    deliver(gateway, upstream)
    assert upstream.commands("AUTH")[3:] == [b"AUTH EXTERNAL b2ZmaWNl"] and upstream.sessions[3:] == [("office", False)]

    shutil.copy(authority.sign("renewed"), identity)
    gateway.configure({"upstream.office": {"username": "renewed"}})
    process = gateway.process.pid
    gateway.postern("reload")
    deliver(gateway, upstream)
    assert upstream.sessions[4:] == [("renewed", False)] and gateway.process.pid == process
    assert "full handshake" in facts(gateway)["tls seen"]


def test_a_certificate_that_cannot_be_used_is_said_and_the_old_one_stays(
        tmp_path, certificate, authority, open_upstream, make_gateway):
    upstream = open_certified(open_upstream, certificate, "starttls", authority)
    identity, other = authority.sign("office"), authority.sign("other")
    bad = tmp_path / "bad.pem"
    shutil.copy(identity, bad)
    gateway = make_gateway(upstream, settings(upstream, certificate, bad))
    text = identity.read_text()
    key = other.read_text()[other.read_text().index("-----BEGIN PRIVATE"):]
    stale = authority.sign("stale", days=-1)
    for content, fault in [
            (None, "no such file or directory"), (text[: text.index("-----BEGIN PRIVATE")], "it holds no private key"),
            (text[: text.index("-----BEGIN PRIVATE")] + key, "the private key in it is not that of its first certificate"),
            (stale.read_text(), "the certificate /CN=stale in it expired at 20")]:
        bad.unlink(missing_ok=True)
        if content is not None:
            bad.write_text(content)
        console = subprocess.run(
            [BINARIES / "postern", "--config", gateway.config_file, "reload"], capture_output=True, text=True, timeout=60)
        check = subprocess.run(
            [BINARIES / "posternd", "--config", gateway.config_file, "--check"], capture_output=True, text=True)
        for done in (console, check):
            said = done.stdout + done.stderr
            assert done.returncode != 0 and f"cannot use {bad}: {fault}" in said and "[upstream.office]" in said, said
        assert check.returncode == 78
        deliver(gateway, upstream)


def test_another_pin_than_the_files_gets_nothing_and_is_told_as_it_is_pasted(
        tmp_path, certificate, foreign_certificate, authority, open_upstream, make_gateway):
    # Neither name nor authority are the upstream's: its key alone decides.
    upstream = open_certified(open_upstream, foreign_certificate, "starttls", authority)
    pinned = {"tls_verify": "pin", "tls_pins": [pin(certificate.chain)]}
    gateway = make_gateway(upstream, settings(upstream, certificate, authority.sign("office"), **pinned))
    subject = token()
    id = gateway.submit(message(subject))
    office = eventually(lambda: gateway.office() if gateway.office()["state"] == "paused" else None, what="a pause")
    assert office["reason"] == "tls" and f'it is "{pin(foreign_certificate.chain)}"' in office["reply"], office
    assert {line.split()[0] for line in upstream.commands()} <= {b"EHLO", b"STARTTLS"} and not upstream.sessions
    assert gateway.message(id)["state"] in ("queued", "deferred")
    assert "add it to tls_pins" in facts(gateway)["what to do"]

    gateway.configure({"upstream.office": {"tls_pins": [*pinned["tls_pins"], pin(foreign_certificate.chain)]}})
    gateway.postern("reload")
    upstream.await_mail(subject)
    deliver(gateway, upstream)
    assert [resumed for _, resumed in upstream.sessions] == [False, True]
    assert facts(gateway)["tls level"].startswith("pin: the certificate's key is one of the 2 pins in tls_pins")


def test_without_the_certificate_that_the_upstream_wants_there_is_no_login_and_it_is_said(
        tmp_path, certificate, authority, open_upstream, make_gateway):
    upstream = open_certified(open_upstream, certificate, "starttls", authority)
    stranger = Authority(tmp_path / "strangers").sign("stranger")
    gateway = make_gateway(upstream, settings(upstream, certificate, stranger))
    subject = token()
    gateway.submit(message(subject))
    office = eventually(lambda: gateway.office() if gateway.office()["state"] == "paused" else None, what="a pause")
    assert office["reason"] == "tls" and f"does not take our certificate /CN=stranger from {stranger}" in office["reply"]
    assert not upstream.commands("AUTH") and not upstream.commands("MAIL")

    gateway.configure({"upstream.office": {"client_certificate": "", "auth": "none"}})
    gateway.postern("reload")
    eventually(lambda: "it wants a client certificate" in gateway.office().get("reply", ""), what="the other reason")

    # As a credential, tried before it counts.
    gateway.configure({"upstream.office": {"auth": "external", "client_certificate": ""}})
    (gateway.directory / "credentials/office.client-certificate").write_text(authority.sign("credential").read_text())
    gateway.postern("reload")
    upstream.await_mail(subject)
    (row,) = gateway.json("creds", "list")
    assert row["kind"] == "client certificate" and row["state"] == "ok" and row["ends"].startswith("20")
    gateway.postern("creds", "set", "office", "--client-certificate", authority.sign("next"))
    assert upstream.sessions[-1] == ("next", False)
    gateway.postern("creds", "set", "office", "--client-certificate", stranger, exit=(1, 75))
    deliver(gateway, upstream)
    assert upstream.sessions[-1][0] == "next"


def test_an_upstream_that_does_not_ask_for_the_certificate_refuses_the_login_and_that_is_seen(
        certificate, authority, open_upstream, make_gateway):
    upstream = open_certified(open_upstream, certificate, "starttls", authority, asks=False)
    upstream.answers["AUTH"] = "535 5.7.8 who are you"
    gateway = make_gateway(upstream, settings(upstream, certificate, authority.sign("office")))
    gateway.submit(message())
    office = eventually(lambda: gateway.office() if gateway.office()["state"] == "paused" else None, what="a pause")
    assert office["reason"] == "login" and not upstream.commands("MAIL")
    assert facts(gateway)["we show"].endswith("; the upstream did not ask for it")
