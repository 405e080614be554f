# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""The console as a script sees it: what the five commands do, what --json says, and exit codes that tell the truth."""
import json
import os
import re
import shutil
import smtplib
import tempfile
from datetime import datetime
from pathlib import Path

import pytest

from gateway import BINARIES, MUST_LOG_IN, PASSWORD, USER, Gateway, eventually
from messages import ID, check_delivered, message, token
from upstreams import NoUpstream, ScriptedUpstream

NOBODY = 65534


def is_time(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).tzinfo is not None


def can_log_in(gateway, user, password):
    try:
        with gateway.client("starttls", MUST_LOG_IN, user, password):
            return True
    except smtplib.SMTPAuthenticationError:
        return False


def waiting(gateway, count=2):
    """Ids of messages that wait for an upstream that is not there."""
    return [gateway.submit(message()) for _ in range(count)]


# What the commands say


def test_status_json_has_its_shape(make_gateway):
    gateway = make_gateway()
    waiting(gateway, 3)
    status = gateway.status()
    assert (status["v"], status["type"]) == (1, "status")
    assert status["health"] in ("ok", "degraded")
    assert isinstance(status["version"], str) and status["uptime_s"] >= 0
    assert status["config"]["path"] == str(gateway.config_file) and status["config"]["generation"] == 1
    assert is_time(status["config"]["loaded"])
    queue = status["queue"]
    assert queue["total"] == 3 == sum(queue[state] for state in ("queued", "sending", "deferred", "failed"))
    assert queue["bytes"] > 0 and queue["oldest_s"] >= 0
    (office,) = status["upstreams"]
    assert office["name"] == "office" and office["state"] in ("ok", "slow", "paused", "unreachable", "standby")
    assert status["in"]["sessions"] == 0


def test_status_says_degraded_when_the_upstream_cannot_be_reached(make_gateway):
    gateway = make_gateway()
    gateway.postern("-q", "status")
    waiting(gateway)
    eventually(lambda: gateway.office()["state"] == "unreachable", what="an unreachable upstream")
    assert gateway.status()["health"] == "degraded"
    assert gateway.postern("-q", "status", exit=1) == ""
    assert "unreachable" in gateway.postern("status", exit=1)


def test_queue_and_show_json_have_their_shape(make_gateway):
    gateway = make_gateway()
    content = message()
    recipients = [f"reader{number}@example.net" for number in range(1, 61)]
    id = gateway.submit(content, recipients, mode="starttls", source=MUST_LOG_IN, user=USER)
    (row,) = gateway.queue()
    shown = gateway.message(id)
    for each in (row, shown):
        assert (each["v"], each["type"], each["id"], each["from"]) == (1, "message", id, "alice@example.org")
        assert re.fullmatch(ID, each["id"]) and each["state"] in ("queued", "sending", "deferred")
        assert [(recipient["n"], recipient["to"]) for recipient in each["recipients"]] == list(enumerate(recipients, 1))
        assert all(recipient["attempts"] >= 0 and recipient["state"] for recipient in each["recipients"])
        assert each["size"] == len(content) and each["age_s"] >= 0
        assert is_time(each["received"]) and is_time(each["expires"])
    client = shown["client"]
    assert (client["ip"], client["user"], client["listener"]) == (MUST_LOG_IN, USER, "submission")
    assert client["tls"].startswith("TLSv1.")


def test_no_word_of_an_upstream_reaches_the_terminal_as_a_control_character(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = "550 5.1.1 \x1b[2Jgone\x07 \x9b31m"
    gateway = make_gateway(upstream)
    id = gateway.submit(message())
    gateway.await_state(id, "failed")
    for words in (["status"], ["queue"], ["show", id]):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", gateway.postern(*words, exit=(0, 1)))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", gateway.log())


def test_tables_for_people_name_what_they_list(make_gateway):
    gateway = make_gateway()
    ids = waiting(gateway)
    table = gateway.postern("queue")
    for id in ids:
        assert id in table
    assert "alice@example.org" in table and "bob@example.net" in table
    assert ids[0] in gateway.postern("show", ids[0])


def test_an_id_may_be_cut_to_four_characters(make_gateway):
    gateway = make_gateway()
    (id,) = waiting(gateway, 1)
    assert gateway.message(id[:4])["id"] == id
    assert gateway.message(id[:4].lower())["id"] == id


def test_json_pretty_is_the_same_document(make_gateway):
    gateway = make_gateway()
    (id,) = waiting(gateway, 1)
    pretty = gateway.postern("--json=pretty", "show", id)
    assert pretty.count("\n") > 5
    assert json.loads(pretty)["id"] == id


# flush


