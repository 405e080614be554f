# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""What people do to a gateway that runs: stop clients or sending for a while, and give it another password."""
import json
import os
import smtplib
import ssl
import threading
import time

import pytest

from control import Control
from gateway import MUST_LOG_IN, PASSWORD, USER, eventually, posternd, submit
from messages import check_delivered, message, token
from upstreams import Aiosmtpd, ScriptedUpstream

PAUSED = b"4.3.2 Mail is paused by the admin, try again later"


class Refused(Exception):
    """An error of the daemon, as it came over the control socket."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.code, self.exit, self.hint = error["code"], error["exit"], error.get("hint")
        self.text = "\n".join([error["message"], *error["context"]] if "context" in error else [error["message"]])


def ask(gateway, command, **arguments):
    """What the daemon answers to a command on its control socket."""
    control = Control(gateway.directory / "control/admin.sock")
    try:
        data, end = control.ask(command, **arguments)
    finally:
        control.close()
    if "message" in end:
        raise Refused(end)
    return data


def set_credential(gateway, secret, **arguments):
    gateway.secrets.add(secret)
    (reply,) = ask(gateway, "creds.set", name="office", secret=secret, **arguments)
    assert secret not in json.dumps(reply)
    return reply


def credential(gateway):
    (row,) = gateway.json("creds", "list")
    return row


def pauses(gateway):
    return [(each["side"], each.get("name")) for each in gateway.status()["pauses"]]


def refusal(gateway):
    """What a client hears that connects now."""
    with pytest.raises(smtplib.SMTPConnectError) as caught:
        with gateway.client():
            pass
    return caught.value


def nothing_leaves(gateway, upstream, count):
    """Although somebody wants it to, for longer than a retry takes."""
    gateway.postern("flush", "--all")
    time.sleep(1.5)
    assert upstream.commands("MAIL") == []
    assert [each["state"] for each in gateway.queue()] == ["queued"] * count


# Pauses


def test_paused_clients_hear_421_and_whoever_was_served_is_served_to_the_end(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    with gateway.client() as session, gateway.client() as other:
        submit(session, message())
        session.mail("alice@example.org")
        (reply,) = gateway.json("pause", "in", "--yes", "--reason", "the cable is moved")
        assert (reply["changed"], reply["pause"]["reason"]) == (True, "the cable is moved")
        for each in (session, other):
            assert each.getreply() == (421, PAUSED)
            assert each.sock is None or each.file.read() == b""
            each.close()
    gateway.await_empty_queue()

    heard = refusal(gateway)
    assert (heard.smtp_code, heard.smtp_error) == (421, PAUSED)
    with pytest.raises((ssl.SSLError, OSError)):
        with gateway.client("implicit"):
            pass
    status = gateway.status()
    assert (status["health"], pauses(gateway)) == ("degraded", [("in", None)])
    assert status["upstreams"][0]["state"] == "ok"

    gateway.kill()
    gateway.start()
    assert refusal(gateway).smtp_code == 421
    gateway.postern("reload")
    assert refusal(gateway).smtp_code == 421
    (reply,) = gateway.json("resume", "in")
    assert reply["changed"]
    assert gateway.status()["health"] == "ok"
    gateway.submit(message())
    gateway.submit(message(), mode="implicit", user=USER, source=MUST_LOG_IN)
    gateway.await_empty_queue()
    (reply,) = gateway.json("resume", "in")
    assert not reply["changed"]


@pytest.mark.parametrize("words", [("out",), ("upstream", "office")], ids=["all", "one upstream"])
def test_while_sending_is_paused_mail_is_accepted_and_waits(words, open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    (reply,) = gateway.json("pause", *words, "--reason", "wrong newsletter")
    assert reply["changed"] and "until" not in reply["pause"]
    subjects = [token() for _ in range(3)]
    ids = [gateway.submit(message(subject)) for subject in subjects]
    nothing_leaves(gateway, upstream, 3)
    state = ("paused", "admin") if words[0] == "upstream" else ("ok", None)
    office = gateway.office()
    assert (office["state"], office.get("reason")) == state
    assert "wrong newsletter" in gateway.postern("why", ids[0])

    gateway.kill()
    gateway.start()
    nothing_leaves(gateway, upstream, 3)
    gateway.postern("reload")
    assert pauses(gateway) == [(words[0], "office" if words[1:] else None)]
    office = gateway.office()
    assert (office["state"], office.get("reason")) == state

    gateway.stop()
    gateway.start()
    (reply,) = gateway.json("resume", *words)
    assert reply["changed"]
    for subject in subjects:
        upstream.await_mail(subject)
    gateway.await_empty_queue()
    assert not (gateway.directory / "queue/pauses").exists()


def test_what_is_being_sent_when_somebody_pauses_is_sent(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gate = threading.Event()
    begun = []

    def hold(content, conversation):
        begun.append(content)
        gate.wait(20)
        return "250 2.0.0 taken"

    upstream.answers["."] = hold
    gateway = make_gateway(upstream)
    first, second = token(), token()
    gateway.submit(message(first))
    eventually(lambda: begun, what="a delivery")
    gateway.postern("pause", "out")
    gateway.submit(message(second))
    gate.set()
    upstream.await_mail(first)
    time.sleep(0.5)
    assert upstream.mails_about(second) == []
    gateway.postern("resume", "out")
    upstream.await_mail(second)


@pytest.mark.parametrize("ends", ["while it runs", "after kill -9", "while it is down"])
def test_a_pause_ends_by_itself(ends, open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    gateway.postern("pause", "out", "--for", "1h")
    subject = token()
    gateway.submit(message(subject))
    # The end is the later word, and it changes nothing else.
    (reply,) = gateway.json("pause", "out", "--for", "2s")
    assert not reply["changed"]
    if ends != "while it runs":
        gateway.kill()
        if ends == "while it is down":
            time.sleep(2.2)
        gateway.start()
    check_delivered(upstream.await_mail(subject), message(subject))
    assert pauses(gateway) == []
    assert gateway.events("resumed")


def test_several_pauses_are_ended_one_by_one(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    for words in (["out"], ["upstream", "office"]):
        gateway.postern("pause", *words)
    subject = token()
    gateway.submit(message(subject))
    (reply,) = gateway.json("resume", "out")
    assert any("upstream office" in note for note in reply["notes"])
    nothing_leaves(gateway, upstream, 1)
    gateway.postern("resume", "upstream", "office")
    upstream.await_mail(subject)


def test_an_upstream_that_there_is_not_cannot_be_paused(make_gateway):
    gateway = make_gateway()
    for command in ("pause.upstream", "resume.upstream"):
        with pytest.raises(Refused, match="Did you mean 'office'?") as caught:
            ask(gateway, command, name="ofice")
        assert caught.value.exit == 66
    assert gateway.status()["pauses"] == []


@pytest.mark.parametrize("content", ["", "{\"v\":1,\"pauses\":[{\"side\":\"in\"", "\0" * 512])
def test_where_the_pauses_are_not_known_nothing_is_sent(content, open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream, start=False)
    (gateway.directory / "queue/pauses").write_text(content)
    gateway.start()
    assert gateway.events("pauses-unreadable")
    subject = token()
    gateway.submit(message(subject))
    nothing_leaves(gateway, upstream, 1)
    assert pauses(gateway) == [("out", None)]
    gateway.postern("resume", "out")
    upstream.await_mail(subject)
    gateway.stop()
    gateway.start()
    assert pauses(gateway) == []


def test_a_pause_that_cannot_be_kept_is_refused(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    # A directory in the place of the file: nothing can be renamed over it.
    (gateway.directory / "queue/pauses").mkdir()
    with pytest.raises(Refused) as caught:
        ask(gateway, "pause.out")
    assert (caught.value.code, caught.value.exit) == ("pause.not_kept", 75)
    subject = token()
    gateway.submit(message(subject))
    upstream.await_mail(subject)
    (gateway.directory / "queue/pauses").rmdir()


def test_resume_tries_an_upstream_at_once_that_is_left_alone_because_of_trouble(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    usual, upstream.answers["AUTH"] = upstream.answers["AUTH"], "535 5.7.8 not today"
    gateway = make_gateway(upstream)
    subject = token()
    gateway.submit(message(subject))
    eventually(lambda: gateway.office().get("reason") == "login", what="a paused upstream")
    upstream.answers["AUTH"] = usual
    (reply,) = gateway.json("resume", "upstream", "office")
    assert reply["changed"] and any("535 5.7.8 not today" in note for note in reply["notes"])
    upstream.await_mail(subject)
    eventually(lambda: gateway.office()["state"] == "ok", what="a healthy upstream")


# The password of an upstream


@pytest.mark.parametrize("kind, mode", [(ScriptedUpstream, "starttls"), (Aiosmtpd, "implicit"), (Aiosmtpd, "starttls")])
def test_a_changed_password_keeps_mail_waiting_until_the_right_one_is_set(kind, mode, open_upstream, make_gateway):
    upstream = open_upstream(kind, mode)
    gateway = make_gateway(upstream, {"upstream.office": {**upstream.settings(), "max_per_connection": 1}})
    pid = gateway.process.pid
    first = token()
    gateway.submit(message(first))
    upstream.await_mail(first)
    gateway.await_empty_queue()
    row = credential(gateway)
    assert (row["state"], row["login"], row["source"]) == ("ok", upstream.username, str(gateway.credential_file))
    worked = row["last_success"]

    old, upstream.password = upstream.password, "the-new-secret-11"
    gateway.add_secret(upstream.username, upstream.password)
    subjects = [token() for _ in range(3)]
    ids = [gateway.submit(message(subject)) for subject in subjects]
    office = eventually(lambda: (office := gateway.office())["state"] == "paused" and office, what="a paused upstream")
    assert office["reason"] == "login" and "535" in office["reply"]
    assert "3 messages waiting" in gateway.postern("why", "office")
    assert "535" in gateway.postern("why", "office") and "creds set office" in gateway.postern("why", ids[0])
    assert credential(gateway)["state"] == "refused"

    for wrong in ("a-wrong-secret-12", old):
        with pytest.raises(Refused, match="office refused the new secret: 535") as caught:
            set_credential(gateway, wrong)
        assert (caught.value.code, caught.value.exit) == ("creds.refused", 1)
    assert credential(gateway)["source"] == str(gateway.credential_file)
    assert gateway.office()["reason"] == "login"
    assert len(gateway.queue()) == 3

    began = time.monotonic()
    reply = set_credential(gateway, upstream.password)
    assert reply["tested"] and reply["live"] and reply["reply"].startswith("235") and reply["released"] == 3
    for subject in subjects:
        upstream.await_mail(subject, 1)
    # The login that was tried out is part of it.
    assert time.monotonic() - began < 2
    gateway.await_empty_queue()
    assert gateway.office()["state"] == "ok"
    row = credential(gateway)
    assert (row["state"], row["source"]) == ("ok", "creds set") and row["last_success"] > worked
    assert gateway.process.pid == pid and gateway.process.poll() is None
    assert gateway.events("failed") == [] and gateway.events("expired") == []

    # The file still holds the old one, and a reload does not bring it back.
    gateway.postern("reload")
    after = token()
    gateway.submit(message(after))
    upstream.await_mail(after)
    # Another content of the file is the later word.
    upstream.password = "the-filed-secret-13"
    gateway.add_secret(upstream.username, upstream.password)
    gateway.write_credential(upstream.password)
    gateway.postern("reload")
    assert credential(gateway)["source"] == str(gateway.credential_file)
    filed = token()
    gateway.submit(message(filed))
    upstream.await_mail(filed)


def test_the_console_sets_a_password_that_outlives_a_restart(open_upstream, make_gateway):
    upstream = open_upstream(Aiosmtpd, "starttls")
    gateway = make_gateway(upstream)
    old, upstream.password = upstream.password, "console-secret-18"
    gateway.add_secret(upstream.username, upstream.password)
    subject = token()
    gateway.submit(message(subject))
    eventually(lambda: gateway.office().get("reason") == "login", what="a paused upstream")
    gateway.postern("creds", "set", "office", "--stdin", input="wrong-secret-19\n", exit=1)
    assert gateway.credential_file.read_text() == old + "\n"
    shown = gateway.postern("creds", "set", "office", "--stdin", input=upstream.password + "\n")
    assert upstream.password not in shown
    upstream.await_mail(subject, 1)
    for end in (gateway.stop, gateway.kill):
        end()
        gateway.start()
        subject = token()
        gateway.submit(message(subject))
        upstream.await_mail(subject)


def test_a_secret_that_cannot_be_tried_stays_out_unless_it_is_forced(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    upstream.close()
    new = "brand-new-secret-14"
    with pytest.raises(Refused) as caught:
        set_credential(gateway, new)
    assert (caught.value.code, caught.value.exit) == ("creds.untested", 75)
    assert caught.value.hint == "postern creds set office --no-test"
    assert credential(gateway)["source"] == str(gateway.credential_file)

    reply = set_credential(gateway, new, no_test=True)
    assert not reply["tested"] and "reply" not in reply
    assert credential(gateway)["state"] == "unused"
    upstream.password = new
    upstream.open()
    subject = token()
    gateway.submit(message(subject))
    upstream.await_mail(subject)
    eventually(lambda: credential(gateway)["state"] == "ok", what="a login")


@pytest.mark.parametrize("verb, answer", [
    ("greeting", "554 5.3.2 go away"), ("EHLO", None), ("STARTTLS", "454 4.7.0 no TLS now"),
    ("AUTH", "454 4.7.0 later"), ("AUTH", "421 4.7.0 closing"), ("EHLO", "250-relay.test\r\n250-STARTTLS\r\n250 HELP")])
def test_only_a_refused_login_speaks_against_the_secret(verb, answer, open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    upstream.answers[verb] = answer
    with pytest.raises(Refused) as caught:
        set_credential(gateway, "anything-at-all-15")
    assert (caught.value.code, caught.value.exit) == ("creds.untested", 75)
    assert upstream.commands("MAIL") == []


def test_trying_a_secret_out_works_while_the_upstream_is_paused_and_sends_nothing(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    gateway.postern("pause", "upstream", "office")
    subject = token()
    gateway.submit(message(subject))
    upstream.password = "paused-secret-16"
    reply = set_credential(gateway, upstream.password)
    assert (reply["tested"], reply["released"]) == (True, 0)
    nothing_leaves(gateway, upstream, 1)
    assert gateway.office()["reason"] == "admin"
    eventually(lambda: upstream.commands("QUIT"), what="an end of the dialogue")
    gateway.postern("resume", "upstream", "office")
    upstream.await_mail(subject)


def test_a_gateway_without_its_credential_takes_mail_and_keeps_it(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream, start=False)
    gateway.credential_file.unlink()
    environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(gateway.credential_file.parent)}
    check = posternd("--config", gateway.config_file, "--check", env=environment)
    assert check.returncode == 0 and "warning: credential 'office.password' not found" in check.stderr
    gateway.start()
    (event,) = gateway.events("credential-missing")
    assert event["credential"] == "office.password" and "office" in event["message"]
    subject = token()
    id = gateway.submit(message(subject))
    nothing_leaves(gateway, upstream, 1)
    assert upstream.conversations == []
    office = gateway.office()
    assert (office["state"], office["reason"]) == ("paused", "login")
    assert "postern creds set office" in office["reply"]
    assert "creds set office" in gateway.postern("why", id)
    assert credential(gateway)["state"] == "missing"
    # What was missing may stay so, and everything else can be changed meanwhile.
    gateway.configure({"message": {"max_recipients": 7}})
    gateway.postern("reload")
    gateway.kill()
    gateway.start()

    assert set_credential(gateway, upstream.password)["released"] == 1
    upstream.await_mail(subject, 1)
    eventually(lambda: gateway.office()["state"] == "ok", what="a healthy upstream")


@pytest.mark.parametrize("secret", ["", "two\nlines", "tab\there", "x" * 8193], ids=["empty", "line", "tab", "long"])
def test_what_cannot_be_a_secret_is_none(secret, open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    with pytest.raises(Refused) as caught:
        ask(gateway, "creds.set", name="office", secret=secret)
    assert caught.value.exit == 64
    assert secret == "" or secret not in caught.value.text
    assert upstream.conversations == []


def test_where_no_login_is_there_is_no_secret(make_gateway):
    gateway = make_gateway()
    for name, code in (("office", "creds.unused"), ("offise", "upstream.unknown")):
        with pytest.raises(Refused) as caught:
            ask(gateway, "creds.set", name=name, secret="whatever-17")
        assert (caught.value.code, caught.value.exit) == (code, 66)
    assert gateway.json("creds", "list") == []


# Who logs in


def test_users_are_shown_with_their_last_login(make_gateway):
    gateway = make_gateway()
    gateway.add_user("bob", "another-horse-8")

    def rows():
        return {each["user"]: each for each in gateway.json("users", "list")}

    assert all("last_login" not in each for each in rows().values())
    with gateway.client("starttls", source=MUST_LOG_IN, user=USER, password=PASSWORD):
        first = rows()
    assert first[USER]["last_address"] == MUST_LOG_IN and "last_login" not in first["bob"]
    with gateway.client("implicit", source="127.0.0.9", user=USER, password=PASSWORD):
        second = rows()
    assert second[USER]["last_address"] == "127.0.0.9"
    assert second[USER]["last_login"] > first[USER]["last_login"]
