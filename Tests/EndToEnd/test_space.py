# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""A queue without room refuses mail before it is sent, keeps what it has, and drains by itself."""
import smtplib

import pytest

from gateway import eventually
from messages import message, token
from spools import TemporaryFileSystem
from upstreams import NoUpstream, ScriptedUpstream


@pytest.fixture
def place(tmp_path):
    """Mounts a tmpfs where the gateway's queue will be, or elsewhere: place(options)."""
    mounted = []

    def mount(options):
        mounted.append(TemporaryFileSystem(tmp_path / f"small{len(mounted)}", options))
        return mounted[-1]

    yield mount
    for each in mounted:
        each.close()


def refusal(gateway, **options):
    """The code and text with which a message is refused, and at which command."""
    with gateway.client() as session:
        for command, answer in [
                ("MAIL", lambda: session.mail("alice@example.org", options.get("options", ()))),
                ("RCPT", lambda: session.rcpt("bob@example.net"))]:
            code, text = answer()
            if code >= 400:
                return command, code, text.decode()
        code, text = session.docmd("DATA")
        session.close()
        return ("DATA" if code >= 400 else None), code, text.decode()


def test_below_the_floor_mail_is_refused_at_mail_and_taken_again_when_there_is_room(
        place, open_upstream, make_gateway):
    small = place("size=64m")
    upstream = open_upstream(ScriptedUpstream, "none", login=False)
    gateway = make_gateway(upstream, {"queue": {"directory": small.path / "queue"}})
    assert gateway.status()["spool"]["min_free_bytes"] == 16 << 20
    gateway.submit(message())
    # What does not fit by its declared size is refused, and nothing else is.
    assert refusal(gateway, options=("SIZE=52000000",))[:2] == ("MAIL", 452)
    assert refusal(gateway)[1] == 354
    small.fill(leaving=8 << 20)
    (event,) = gateway.await_events("spool-low")
    assert "queue.min_free" in event["message"] and event["free_bytes"] < 16 << 20
    assert refusal(gateway) == ("MAIL", 452, "4.3.1 Gateway disk full, try later (admin was told)")
    status = gateway.status()
    assert status["health"] == "degraded" and status["spool"]["state"] == "low"
    assert "452" in gateway.postern("status", exit=1)
    eventually(lambda: "spool low" in (gateway.manager.next(1) or ""), what="the status line")
    small.clear()
    gateway.await_events("spool-recovered")
    gateway.submit(message())
    gateway.await_empty_queue()
    assert len(gateway.events("spool-low")) == 1


def test_a_disk_that_another_program_filled_drains_also_after_a_restart(place, open_upstream, make_gateway):
    small = place("size=32m")
    upstream = open_upstream(ScriptedUpstream, "none", login=False)
    upstream.close()
    gateway = make_gateway(upstream, {"queue": {"directory": small.path / "queue", "retry": ["1s"]}})
    subjects = [token() for _ in range(20)]
    for subject in subjects:
        gateway.submit(message(subject, b"x" * 70 + b"\r\n" * 2000))
    eventually(lambda: (small.path / "queue/reserve").exists(), what="the reserve")
    small.fill()
    eventually(lambda: refusal(gateway)[1] == 452, what="refusals")
    gateway.kill()
    small.fill()
    gateway.start()
    assert len(gateway.queue()) == len(subjects)
    assert refusal(gateway)[:2] == ("MAIL", 452)
    full = sorted((small.path / "queue").glob("*.wal"))
    upstream.open()
    gateway.postern("flush", "--all")
    gateway.await_empty_queue(60)
    # What became of it is durable, so its segments go, and nothing is sent again.
    eventually(lambda: not any(segment.exists() for segment in full), what="segments removed")
    gateway.kill()
    gateway.start()
    assert gateway.queue() == []
    assert sorted(subjects) == sorted(
        subject for subject in subjects for _ in upstream.mails_about(subject))
    small.clear()
    eventually(lambda: refusal(gateway)[1] == 354, what="mail taken again")


def test_a_disk_that_fills_while_content_arrives_refuses_it_whole(place, open_upstream, make_gateway):
    """The floor is looked at once a second: what arrives in between hears of it at its dot."""
    small = place("size=24m")
    gateway = make_gateway(
        open_upstream(NoUpstream), {"queue": {"directory": small.path / "queue", "min_free": "0K"}})
    body = b"y" * 76 + b"\r\n"
    taken = []
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        for _ in range(20):
            taken.append(gateway.submit(message(body=body * 30_000)))
    assert refused.value.smtp_code == 452 and refused.value.smtp_error.startswith(b"4.3.1")
    assert taken and {each["id"] for each in gateway.queue()} == set(taken)
    gateway.kill()
    gateway.start()
    assert {each["id"] for each in gateway.queue()} == set(taken)
    assert not gateway.events("spool-corrupt")


def test_without_inodes_mail_is_refused_and_none_is_lost(place, open_upstream, make_gateway):
    small = place("size=64m,nr_inodes=64")
    upstream = open_upstream(ScriptedUpstream, "none", login=False)
    gateway = make_gateway(upstream, {"queue": {"directory": small.path / "queue"}})
    gateway.submit(message())
    gateway.await_empty_queue()
    small.fill_inodes(leaving=3)
    (event,) = gateway.await_events("spool-low")
    assert "files can be made" in event["message"]
    assert refusal(gateway)[:2] == ("MAIL", 452)
    small.clear()
    gateway.await_events("spool-recovered")
    gateway.submit(message())
    gateway.await_empty_queue()


def test_no_more_messages_wait_than_the_admin_allows(open_upstream, make_gateway):
    gateway = make_gateway(open_upstream(NoUpstream), {"queue": {"max_messages": 5}})
    for _ in range(5):
        gateway.submit(message())
    assert refusal(gateway) == ("MAIL", 452, "4.3.1 Gateway queue full, try later (admin was told)")
    assert "queue.max_messages is 5" in gateway.await_events("spool-low")[0]["message"]
    gateway.postern("bounce", "--all", "--no-dsn", "--yes")
    gateway.await_events("spool-recovered")
    gateway.submit(message())


def test_a_queue_in_memory_is_warned_of(place, open_upstream, make_gateway):
    small = place("size=64m")
    gateway = make_gateway(open_upstream(NoUpstream), {"queue": {"directory": small.path / "queue"}})
    (event,) = gateway.events("spool-doubtful")
    assert "tmpfs" in event["message"] and event["file"] == str(small.path / "queue")
