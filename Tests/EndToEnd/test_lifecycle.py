# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""How the daemon starts, reloads and ends, as a service manager sees it."""
import os
import re
import signal
import smtplib
import time
from contextlib import suppress

import pytest

from gateway import MUST_LOG_IN, ROOT, USER, eventually, posternd, submit
from messages import message, token
from upstreams import ScriptedUpstream


def test_both_programs_say_the_same_version(make_gateway):
    gateway = make_gateway(start=False)
    daemon = posternd("--version")
    assert daemon.returncode == 0
    (version,) = re.findall(r"\d+\.\d+\S*", daemon.stdout)
    assert version in gateway.postern("--version")


def test_check_accepts_a_good_configuration_and_starts_nothing(make_gateway):
    gateway = make_gateway(start=False)
    assert posternd("--config", gateway.config_file, "--check").returncode == 0
    assert list((gateway.directory / "queue").iterdir()) == []


@pytest.mark.parametrize("old, new, wanted", [
    ('hostname = ', 'hostnme = ', ["hostname"]),
    ('"starttls"', '"startls"', ["starttls"]),
    ('["1s"]', '["1 fortnight"]', ["retry"]),
    ('port = ', 'port = 99', ["65535"]),
    ('[queue]', '[queue]\npassword = "x"', ["password"]),
])
def test_check_and_start_refuse_a_bad_configuration_with_its_place(old, new, wanted, open_upstream, make_gateway):
    gateway = make_gateway(open_upstream(ScriptedUpstream), start=False)
    good = gateway.config_file.read_text()
    assert old in good
    gateway.config_file.write_text(good.replace(old, new, 1))
    for arguments in (["--check"], []):
        done = posternd("--config", gateway.config_file, *arguments)
        output = done.stdout + done.stderr
        assert done.returncode == 78, output
        assert re.search(rf"{re.escape(str(gateway.config_file))}:\d+:\d+: ", output), output
        assert all(word in output for word in wanted), output


def test_check_accepts_the_example_where_its_files_exist(certificate, make_gateway):
    gateway = make_gateway(start=False)
    example = (ROOT / "etc/postern.toml").read_text().replace('# hostname = "auto"', 'hostname = "gate.test"')
    example = example.replace("/etc/postern/fullchain.pem", str(certificate.chain))
    example = example.replace("/etc/postern/privkey.pem", str(certificate.key))
    example = example.replace("# users_file = \"/etc/postern", f'users_file = "{gateway.directory}')
    gateway.config_file.write_text(example)
    (gateway.directory / "credentials/relay.password").write_text("anything\n")
    environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(gateway.directory / "credentials")}
    done = posternd("--config", gateway.config_file, "--check", env=environment)
    assert done.returncode == 0, done.stderr


def test_check_refuses_a_key_that_does_not_fit_its_certificate(foreign_certificate, make_gateway):
    gateway = make_gateway(start=False)
    gateway.configure({"tls": {"key": foreign_certificate.key}})
    assert posternd("--config", gateway.config_file, "--check").returncode == 78


def test_a_missing_configuration_ends_with_78(tmp_path):
    done = posternd("--config", tmp_path / "absent.toml")
    assert done.returncode == 78
    assert "absent.toml" in done.stderr


def test_ready_means_listening(make_gateway):
    gateway = make_gateway()
    for mode, source in (("plain", "127.0.0.2"), ("starttls", MUST_LOG_IN), ("implicit", MUST_LOG_IN)):
        with gateway.client(mode, source) as session:
            assert session.noop()[0] == 250


def test_sighup_reloads_and_tells_the_service_manager(make_gateway):
    gateway = make_gateway()
    gateway.configure({"message": {"max_size": "1M"}})
    gateway.process.send_signal(signal.SIGHUP)
    told = gateway.await_notification("READY=1")
    assert "RELOADING=1" in told and any(re.fullmatch(r"MONOTONIC_USEC=\d+", line) for line in told)
    with gateway.client() as session:
        assert session.esmtp_features["size"] == str(1 << 20)


