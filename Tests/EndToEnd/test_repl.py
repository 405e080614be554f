# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""The console at a keyboard: what it edits, completes, remembers, asks and survives; and its scripts."""
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway import BINARIES, Gateway, eventually
from messages import message, token
from repl import CTRL_A, CTRL_C, CTRL_D, CTRL_U, ENTER, LOST, PROMPT, TAB, UP, Repl, has_escapes
from upstreams import NoUpstream, ScriptedUpstream

NOBODY = 65534


@pytest.fixture
def console(make_gateway):
    """Starts a gateway with that many messages that wait, and a console on it: gateway, ids, console."""
    opened = []

    def open(waiting=1, gateway=None, **options):
        gateway = gateway or make_gateway()
        ids = [gateway.submit(message()) for _ in range(waiting)]
        repl = Repl(gateway, **options)
        opened.append(repl)
        repl.await_prompt()
        return gateway, ids, repl

    yield open
    for repl in opened:
        repl.__exit__()


@contextmanager
def frozen(gateway):
    """A daemon that does not answer, for as long as that takes."""
    os.kill(gateway.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        if gateway.process is not None:
            os.kill(gateway.process.pid, signal.SIGCONT)


# Lines


def test_it_greets_tells_how_the_gateway_is_and_leaves_on_ctrl_d(make_gateway):
    gateway = make_gateway()
    gateway.submit(message())
    eventually(lambda: gateway.office()["state"] == "unreachable", what="an upstream that was tried")
    with Repl(gateway) as repl:
        assert repl.prompt() == "postern office:unreachable q:1> "
        assert "console. Type ? for help at any point, Tab completes, Ctrl-D leaves." in repl.child.before
        assert repl.leave() == 0


def test_a_command_is_as_short_as_it_is_clear(console):
    _, _, repl = console(waiting=2)
    assert repl.run("q --count") == "2\n"
    assert repl.run("postern queue --count") == "2\n", "as hints write it"
    assert "'re' can mean 'release', 'resume', 'reload'" in repl.run("re")
    assert "Did you mean 'queue'?" in repl.run("qeueu")


def test_words_of_its_own(console):
    _, _, repl = console()
    repl.run("version")
    assert repl.run("history").splitlines() == ["version", "history"]
    assert "in the console" in repl.run("help")
    assert "give messages back" in repl.run("help bounce").lower()
    repl.type("exit" + ENTER)
    repl.child.wait()
    assert repl.child.exitstatus == 0


def test_quotes_keep_words_together_and_utf_8_arrives_as_typed(console):
    gateway, (id,), repl = console()
    repl.run("hold --all --reason 'größer als 日本?'")
    assert gateway.message(id)["hold"]["reason"] == "größer als 日本?"
    assert "a quote or a backslash" in repl.run("hold 'x")


def test_utf_8_arrives_in_a_plain_locale_too(console):
    gateway, (id,), repl = console(environment={"LC_ALL": "C"})
    repl.run("hold --all --reason größer")
    assert gateway.message(id)["hold"]["reason"] == "größer"


def test_a_line_may_be_longer_than_the_screen_and_the_screen_may_change(console):
    gateway, (id,), repl = console(columns=50)
    reason = "a-long-story-" * 10
    repl.type(f"hold --all --reason {reason[:60]}")
    repl.child.setwinsize(30, 33)
    repl.type(reason[60:] + ENTER)
    repl.await_prompt()
    assert gateway.message(id)["hold"]["reason"] == reason


@pytest.mark.parametrize("columns", [60, 80, 100, 140])
def test_tables_fit_the_width_of_the_screen(columns, make_gateway):
    gateway = make_gateway()
    gateway.submit(message(), sender=f"{'s' * 40}@example.org", recipients=[f"{'r' * 50}@example.net"])
    gateway.postern("hold", "--all", "--reason", "x" * 200)
    with Repl(gateway, columns=columns) as repl:
        repl.await_prompt()
        lines = repl.run("queue").splitlines()
        assert len(lines) == 3 and all(len(line) <= columns for line in lines)


# Completion and help


def test_tab_completes_what_is_clear(console):
    _, (id,), repl = console()
    repl.type("vers" + TAB + ENTER)
    assert repl.result() == "postern 0.1.0\n"
    # Ids are the daemon's to know, and are found in small letters too.
    repl.type("show " + id[:5].lower() + TAB + ENTER)
    assert f"Message {id}" in repl.result()
    repl.type("queue --count to:b" + TAB + ENTER)
    assert repl.result() == "1\n"


@pytest.mark.parametrize("beginning, answer", [
    ("why of", "Upstream office"), ("pause upstream o", "sending through office is paused"),
    ("users disable a", "user 'alice' is disabled")])
def test_tab_knows_upstreams_and_users(beginning, answer, console):
    _, _, repl = console()
    repl.type(beginning + TAB + ENTER)
    assert answer in repl.result()


def test_tab_lists_where_there_is_a_choice_and_the_line_goes_on(console):
    _, _, repl = console()
    repl.type("pause " + TAB)
    repl.expect(r"in +refuse all clients.*\r\n +out +stop sending.*\r\n +upstream +stop sending through")
    repl.type("in --dry-run" + ENTER)
    repl.expect("nothing was changed: this is a dry run")


def test_tab_fills_in_what_all_have_in_common(console):
    gateway, _, repl = console()
    for name in ("team-a", "team-b"):
        gateway.submit(message(), recipients=[f"{name}@example.net"])
    repl.type("queue --count to:t" + TAB + "a@example.net" + ENTER)
    assert repl.result() == "1\n"


def test_long_lists_are_cut_with_a_count(console):
    _, _, repl = console(waiting=30)
    repl.type("show " + TAB)
    repl.expect(r"and \d+ more\r\n")


def test_a_question_mark_says_what_can_stand_here_and_leaves_the_line(console):
    _, _, repl = console(waiting=3)
    repl.type("queue ?")
    repl.expect(r"queue \[SELECTOR\.\.\.\].*list waiting messages\r\n")
    repl.expect(r"to: +recipient")
    repl.expect(r"q:3> queue $")
    repl.type("--count" + ENTER)
    assert repl.result() == "3\n"
    repl.type("?")
    repl.expect(r"status +health.*\r\n")
    repl.type(ENTER)
    repl.await_prompt()


# History


def test_history_stays_over_sessions_for_its_owner_alone_each_line_once(console):
    gateway, _, repl = console()
    for line in ["version", "queue --count", "version", " status", "queue --ids"]:
        repl.run(line)
    assert repl.history_file.read_text() == "queue --count\nversion\nqueue --ids\n"
    assert stat.S_IMODE(repl.history_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(repl.history_file.parent.stat().st_mode) == 0o700
    assert repl.leave() == 0
    with Repl(gateway) as again:
        again.await_prompt()
        again.type(UP + UP + ENTER)
        assert again.result() == "postern 0.1.0\n"
        assert again.history_file.read_text() == "queue --count\nqueue --ids\nversion\n"


def test_history_goes_where_the_environment_says(console, tmp_path):
    _, _, repl = console(environment={"XDG_STATE_HOME": str(tmp_path / "state")})
    repl.run("version")
    assert (tmp_path / "state/postern/history").read_text() == "version\n"


def test_what_may_be_a_password_is_not_remembered(console):
    gateway, _, repl = console()
    for line in ["creds set office hunter-2", "users add bob hunter-3", "us passwd alice 'hunter-4"]:
        assert "error" in repl.run(line)
    repl.run("version")
    assert repl.history_file.read_text() == "version\n"
    for secret in ["hunter-2", "hunter-3", "hunter-4"]:
        gateway.secrets.add(secret)


# Ctrl-C


def test_ctrl_c_forgets_the_line(console):
    _, _, repl = console()
    repl.type("bounce --all --yes" + CTRL_C)
    repl.expect(r"\^C\r*\n")
    repl.await_prompt()
    assert repl.run("queue --count") == "1\n"


def test_ctrl_c_ends_the_wait_for_an_answer_and_not_the_console(console):
    gateway, _, repl = console()
    with frozen(gateway):
        repl.type("queue" + ENTER)
        repl.await_waiting()
        repl.type(CTRL_C)
        repl.expect("error: interrupted")
        # The prompt asks too.
        repl.type(CTRL_C)
    repl.type(ENTER)
    repl.await_prompt()
    assert repl.run("queue --count") == "1\n"


def test_a_change_that_was_interrupted_may_have_happened_and_the_console_says_so(console):
    gateway, _, repl = console()
    with frozen(gateway):
        repl.type("hold --all" + ENTER)
        repl.await_waiting()
        repl.type(CTRL_C)
        repl.expect("error: interrupted\r\n  what was asked may have happened or not")
        repl.type(CTRL_C)
    repl.type(ENTER)
    repl.await_prompt()


# Confirmation


def test_what_is_final_is_shown_first_and_done_on_y(console):
    gateway, ids, repl = console(waiting=2)
    repl.type("bounce to:@example.net" + ENTER)
    repl.expect(r"Will bounce 2 messages \(\d+ octets\):\r\n  oldest " + ids[0])
    repl.expect("y, or Enter to cancel: ")
    repl.type("y" + ENTER)
    assert "2 messages bounced" in repl.result()
    eventually(lambda: not [each for each in gateway.queue() if each["id"] in ids], what="bounced messages gone")


@pytest.mark.parametrize("answer", ["", "n", "11", "13", "y", CTRL_C, CTRL_D])
def test_many_are_confirmed_by_their_number_and_anything_else_cancels(answer, console):
    gateway, _, repl = console(waiting=12)
    repl.type("bounce --all" + ENTER)
    repl.expect("Type the number of messages to confirm")
    repl.type(answer if answer in (CTRL_C, CTRL_D) else answer + ENTER)
    repl.expect("cancelled, nothing was changed")
    repl.await_prompt()
    assert len(gateway.queue()) == 12
    repl.type("bounce --all" + ENTER)
    repl.expect("Type the number of messages to confirm")
    repl.type("12" + ENTER)
    repl.expect("12 messages bounced")


def test_what_came_behind_the_preview_is_not_meant(console):
    gateway, _, repl = console(waiting=2)
    repl.type("bounce --all" + ENTER)
    repl.expect("Go on")
    late = gateway.submit(message())
    repl.type("y" + ENTER)
    repl.expect("2 messages bounced")
    assert gateway.message(late)["state"] != "failed"


def test_no_message_is_no_question(console):
    _, _, repl = console()
    assert repl.run("bounce to:@nowhere.example") == "no message matches\n"


def test_a_dry_run_changes_nothing(console):
    gateway, ids, repl = console(waiting=2)
    shown = repl.run("bounce --all --dry-run")
    assert "Will bounce 2 messages" in shown and ids[0] in shown and "nothing was changed" in shown
    assert "would pause" in repl.run("pause in --dry-run")
    assert "would remove user 'alice'" in repl.run("users remove alice --dry-run")
    assert len(gateway.queue()) == 2
    gateway.submit(message())


def test_without_a_terminal_the_answer_stands_on_the_line(make_gateway):
    gateway = make_gateway()
    gateway.submit(message())
    for words in (["bounce", "--all"], ["pause", "in"], ["users", "remove", "alice"]):
        (error,) = gateway.json(*words, exit=64)
        assert error["error"]["code"] == "usage.unconfirmed" and error["error"]["hint"].endswith("--yes")
    assert len(gateway.queue()) == 1
    (change,) = gateway.json("bounce", "--all", "--yes")
    assert (change["matched"], change["done"]) == (1, 1)


def test_a_password_typed_in_the_console_is_not_shown(console):
    gateway, _, repl = console()
    gateway.add_secret("dora", "hidden-horse-3")
    repl.type("users add dora --ask" + ENTER)
    for prompt in ["Password", "Once more"]:
        repl.expect(prompt + r"[^:]*: ")
        repl.type("hidden-horse-3" + ENTER)
    shown = repl.await_prompt()
    assert "user 'dora' added" in shown and "hidden-horse-3" not in shown
    repl.type("users remove dora" + ENTER)
    repl.expect("Go on")
    repl.type("y" + ENTER)
    repl.expect("user 'dora' removed")


# The daemon comes and goes


def test_the_console_stays_when_the_daemon_goes_and_finds_it_again(console):
    gateway, _, repl = console()
    gateway.kill()
    shown = repl.run("queue --count", prompt=LOST)
    assert "error: cannot reach posternd" in shown and "systemctl status postern" in shown
    assert "cannot reach posternd" in repl.run("status", prompt=LOST)
    # What the table knows needs no daemon.
    repl.type("vers" + TAB + ENTER)
    assert repl.result(LOST) == "postern 0.1.0\n"
    gateway.start()
    assert repl.run("queue --count") == "1\n"


def test_a_restart_between_two_commands_is_not_noticed(console):
    gateway, _, repl = console()
    gateway.kill()
    gateway.start()
    assert repl.run("queue --count") == "1\n"
    assert "1 message held" in repl.run("hold --all")


def test_a_change_whose_connection_broke_is_not_done_twice_and_the_console_says_so(console):
    gateway, _, repl = console()
    with frozen(gateway):
        repl.type("hold --all" + ENTER)
        repl.await_waiting()
        gateway.kill()
    shown = repl.await_prompt(LOST)
    assert "error: lost posternd" in shown and "may have happened or not" in shown


# Terminals


def test_colour_is_on_the_state_and_nowhere_where_it_is_not_wanted(make_gateway):
    gateway = make_gateway()
    with Repl(gateway, environment={"NO_COLOR": None}) as repl:
        assert re.search(r"\x1b\[3[123]m office:\w+\x1b\[0m q:0> $", repl.prompt())
    with Repl(gateway) as repl:
        assert not re.search(r"\x1b\[[\d;]*m", repl.await_prompt() + repl.run("status"))


def test_a_dumb_terminal_gets_lines_and_nothing_else(console):
    gateway, (id,), repl = console(environment={"TERM": "dumb", "NO_COLOR": None})
    assert "list waiting messages" in repl.run("queue ?")
    shown = repl.run("queue")
    assert id in shown and not has_escapes(shown)
    repl.type("forget this" + CTRL_C)
    repl.expect(r"\^C\r?\n")
    repl.await_prompt()
    repl.type("bounce --all" + ENTER)
    repl.expect("Go on")
    repl.type(ENTER)
    repl.expect("nothing was changed")
    repl.await_prompt()
    assert repl.leave() == 0


@pytest.mark.parametrize("terminal", ["dumb", "xterm"])
def test_what_an_upstream_said_cannot_steer_the_terminal(terminal, open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = "450 4.2.1 \x1b[2J\x1b]0;owned\x07 later \x9b31m"
    gateway = make_gateway(upstream, {"queue": {"retry": ["1h"]}})
    id = gateway.submit(message())
    gateway.await_state(id, "deferred")
    with Repl(gateway, environment={"TERM": terminal}) as repl:
        repl.await_prompt()
        for line in ["status", "queue", f"show {id}", f"why {id}", "hold --all --reason '\u202e\u2066x'", "queue"]:
            shown = repl.run(line)
            assert "\x07" not in shown and "\x9b" not in shown and "\u202e" not in shown.split("\n", 1)[-1]
            assert "\x1b[2J" not in shown and "\x1b]" not in shown
            assert terminal != "dumb" or not has_escapes(shown)


# Levels


def test_who_may_only_look_sees_so_in_the_prompt_and_is_told_what_to_type(certificate, open_upstream):
    if os.getuid() != 0:
        pytest.skip("another user is needed")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        gateway = Gateway(directory / "gateway", certificate, open_upstream(NoUpstream))
        gateway.add_user()
        program = shutil.copy(BINARIES / "postern", directory / "postern")
        gateway.start()
        gateway.submit(message())
        home = directory / "home"
        home.mkdir()
        os.chown(home, NOBODY, NOBODY)
        group = (gateway.directory / "control/view.sock").stat().st_gid

        def become_nobody():
            os.setgroups([group])
            os.setgid(NOBODY)
            os.setuid(NOBODY)

        try:
            with Repl(gateway, home=home, program=program, preexec_fn=become_nobody) as repl:
                assert repl.prompt().startswith("postern(view) office:")
                assert repl.run("queue --count") == "1\n"
                shown = repl.run("hold --all")
                assert "'hold' needs level operate, this connection has view" in shown
                assert "you are 'nobody'" in shown and "sudo postern hold --all" in shown
        finally:
            gateway.close()


# Scripts


def script(gateway, text, *options, exit=0):
    done = subprocess.run(
        [BINARIES / "postern", "--config", gateway.config_file, *options], input=text, capture_output=True, text=True,
        timeout=60)
    assert done.returncode == exit, done.stdout + done.stderr
    return done.stdout, done.stderr


def test_a_script_is_read_from_standard_input(make_gateway):
    gateway = make_gateway()
    gateway.submit(message())
    shown, errors = script(gateway, "# how many\n\nqueue --count  # now\nhold --all --reason 'two words'\r\nqueue --count state:held")
    assert shown.splitlines()[0] == shown.splitlines()[-1] == "1" and not errors


def test_a_script_stops_at_the_first_error_and_names_its_line(make_gateway):
    gateway = make_gateway()
    shown, errors = script(gateway, "version\n\nfrobnicate\nversion\n", exit=64)
    assert shown == "postern 0.1.0\n" and errors.startswith("error: line 3: unknown command 'frobnicate'")
    shown, errors = script(gateway, "version\nshow ZZZZZZZZZ\nversion\n", "--keep-going", exit=66)
    assert shown == "postern 0.1.0\n" * 2 and "error: line 2: " in errors
    _, errors = script(gateway, "q\n", exit=64)
    assert "line 1: unknown command 'q'" in errors, "a script has to spell out"
    _, errors = script(gateway, "hold 'open\n", exit=64)
    assert "line 1: a quote" in errors
    _, errors = script(gateway, "bounce --all\n", exit=64)
    assert "line 1: " in errors and "--yes" in errors
    _, errors = script(gateway, "users add bob --password-stdin\nsecret\n", exit=64)
    assert "line 1: --password-stdin cannot read standard input" in errors


def test_a_script_may_stand_in_a_file_or_on_the_command_line(make_gateway, tmp_path):
    gateway = make_gateway()
    file = tmp_path / "commands"
    file.write_text("version\nfrobnicate\n")
    shown, errors = script(gateway, "", "-f", file, exit=64)
    assert shown == "postern 0.1.0\n" and f"error: {file}:2: unknown command" in errors
    assert script(gateway, "", "-c", "version", "-c", "queue --count")[0] == "postern 0.1.0\n0\n"
    _, errors = script(gateway, "", "-c", "version", "-c", "frob", exit=64)
    assert "error: -c 2: unknown command" in errors
    script(gateway, "", "-f", tmp_path / "absent", exit=66)
    script(gateway, "", "-c", "version", "queue", exit=64)
    assert script(gateway, "version\n", "--json")[0].startswith('{"type":"version"')


# log


@pytest.fixture
def journalctl(tmp_path, monkeypatch):
    """A journalctl that says how it was called."""
    program = tmp_path / "bin/journalctl"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$@"\nexit ${JOURNALCTL_EXIT:-0}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return program


def test_log_asks_the_journal_for_the_messages_that_a_selector_means(journalctl, make_gateway):
    gateway = make_gateway()
    ids = [gateway.submit(message()) for _ in range(2)]
    fields = " ".join(f"POSTERN_QUEUE_ID={id}" for id in ids)
    assert gateway.postern("log", "to:bob@example.net") == f"-u postern {fields}\n"
    assert gateway.postern("log", "-f", "-n", "5", "--since", "1h ago") == "-u postern -f -n 5 --since=1h ago\n"
    assert gateway.postern("--json", "log", ids[0]) == f"-u postern -o json POSTERN_QUEUE_ID={ids[0]}\n"
    gateway.postern("log", "to:@nowhere.example", exit=66)
    # A message that has left is known to the journal alone.
    gateway.stop()
    assert gateway.postern("log", "7KQ2M9XF4") == "-u postern POSTERN_QUEUE_ID=7KQ2M9XF4\n"
    gateway.postern("log", "7KQ2", exit=69)


def test_ctrl_c_ends_a_log_that_is_followed_and_not_the_console(journalctl, console):
    journalctl.write_text("#!/bin/sh\necho following\nexec sleep 60\n")
    _, _, repl = console(environment={"PATH": os.environ["PATH"]})
    repl.type("log -f" + ENTER)
    repl.expect("following\r\n")
    repl.await_waiting()
    repl.type(CTRL_C)
    assert "error" not in repl.await_prompt()
    assert repl.run("queue --count") == "1\n"


def test_log_says_where_the_log_is_if_there_is_no_journal(journalctl, make_gateway, monkeypatch):
    gateway = make_gateway(start=False)
    monkeypatch.setenv("JOURNALCTL_EXIT", "1")
    assert '"journalctl ended with 1"' in gateway.postern("--json", "log", exit=1)
    journalctl.unlink()
    monkeypatch.setenv("PATH", str(journalctl.parent))
    (error,) = gateway.json("log", exit=1)
    assert "cannot run journalctl" in error["error"]["message"] and "standard error" in error["error"]["context"][0]


# spool


def test_the_spool_is_verified_and_dumped_without_a_daemon_and_without_content(make_gateway):
    gateway = make_gateway()
    subject = token()
    ids = [gateway.submit(message(subject)) for _ in range(2)]
    gateway.postern("hold", ids[1], "--reason", "two words")
    assert gateway.json("spool", "verify", exit=75)[0]["error"]["code"] == "spool.in_use"
    gateway.stop()
    (report,) = gateway.json("spool", "verify")
    assert (report["type"], report["sound"], report["messages"], report["damages"]) == ("spool", True, 2, [])
    *records, _ = gateway.json("spool", "dump", gateway.directory / "queue")
    assert [(each["record"], each["messages"]) for each in records if each["record"] in ("accepted", "held")] == [
        ("accepted", ids[:1]), ("accepted", ids[1:]), ("held", ids[1:])]
    people = gateway.postern("spool", "dump")
    assert "reason='two words'" in people and "sound" in people and subject not in people
    # One octet of a message rots.
    segment = gateway.directory / "queue" / records[0]["segment"]
    octets = bytearray(segment.read_bytes())
    octets[octets.index(b"alice@example.org")] ^= 1
    segment.write_bytes(octets)
    (report,) = gateway.json("spool", "verify", exit=1)
    assert not report["sound"] and report["damages"][0]["segment"] == records[0]["segment"]
    assert "damaged in 1 place" in gateway.postern("spool", "verify", exit=1)
    gateway.postern("spool", "verify", gateway.directory / "absent", exit=66)


def test_tab_knows_directories(console):
    gateway, _, repl = console()
    repl.type(f"spool verify {gateway.directory}/que" + TAB + ENTER)
    assert f"cannot lock {gateway.directory}/queue" in repl.result()


# creds set


def test_a_changed_password_is_set_at_the_terminal_and_waiting_mail_leaves(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    upstream.password = "changed-secret-4"
    gateway.add_secret(upstream.username, upstream.password)
    subject = token()
    gateway.submit(message(subject))
    eventually(lambda: gateway.office()["state"] == "paused", what="a pause because of the login")
    before = gateway.credential_file.read_text()
    with Repl(gateway) as repl:
        assert "office:paused" in repl.prompt()
        repl.type("creds set office" + ENTER)
        repl.expect(r"Password for office@relay.test at office \(input hidden\): ")
        repl.type("wrong-secret-5" + ENTER)
        repl.expect("error: office refused the new secret")
        repl.await_prompt()
        assert gateway.credential_file.read_text() == before
        assert os.listdir(gateway.credential_file.parent) == [gateway.credential_file.name]
        repl.type("creds set office" + ENTER)
        repl.expect("hidden")
        repl.type(upstream.password + ENTER)
        shown = repl.result()
        assert "login at office: ok" in shown and f"kept in {gateway.credential_file}" in shown
        assert "in force now, without a restart" in shown and upstream.password not in shown
    upstream.await_mail(subject)
    assert gateway.credential_file.read_text() == upstream.password + "\n"
    assert stat.S_IMODE(gateway.credential_file.stat().st_mode) == 0o640
    gateway.add_secret(upstream.username, "wrong-secret-5")


def test_a_secret_set_without_a_daemon_is_kept_untested(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream, start=False)
    gateway.credential_file.unlink()
    change = json.loads(
        gateway.postern("--json", "creds", "set", "office", "--stdin", input=upstream.password + "\n"))
    assert (change["tested"], change["live"], change["stored"]) == (False, False, str(gateway.credential_file))
    gateway.start()
    subject = token()
    gateway.submit(message(subject))
    upstream.await_mail(subject)
    gateway.postern("creds", "set", "elsewhere", "--stdin", input="x\n", exit=66)
