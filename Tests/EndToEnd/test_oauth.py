# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Logins with tokens: an upstream that takes nothing else, and a server that gives them out as Microsoft's does."""
import getpass
import re
import subprocess
import time

import pytest

from gateway import BINARIES, ROOT, eventually
from messages import message, token
from secrecy import SUITE
from tokenserver import DEVICE_GRANT, Refusal, TokenServer, TokenUpstream, make_client_certificate

CLIENT_SECRET = "Vq8~client-secret_of.the~application"


@pytest.fixture
def tokens(certificate):
    server = TokenServer(certificate)
    yield server
    server.close()


@pytest.fixture
def upstream(certificate, tokens):
    opened = TokenUpstream(certificate, tokens)
    yield opened
    opened.close()


@pytest.fixture
def gateways(make_gateway, tokens, upstream):
    """Makes gateways whose logs are searched at the end for everything that the server gave out."""
    made = []

    def make(oauth, credentials=None, start=True, **changes):
        gateway = make_gateway(upstream, {"upstream.office.oauth": oauth, **changes}, start=False)
        # The port of each upstream is in clear until STARTTLS, and mail leaves only behind it.
        for kind, text in (credentials or {}).items():
            file = gateway.directory / f"credentials/office.{kind}"
            file.write_text(text)
            file.chmod(0o600)
            SUITE.uses(*([text] if kind == "client-secret" else []))
        made.append(gateway)
        return gateway.start() if start else gateway

    yield make
    for gateway in made:
        gateway.secrets |= tokens.issued | {CLIENT_SECRET}