@pytest.mark.parametrize("selector", ["--all", "id", "from:alice@example.org", "to:@example.net"])
def test_flush_tries_deferred_messages_at_once(selector, open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = "450 4.2.1 later"
    gateway = make_gateway(upstream, {"queue": {"retry": ["1h"]}})
    subject = token()
    content = message(subject)
    id = gateway.submit(content)
    gateway.await_state(id, "deferred")
    upstream.answers["RCPT"] = "250 2.1.5 now"
    (change,) = gateway.json("flush", id if selector == "id" else selector)
    assert (change["v"], change["type"], change["verb"]) == (1, "change", "flush")
    assert (change["matched"], change["done"], change["failed"]) == (1, 1, 0)
    assert change["actor"]["uid"] == os.getuid()
    check_delivered(upstream.await_mail(subject), content)


# reload


def test_reload_takes_over_a_changed_configuration(open_upstream, make_gateway):
    first, second = open_upstream(ScriptedUpstream), open_upstream(ScriptedUpstream)
    gateway = make_gateway(first)
    gateway.configure({"upstream.office": second.settings(), "message": {"max_size": "1M"}})
    gateway.postern("reload")
    assert gateway.status()["config"]["generation"] == 2
    subject = token()
    gateway.submit(message(subject))
    second.await_mail(subject)
    with gateway.client() as session:
        assert session.esmtp_features["size"] == str(1 << 20)


def test_a_broken_file_changes_nothing_and_says_where_it_is_broken(make_gateway):
    gateway = make_gateway()
    good = gateway.config_file.read_text()
    broken = good.replace("max_sessions_per_client", "max_sesions_per_client", 1)
    gateway.config_file.write_text(broken + '\n[queue2]\n')
    output = gateway.postern("--json", "reload", exit=78)
    line = broken[: broken.index("max_sesions")].count("\n") + 1
    assert f"{gateway.config_file}:{line}:1" in output and "max_sessions_per_client" in output and "queue2" in output
    waiting(gateway, 1)
    gateway.config_file.write_text(good)
    assert gateway.status()["config"]["generation"] == 1
    gateway.postern("reload")
    assert gateway.status()["config"]["generation"] == 2


@pytest.mark.parametrize("damage", ["certificate", "users", "credential"])
def test_a_reload_is_whole_or_not_at_all(damage, open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    gateway.configure({"message": {"max_size": "1M"}})
    if damage == "certificate":
        gateway.configure({"tls": {"key": gateway.directory / "postern.toml"}})
    elif damage == "users":
        (gateway.directory / "users").write_text("alice not-a-verifier\n")
    else:
        gateway.credential_file.unlink()
    gateway.postern("reload", exit=78)
    with gateway.client("starttls", MUST_LOG_IN, USER) as session:
        assert session.esmtp_features["size"] == str(50 << 20), "the size of the configuration before"


# users


def test_a_user_added_with_a_password_can_log_in_at_once(make_gateway):
    gateway = make_gateway()
    assert not can_log_in(gateway, "printer", "secret-of-printer-1")
    gateway.add_user("printer", "secret-of-printer-1")
    assert can_log_in(gateway, "printer", "secret-of-printer-1")
    assert can_log_in(gateway, USER, PASSWORD)


def test_a_generated_password_is_shown_once_and_works_at_once(make_gateway):
    gateway = make_gateway()
    password = gateway.postern("-q", "users", "add", "scanner").strip()
    gateway.add_secret("scanner", password)
    assert len(password) >= 16 and password.isascii() and password.isprintable() and " " not in password
    assert can_log_in(gateway, "scanner", password)
    assert password not in (gateway.directory / "users").read_text()
    again = gateway.postern("users", "add", "second")
    assert "second" in again


def test_a_new_password_replaces_the_old_one_at_once(make_gateway):
    gateway = make_gateway()
    assert can_log_in(gateway, USER, PASSWORD)
    gateway.add_user(USER, "another-horse-8")
    assert not can_log_in(gateway, USER, PASSWORD)
    assert can_log_in(gateway, USER, "another-horse-8")


def test_users_can_be_added_before_the_first_start(make_gateway):
    gateway = make_gateway(start=False)
    gateway.add_user("early", "secret-of-early-1")
    gateway.start()
    assert can_log_in(gateway, "early", "secret-of-early-1")


# Exit codes


@pytest.mark.parametrize("words, exit", [
    (["flush"], 64), (["flush", "--all", "to:x"], 64), (["show"], 64), (["show", "7K"], 64), (["frobnicate"], 64),
    (["status", "--frobnicate"], 64), (["queue", "frob:1"], 64), (["users", "add"], 64), (["show", "ZZZZZZZZZ"], 66),
    (["help"], 0), (["version"], 0)])
def test_exit_codes(words, exit, make_gateway):
    gateway = make_gateway()
    waiting(gateway, 1)
    gateway.postern(*words, exit=exit)


def test_errors_are_json_where_json_is_asked_for(make_gateway):
    gateway = make_gateway()
    error = json.loads(gateway.postern("--json", "flush", exit=64))["error"]
    assert error["code"] == "usage.no_selector" and error["exit"] == 64 and error["message"]


@pytest.mark.parametrize("words", [["status"], ["queue"], ["show", "ZZZZZZZZZ"], ["flush", "--all"], ["reload"]])
def test_without_a_daemon_commands_end_with_69(words, make_gateway):
    gateway = make_gateway(start=False)
    gateway.postern(*words, exit=69)
    gateway.start().kill()
    gateway.postern(*words, exit=69)


def test_a_broken_configuration_ends_the_console_with_78(make_gateway):
    gateway = make_gateway(start=False)
    gateway.config_file.write_text("[upstream.office\n")
    gateway.postern("status", exit=78)


def test_who_may_not_open_the_socket_is_told_so_with_77(certificate, open_upstream):
    """In a directory that anyone may enter, so that only the socket says no."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        gateway = Gateway(directory / "gateway", certificate, open_upstream(NoUpstream))
        gateway.add_user()
        program = shutil.copy(BINARIES / "postern", directory / "postern")
        gateway.start()
        try:
            if os.getuid() == 0:
                gateway.postern("status", exit=77, program=program, user=NOBODY, group=NOBODY, extra_groups=[])
            else:
                for socket in (gateway.directory / "control").glob("*.sock"):
                    socket.chmod(0)
                gateway.postern("status", exit=77)
        finally:
            gateway.close()
