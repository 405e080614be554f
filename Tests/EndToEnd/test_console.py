# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""The console as a script sees it: what the five commands do, what --json says, and exit codes that tell the truth."""
import json
import os
import re
import shutil
import smtplib
import tempfile
import threading
from datetime import datetime
from pathlib import Path

import pytest

from control import Control
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
    upstream.answers["RCPT"] = "450 4.2.1 \x1b[2Jgone\x07 \x9b31m"
    gateway = make_gateway(upstream, {"queue": {"retry": ["1h"]}})
    id = gateway.submit(message())
    gateway.await_state(id, "deferred")
    for words in (["status"], ["queue"], ["show", id]):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", gateway.postern(*words, exit=(0, 1)))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", gateway.raw_log())


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


# hold, release, bounce


def control(gateway, level="operate"):
    return Control(gateway.directory / "control" / f"{level}.sock")


def is_gone(gateway, id):
    return not [message for message in gateway.queue() if message["id"] == id]


def test_a_held_message_stays_until_it_is_released(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = "450 4.2.1 later"
    gateway = make_gateway(upstream)
    subject = token()
    id = gateway.submit(message(subject))
    gateway.await_state(id, "deferred")
    (change,) = gateway.json("hold", id, "--reason", "typo in the domain?")
    assert (change["verb"], change["matched"], change["done"]) == ("hold", 1, 1)
    held = eventually(lambda: [each for each in gateway.queue() if each["state"] == "held"], what="a held message")[0]
    assert held["id"] == id and held["hold"]["reason"] == "typo in the domain?"
    assert held["why"] == f"by {held['hold']['by']}: typo in the domain?"
    assert gateway.status()["queue"]["held"] == 1
    upstream.answers["RCPT"] = "250 2.1.5 now"
    (change,) = gateway.json("flush", id)
    assert change["done"] == 0 and "on hold" in change["notes"][0]
    # A second message overtakes it.
    other = token()
    gateway.submit(message(other))
    upstream.await_mail(other)
    assert not upstream.mails_about(subject)
    (change,) = gateway.json("release", "state:held")
    assert change["done"] == 1
    upstream.await_mail(subject)


def test_a_hold_for_a_time_ends_by_itself(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = "450 4.2.1 later"
    gateway = make_gateway(upstream)
    subject = token()
    id = gateway.submit(message(subject))
    gateway.await_state(id, "deferred")
    (change,) = gateway.json("hold", "--all", "--for", "2s")
    assert change["done"] == 1
    upstream.answers["RCPT"] = "250 2.1.5 now"
    upstream.await_mail(subject)


def test_a_bounce_without_a_notification_ends_the_message(make_gateway):
    gateway = make_gateway()
    first, second = waiting(gateway)
    (change,) = gateway.json("bounce", first, "--no-dsn", "--yes", "--reason", "no such domain")
    assert (change["verb"], change["done"]) == ("bounce", 1)
    eventually(lambda: is_gone(gateway, first), what="the end of it")
    assert not is_gone(gateway, second)
    (ended,) = eventually(lambda: gateway.json("queue", "state:failed", first), what="its line in the history")
    assert ended["recipients"][0]["by_admin"] and "no such domain" in gateway.postern("show", first)
    (failed,) = gateway.await_events("failed", queue_id=first)
    assert "status=bounced" in failed["message"] and "no such domain" in failed["reply"]
    gateway.await_events("removed", queue_id=first)


def test_a_dry_run_shows_what_is_meant_and_its_end_is_kept_to(make_gateway):
    gateway = make_gateway()
    ids = waiting(gateway, 4)
    admin = control(gateway)
    for verb in ("flush", "hold", "release", "bounce"):
        change = admin.change(verb, select="from:alice@example.org", dry_run=True)
        assert (change["matched"], change["done"]) == (4, 0)
        preview = change["preview"]
        assert [sample["id"] for sample in preview["samples"]] == ids[:3] and preview["up_to"] == ids[3]
        assert preview["samples"][0]["to"] == "bob@example.net" and preview["bytes"] > 0
    late = waiting(gateway, 1)[0]
    change = admin.change("hold", all=True, up_to=ids[3])
    assert change["matched"] == 4
    assert {each["id"]: each["state"] == "held" for each in gateway.queue()} == {**dict.fromkeys(ids, True), late: False}
    assert " ran hold" in gateway.log() and "dry" not in gateway.log()


@pytest.mark.parametrize("selector, count", [
    ("client:127.0.0.0/8", 2), ("client:10.0.0.0/8", 0), ("client:old-scanner", 2), ("upstream:office", 2),
    ("upstream:other", 0), ("code:450", 2), ("code:4.2.1", 2), ("reason:greylisted", 2), ("reason:/quota/", 0),
    ("state:held", 0), ("to:@example.net -from:alice@example.org", 0), ("tries:>0 age:<1h size:>10", 2)])
def test_a_selector_means_the_same_in_each_verb(selector, count, open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = "450 4.2.1 greylisted"
    gateway = make_gateway(upstream, {"queue": {"retry": ["1h"]}})
    for id in waiting(gateway):
        gateway.await_state(id, "deferred")
    assert len(gateway.json("queue", *selector.split())) == count
    admin = control(gateway)
    for verb in ("flush", "hold", "release", "bounce"):
        assert admin.change(verb, select=selector, dry_run=True)["matched"] == count


def test_conflicting_orders_of_a_hundred_connections_leave_each_message_in_one_state(make_gateway):
    gateway = make_gateway()
    waiting(gateway, 100)
    answers = []

    def order(number):
        verb = ("hold", "release", "flush", "bounce")[number % 4]
        answers.append(control(gateway).change(verb, all=True, no_dsn=True))

    threads = [threading.Thread(target=order, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    done = {verb: sum(each["done"] for each in answers if each["verb"] == verb)
            for verb in ("hold", "release", "flush", "bounce")}
    assert len(answers) == 100 and done["release"] <= done["hold"]
    # The one that an attempt had in its hands is left to that attempt.
    eventually(lambda: len(gateway.queue()) <= 100 - done["bounce"], what="the end of what was bounced")
    assert done["bounce"] >= 99
    assert len(re.findall(r" ran (?:hold|release|flush|bounce) --all", gateway.log())) == 100


def test_who_leaves_in_the_middle_leaves_a_line_with_the_count(make_gateway):
    gateway = make_gateway()
    waiting(gateway, 200)
    admin = control(gateway)
    admin.send("hold", all=True)
    admin.close()
    line = eventually(
        lambda: re.search(r" ran hold --all: (done|connection lost): (\d+) matched, (\d+) changed", gateway.log()),
        what="a line")
    assert len(gateway.json("queue", "state:held")) == int(line[3]) <= int(line[2]) <= 200


def test_while_it_shuts_down_nothing_is_changed_and_the_rest_is_answered(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    asked, answer = threading.Event(), threading.Event()

    def hesitate(line, conversation):
        asked.set()
        answer.wait(20)
        return "250 2.0.0 taken"

    upstream.answers["."] = hesitate
    gateway = make_gateway(upstream)
    subject = token()
    gateway.submit(message(subject))
    assert asked.wait(20)
    admin = control(gateway)
    gateway.process.terminate()
    gateway.await_notification("STOPPING=1")

    def is_refused():
        _, end = admin.ask("hold", all=True)
        return end if "code" in end else None

    error = eventually(is_refused, what="a refusal")
    assert (error["message"], error["exit"]) == ("busy: shutting down", 75)
    assert admin.ask("queue")[0][0]["state"] == "sending"
    assert control(gateway, "view").greeting["level"] == "view"
    answer.set()
    gateway.await_end()
    upstream.await_mail(subject)


# why


def test_why_says_what_was_answered_and_what_to_type(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = "452 4.2.2 mailbox \x1b[2J full"
    gateway = make_gateway(upstream)
    id = gateway.submit(message())
    gateway.await_state(id, "deferred")
    (why,) = gateway.json("why", id[:5])
    assert (why["subject"], why["state"]) == (id, "deferred")
    assert why["reply"].startswith("452 4.2.2 mailbox ") and is_time(why["next"]) and is_time(why["expires"])
    assert why["reasons"][0].startswith("office answered 452 4.2.2") and "the mailbox is full" in why["reasons"][1]
    assert [action["command"] for action in why["actions"]] == [f"postern flush {id}", f"postern bounce {id}"]
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", json.dumps(why, ensure_ascii=False))
    (why,) = gateway.json("why", "office")
    assert (why["subject"], why["state"]) == ("office", "ok")


def test_why_of_mail_that_waits_for_a_login_says_which_and_what_to_type(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream, start=False)
    gateway.write_credential("not-the-password-3")
    gateway.start()
    id = gateway.submit(message())
    eventually(lambda: gateway.office()["reason"] == "login" if "reason" in gateway.office() else None, what="a pause")
    for subject in (id, "office"):
        (why,) = gateway.json("why", subject)
        assert any("is paused (login)" in text for text in [why["headline"], *why["reasons"]])
        commands = [action["command"] for action in why["actions"]]
        assert commands[:2] == ["postern creds set office", "postern resume upstream office"]
    (row,) = gateway.queue()
    assert row["why"] == "upstream office is paused (login)"


@pytest.mark.parametrize("subject, exit", [("ZZZZZZZZZ", 66), ("ofice9", 66), ("7K", 64), ("to:x", 66)])
def test_why_of_something_unknown(subject, exit, make_gateway):
    gateway = make_gateway()
    waiting(gateway, 1)
    gateway.postern("why", subject, exit=exit)


# Completion


def test_the_daemon_completes_what_only_it_knows(make_gateway):
    gateway = make_gateway()
    ids = waiting(gateway)
    admin = control(gateway, "admin")

    def complete(line):
        return [candidate["text"] for candidate in admin.ask("complete", line=line)[0]]

    assert complete("fl") == ["flush"]
    assert sorted(complete("show ")) == sorted(ids)
    assert ids[0] in complete(f"hold {ids[0][:4].lower()}")
    assert complete("flush to:b") == ["bob@example.net"] and complete("flush -to:@") == ["@example.net"]
    assert complete("resume upstream ") == ["office"]
    assert complete("users passwd a") == [USER]
    assert complete("queue client:") == ["old-scanner"]


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