class Login:
    """`postern creds login NAME` as a process of its own; `sign_in` is what happens in the browser."""

    def __init__(self, gateway, name="office"):
        self.process = subprocess.Popen(
            [BINARIES / "postern", "--config", gateway.config_file, "creds", "login", name],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.shown = ""
        # To the last line before somebody signs in: what is read ahead here, `finish` would not see.
        while "waiting" not in self.shown:
            line = self.process.stdout.readline()
            assert line, self.process.stderr.read()
            self.shown += line
        assert "https://login.test/device" in self.shown
        self.code = re.search(r"enter\s+([0-9A-F]+)", self.shown)[1]

    def finish(self, exit=0, seconds=40):
        out, error = self.process.communicate(timeout=seconds)
        assert self.process.returncode == exit, self.shown + out + error
        return self.shown + out + error


def credential(gateway):
    (row,) = gateway.json("creds", "list")
    return row


def sign_in(gateway, tokens, user=TokenUpstream.username, exit=0):
    login = Login(gateway)
    tokens.sign_in(login.code, user)
    return login.finish(exit)


def deliver(gateway, upstream):
    subject = token()
    gateway.submit(message(subject))
    upstream.await_mail(subject)


def test_an_application_with_a_secret_sends_mail_and_its_token_is_used_again(gateways, tokens, upstream):
    tokens.client_secret = CLIENT_SECRET
    gateway = gateways(
        tokens.settings(), {"client-secret": CLIENT_SECRET + "\n"}, **{"upstream.office": {"max_per_connection": 1}})
    for _ in range(3):
        deliver(gateway, upstream)
    assert [(mechanism, right) for mechanism, _, right in upstream.logins] == [("OAUTHBEARER", True)] * 3
    assert len({used for _, used, _ in upstream.logins}) == 1
    assert len(tokens.asked("client_credentials")) == 1
    row = credential(gateway)
    assert (row["kind"], row["state"], row["login"]) == ("client secret", "ok", TokenUpstream.username)
    assert "token_ends" in row


@pytest.mark.parametrize("provider", ["m365", "generic"])
def test_an_application_with_a_certificate_signs_an_assertion(provider, tmp_path, gateways, tokens, upstream):
    tokens.client_certificate, both = make_client_certificate(tmp_path)
    gateway = gateways(
        tokens.settings(tenant="tenant") if provider == "m365" else tokens.settings(),
        {"client-certificate": both.read_text()}, **{"upstream.office": {"provider": provider}})
    deliver(gateway, upstream)
    (asked,) = tokens.asked("client_credentials")
    assert "client_secret" not in asked
    # The preset asks for the older of the two mechanisms, which is all that Microsoft has.
    assert upstream.logins[0][0] == ("XOAUTH2" if provider == "m365" else "OAUTHBEARER")
    row = credential(gateway)
    assert (row["kind"], row["state"]) == ("client certificate", "ok")
    assert "ends" in row


def test_somebody_signs_in_with_a_code_and_mail_that_waited_leaves(gateways, tokens, upstream):
    gateway = gateways(tokens.with_device())
    subject = token()
    gateway.submit(message(subject))
    office = eventually(lambda: gateway.office() if gateway.office()["state"] == "paused" else None)
    assert office["reason"] == "login"
    assert "postern creds login office" in gateway.postern("why", "office", exit=(0, 1))
    assert credential(gateway)["state"] == "missing"

    login = Login(gateway)
    # The first questions come too early.
    eventually(lambda: len(tokens.asked(DEVICE_GRANT)) >= 2)
    tokens.sign_in(login.code, upstream.username)
    said = login.finish()
    assert f"signed in as {upstream.username}" in said
    assert "login at office: ok" in said
    assert "1 message may leave now" in said
    upstream.await_mail(subject)
    eventually(lambda: gateway.office()["state"] == "ok")
    row = credential(gateway)
    assert (row["kind"], row["state"], row["account"]) == ("device login", "ok", upstream.username)
    kept = (gateway.directory / "tokens")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert gateway.postern("creds", "test", "office").startswith("login at office: ok")


def test_a_sign_in_that_is_declined_or_refused_by_the_upstream_changes_nothing(gateways, tokens, upstream):
    gateway = gateways(tokens.with_device())
    assert "declined" in sign_in(gateway, tokens, user=None, exit=1)
    assert "refused the login of mallory@relay.test" in sign_in(gateway, tokens, user="mallory@relay.test", exit=1)
    assert not (gateway.directory / "tokens").exists()
    tokens.code_lifetime = 1
    assert "in time" in Login(gateway).finish(exit=1)
    assert gateway.office()["state"] == "paused"


def test_tokens_that_end_while_mail_flows_are_replaced_and_refresh_tokens_rotate(gateways, tokens, upstream):
    tokens.lifetime = 3
    gateway = gateways(tokens.with_device(), **{"upstream.office": {"max_per_connection": 1}})
    sign_in(gateway, tokens)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        deliver(gateway, upstream)
    assert all(right for _, _, right in upstream.logins)
    assert len({used for _, used, _ in upstream.logins}) >= 3
    assert len(tokens.asked("refresh_token")) >= 3
    assert tokens.reused == []


def test_no_token_is_used_before_it_is_durable_however_often_the_daemon_is_killed(gateways, tokens, upstream):
    tokens.lifetime = 1
    gateway = gateways(tokens.with_device(), **{"upstream.office": {"max_per_connection": 1}})
    sign_in(gateway, tokens)
    kept = gateway.directory / "tokens"
    for round in range(12):
        subject = token()
        gateway.submit(message(subject))
        # Somewhere between the question to the server and the delivery.
        time.sleep(0.02 * round)
        gateway.kill()
        # Whatever the upstream has seen came with a refresh token that is on the disk, or with an older one.
        (on_disk,) = re.findall(r"refresh-[\w-]+", kept.read_text())
        with tokens.lock:
            newest = max(tokens.order.index(tokens.pairs[used]) for _, used, _ in upstream.logins)
            assert newest <= tokens.order.index(on_disk)
            is_lost = on_disk not in tokens.refresh
        gateway.start()
        if is_lost:
            # The server had answered and nobody was there to hear it: only somebody who signs in can help.
            eventually(lambda: gateway.office()["state"] == "paused")
            sign_in(gateway, tokens)
        upstream.await_mail(subject)
    gateway.await_empty_queue()


def test_a_revoked_sign_in_pauses_and_another_one_heals_without_a_restart(gateways, tokens, upstream):
    gateway = gateways(tokens.with_device(), **{"upstream.office": {"max_per_connection": 1}})
    sign_in(gateway, tokens)
    deliver(gateway, upstream)
    tokens.revoke()
    subject = token()
    id = gateway.submit(message(subject))
    office = eventually(lambda: gateway.office() if gateway.office()["state"] == "paused" else None)
    assert office["reason"] == "login"
    assert "revoked" in office["reply"] and "postern creds login office" in office["reply"]
    assert gateway.message(id)["state"] in ("queued", "deferred")
    assert gateway.events("failed") == []
    # It was tried with another token once, and nobody was asked again.
    asked = len(tokens.asked("refresh_token"))
    assert credential(gateway)["state"] == "refused"
    assert "revoked" in credential(gateway)["trouble"]

    process = gateway.process.pid
    sign_in(gateway, tokens)
    upstream.await_mail(subject)
    assert gateway.process.pid == process
    assert len(tokens.asked("refresh_token")) == asked
    eventually(lambda: gateway.office()["state"] == "ok")


def test_a_token_that_the_upstream_refuses_is_replaced_once_and_then_the_upstream_pauses(gateways, tokens, upstream):
    tokens.client_secret = CLIENT_SECRET
    gateway = gateways(
        tokens.settings(), {"client-secret": CLIENT_SECRET}, **{"upstream.office": {"max_per_connection": 1}})
    deliver(gateway, upstream)
    # As when an administrator ends all sessions: the next token is good.
    tokens.revoke()
    deliver(gateway, upstream)
    assert [right for _, _, right in upstream.logins] == [True, False, True]
    assert gateway.office()["state"] == "ok"

    upstream.closed = True
    subject = token()
    gateway.submit(message(subject))
    eventually(lambda: gateway.office()["state"] == "paused")
    assert [right for _, _, right in upstream.logins][3:] == [False, False]
    assert len(tokens.asked("client_credentials")) == 3
    assert gateway.events("failed") == []
    upstream.closed = False
    assert "1 message may leave now" in gateway.postern("creds", "test", "office")
    upstream.await_mail(subject)


def test_a_client_secret_is_replaced_while_mail_waits_and_a_wrong_one_changes_nothing(gateways, tokens, upstream):
    tokens.client_secret = CLIENT_SECRET
    gateway = gateways(tokens.settings(), {"client-secret": "expired~secret_0123456789"})
    gateway.secrets |= {"expired~secret_0123456789", "wrong~secret_0123456789"}
    tokens.answers = [Refusal("invalid_client", "AADSTS7000222: The provided client secret keys are expired.", 401)] * 3
    subject = token()
    gateway.submit(message(subject))
    office = eventually(lambda: gateway.office() if gateway.office()["state"] == "paused" else None)
    assert "the client secret of the application has expired" in office["reply"]
    assert "postern creds set office --client-secret" in office["reply"]
    tokens.answers = []

    gateway.postern("creds", "set", "office", "--client-secret", "--stdin", input="wrong~secret_0123456789", exit=1)
    assert "wrong" not in (gateway.directory / "credentials/office.client-secret").read_text()
    gateway.postern("creds", "set", "office", "--client-secret", "--stdin", input=CLIENT_SECRET)
    upstream.await_mail(subject)
    assert (gateway.directory / "credentials/office.client-secret").read_text().strip() == CLIENT_SECRET
    gateway.stop()
    gateway.start()
    deliver(gateway, upstream)


def test_a_refresh_token_of_elsewhere_is_taken_in_the_place_of_a_sign_in(gateways, tokens, upstream):
    with tokens.lock:
        brought = tokens._tokens(upstream.username, refresh=True)["refresh_token"]
    gateway = gateways(tokens.with_device())
    gateway.postern("creds", "login", "office", "--refresh-token", "--stdin", input=brought + "\n")
    deliver(gateway, upstream)
    gateway.kill()
    gateway.start()
    deliver(gateway, upstream)
    assert tokens.reused == []


def test_a_server_that_is_away_keeps_mail_and_is_tried_again(gateways, tokens, upstream):
    tokens.client_secret = CLIENT_SECRET
    tokens.close()
    gateway = gateways(tokens.settings(), {"client-secret": CLIENT_SECRET})
    subject = token()
    gateway.submit(message(subject))
    office = eventually(lambda: gateway.office() if gateway.office()["state"] == "unreachable" else None)
    assert office["reply"].startswith("token: cannot ask localhost port")
    tokens.open()
    gateway.postern("resume", "upstream", "office")
    upstream.await_mail(subject)
    assert gateway.events("failed") == []


def test_a_server_with_a_foreign_certificate_learns_no_secret(foreign_certificate, gateways, tokens, upstream):
    tokens.client_secret = CLIENT_SECRET
    tokens.close()
    tokens.certificate = foreign_certificate
    tokens.open()
    gateway = gateways(tokens.settings(), {"client-secret": CLIENT_SECRET})
    gateway.submit(message())
    office = eventually(lambda: gateway.office() if gateway.office()["state"] == "unreachable" else None)
    assert "certificate" in office["reply"]
    assert tokens.requests == []


def test_a_damaged_file_of_tokens_stops_nothing_else_and_a_sign_in_heals_it(gateways, tokens, upstream):
    gateway = gateways(tokens.with_device())
    sign_in(gateway, tokens)
    gateway.stop()
    kept = gateway.directory / "tokens"
    octets = bytearray(kept.read_bytes())
    octets[-20] ^= 1
    kept.write_bytes(octets)
    gateway.start()
    subject = token()
    gateway.submit(message(subject))
    office = eventually(lambda: gateway.office() if gateway.office()["state"] == "paused" else None)
    assert "is damaged" in office["reply"] and "postern creds login office" in office["reply"]
    sign_in(gateway, tokens)
    upstream.await_mail(subject)
    assert (gateway.directory / "tokens.damaged").read_bytes() == bytes(octets)


# The page


def shown_on_page(command):
    """What docs/OAUTH.md shows beneath this command, up to the next one: that of the transcript which begins with it."""
    (block,) = [text for text in re.findall(r"^```\w*\n(.*?)^```$", (ROOT / "docs/OAUTH.md").read_text(), re.M | re.S)
                if text.startswith(f"# {command}\n")]
    return [part.partition("\n")[::2] for part in re.split(r"^# ", block, flags=re.MULTILINE)[1:]]


def without_chance(text):
    """Numbers of this run, and the width of columns that follows from them, made the same."""
    for pattern, constant in [
            (r"(?<=enter  )[0-9A-F]{8}", "CODE"), (r"localhost:\d+", "localhost:PORT"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "TIME"), (r"\(\d+\.\d s\)", "(SECONDS)"), (r"\b\d+ s ago|\bnow\b", "SINCE"),
            (r"\bin \d+m\b", "in MINUTES"), (rf"\bby ({getpass.getuser()}|root)\b", "by USER"), (r"  +", "  ")]:
        text = re.sub(pattern, constant, text)
    return [line.rstrip() for line in text.splitlines()]


def test_the_page_shows_a_sign_in_as_it_is(make_gateway, tokens, upstream):
    upstream.username = "scans@example.com"
    gateway = make_gateway(upstream, {"upstream.office.oauth": tokens.with_device()}, start=False)
    for name in ("upstream.office", "upstream.office.oauth"):
        gateway.tables[name.replace("office", "m365")] = gateway.tables.pop(name)
    gateway.configure({})
    gateway.start()
    for _ in range(3):
        gateway.submit(message())
    eventually(lambda: gateway.office()["state"] == "paused", what="a paused upstream")
    printed = {"postern why m365": gateway.postern("why", "m365", exit=(0, 1))}
    login = Login(gateway, "m365")
    tokens.sign_in(login.code, upstream.username)
    printed["postern creds login m365"] = login.finish()
    gateway.await_empty_queue()
    printed["postern creds list"] = gateway.postern("creds", "list")
    gateway.secrets |= tokens.issued

    shown = [*shown_on_page("postern creds login m365"), *shown_on_page("postern why m365")]
    assert [command for command, _ in shown] == ["postern creds login m365", "postern creds list", "postern why m365"]
    for command, text in shown:
        assert without_chance(printed[command]) == without_chance(text), f"# {command}\n{printed[command]}"