def test_sighup_with_a_broken_file_changes_nothing(make_gateway):
    gateway = make_gateway()
    gateway.config_file.write_text("[upstream.office\n")
    gateway.process.send_signal(signal.SIGHUP)
    eventually(lambda: f"{gateway.config_file}:1:" in gateway.log(), what="the error in the log")
    assert gateway.submit(message())


def test_a_session_goes_on_across_a_reload(make_gateway):
    gateway = make_gateway()
    with gateway.client("starttls", MUST_LOG_IN, USER) as session:
        submit(session, message())
        gateway.postern("reload")
        submit(session, message())


def test_sigterm_ends_idle_sessions_with_421_and_the_daemon_with_0(make_gateway):
    gateway = make_gateway()
    with gateway.client() as session:
        started = time.monotonic()
        gateway.process.terminate()
        assert session.getreply()[0] == 421
        gateway.await_end()
        assert time.monotonic() - started < 11
    assert "STOPPING=1" in gateway.await_notification("STOPPING=1")


def test_sigterm_lets_a_message_under_way_finish(make_gateway):
    gateway = make_gateway()
    with gateway.client() as session:
        session.mail("alice@example.org")
        session.rcpt("bob@example.net")
        session.putcmd("DATA")
        assert session.getreply()[0] == 354
        session.send(message() + b"one line\r\n")
        gateway.process.terminate()
        gateway.await_notification("STOPPING=1")
        for _ in range(4):
            session.send(b"another line\r\n")
            time.sleep(0.5)
        session.send(b"the last line\r\n.\r\n")
        code, reply = session.getreply()
        assert code == 250, reply
        assert session.getreply()[0] == 421
    gateway.await_end()
    gateway.start()
    assert [waiting["id"].encode() for waiting in gateway.queue()] == re.findall(rb"queued as (\w+)", reply)


def test_sigterm_does_not_wait_for_a_client_that_hangs(make_gateway):
    gateway = make_gateway()
    with suppress(smtplib.SMTPException), gateway.client() as session:
        session.mail("alice@example.org")
        session.rcpt("bob@example.net")
        session.docmd("DATA")
        session.send(b"Subject: never finished\r\n")
        started = time.monotonic()
        gateway.stop()
        assert time.monotonic() - started < 5
    gateway.start()
    assert gateway.queue() == []


def test_sigterm_during_delivery_repeats_or_finishes_but_never_loses(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    subjects = [token() for _ in range(30)]
    with gateway.client() as session:
        for subject in subjects:
            submit(session, message(subject))
    gateway.stop()
    gateway.start()
    gateway.await_empty_queue()
    assert all(len(upstream.mails_about(subject)) == 1 for subject in subjects)


def test_a_second_daemon_on_the_same_spool_is_refused_and_the_first_goes_on(make_gateway):
    first = make_gateway()
    second = make_gateway(start=False)
    second.configure({"queue": {"directory": first.directory / "queue"}})
    done = posternd("--config", second.config_file)
    assert done.returncode == 75, done.stderr
    assert str(first.process.pid) in done.stderr
    assert first.submit(message())


def test_a_port_that_is_taken_is_named(make_gateway):
    first = make_gateway()
    second = make_gateway(start=False)
    second.configure({"listen.submission": {"port": first.port}})
    done = posternd("--config", second.config_file)
    assert done.returncode not in (0, -6, -4), done.stderr
    assert str(first.port) in done.stderr


def test_one_line_for_each_step_of_a_message_with_its_id(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream, {"log": {"level": "info"}})
    subject = token()
    id = gateway.submit(message(subject))
    upstream.await_mail(subject)
    gateway.await_empty_queue()
    lines = [line for line in gateway.log().splitlines() if id in line]
    assert 2 <= len(lines) <= 6, lines
    assert any("bob@example.net" in line and "sent" in line for line in lines), lines
