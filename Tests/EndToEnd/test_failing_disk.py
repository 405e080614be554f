# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""A disk that refuses to sync: nothing is promised that may be lost, nothing refused that is delivered later."""
import os
import smtplib

import pytest

from gateway import eventually, posternd, submit
from messages import message, token
from spools import FaultyDisk
from upstreams import ScriptedUpstream


@pytest.fixture
def failing(tmp_path, open_upstream, make_gateway):
    """A gateway whose upstream is closed, and the disk under it."""
    upstream = open_upstream(ScriptedUpstream, "none", login=False)
    upstream.close()
    gateway = make_gateway(upstream, start=False)
    disk = FaultyDisk(tmp_path)
    gateway.start(environment=disk.environment)
    return gateway, disk, upstream


@pytest.mark.parametrize("body", [b"short\r\n", b"z" * 70 + b"\r\n" * 100_000], ids=["one-record", "in-chunks"])
def test_a_sync_that_fails_once_is_answered_451_and_the_log_goes_on_elsewhere(failing, body):
    gateway, disk, upstream = failing
    kept = gateway.submit(message())
    # Half of the syncs that fail have written everything: what is refused then lies on the disk, and must not count.
    subjects = [token() for _ in range(6)]
    for count, subject in enumerate(subjects, 1):
        with gateway.client() as session, pytest.raises(smtplib.SMTPResponseException) as refused:
            disk.fail("sync 1000 5 0")
            submit(session, message(subject, body))
        assert refused.value.smtp_code == 451, refused.value
        eventually(lambda: sum(event.get("segments", 0) for event in gateway.events("spool-sync-failed")) == count)
    events = [event for event in gateway.events("spool-sync-failed") if "file" in event]
    assert all(event["file"].endswith(".wal") and "Input/output error" in event["reason"] for event in events)
    later = gateway.submit(message())
    assert {each["id"] for each in gateway.queue()} == {kept, later}
    gateway.kill()
    gateway.start()
    assert {each["id"] for each in gateway.queue()} == {kept, later}
    upstream.open()
    gateway.postern("flush", "--all")
    gateway.await_empty_queue()
    assert not [subject for subject in subjects if upstream.mails_about(subject)]


def test_after_three_fresh_failures_connections_close_without_a_reply_and_delivery_goes_on(failing):
    gateway, disk, upstream = failing
    waiting = token()
    gateway.submit(message(waiting))
    disk.fail("sync 1000 5", "write 1000 5")
    doubtful = token()
    with gateway.client() as session:
        session.mail("alice@example.org")
        session.rcpt("bob@example.net")
        with pytest.raises(smtplib.SMTPServerDisconnected):
            session.data(message(doubtful))
    gateway.await_events("spool-sync-failed")
    eventually(lambda: "failing" in gateway.status()["spool"]["state"], what="status failing")
    with gateway.client() as session:
        assert session.mail("alice@example.org")[0] == 451
    upstream.open()
    gateway.postern("flush", "--all")
    upstream.await_mail(waiting)
    assert [event for event in gateway.events("spool-sync-failed") if "nothing can be made durable" in event["message"]]
    disk.work()
    (event,) = gateway.await_events("spool-recovered")
    assert "works again" in event["message"]
    later = token()
    gateway.submit(message(later))
    upstream.await_mail(later)
    gateway.await_empty_queue()
    # What was in doubt was not answered; it is void, because the disk came back before the end of the process.
    assert not upstream.mails_about(doubtful)
    gateway.kill()
    gateway.start()
    assert gateway.queue() == [] and len(upstream.mails_about(waiting)) == 1


def test_a_start_that_the_disk_does_not_let_through_is_one_to_try_again(failing):
    gateway, disk, _ = failing
    kept = gateway.submit(message())
    gateway.kill()
    disk.fail("sync 1000 5 1000000")
    done = posternd("--config", gateway.config_file, env={**os.environ, **disk.environment})
    # Not 78, with which systemd would let it lie.
    assert done.returncode == 75, done.stderr
    assert "Input/output error" in done.stderr
    disk.work()
    gateway.start()
    assert {each["id"] for each in gateway.queue()} == {kept}
