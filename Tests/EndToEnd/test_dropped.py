# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Mail that an admin takes out of the queue: it is out of sight, comes back as it was, or is gone for good."""
import json

import pytest

from control import Control
from gateway import eventually
from messages import message, token
from upstreams import ScriptedUpstream


def ids(gateway, *selector):
    return [each["id"] for each in gateway.json("queue", *selector)]


def drop(gateway, *words):
    (change,) = gateway.json("drop", *words, "--yes")
    return change


def restart(gateway, how):
    how()
    gateway.start()


def test_dropped_mail_comes_back_as_it_was_and_leaves_once(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    gateway.postern("pause", "out")
    spam = [gateway.submit(message(), sender="news@spam.example") for _ in range(12)]
    wanted = token()
    gateway.submit(message(wanted), sender="alice@example.org")
    gateway.postern("hold", spam[0])

    printed = gateway.postern("drop", "from:@spam.example", "--dry-run")
    assert "Will move 12 messages" in printed and "out of the queue, kept 1 d:" in printed
    assert "nothing was changed" in printed
    assert len(ids(gateway)) == 13
    gateway.postern("drop", "from:@spam.example", exit=64)

    change = drop(gateway, "from:@spam.example", "--reason", "spam")
    assert (change["matched"], change["done"], change["undo"]) == (12, 12, "undrop batch:1")
    assert (change["kept_s"], len(ids(gateway))) == (86400, 1)
    assert sorted(ids(gateway, "state:dropped")) == sorted(spam)
    assert (gateway.status()["queue"]["total"], gateway.status()["queue"]["dropped"]) == (1, 12)
    shown = gateway.message(spam[3])
    assert (shown["state"], shown["drop"]["batch"]) == ("dropped", 1)
    assert "postern undrop batch:1" in gateway.postern("why", spam[3])
    assert "postern undrop batch:1" in gateway.postern("show", spam[3])
    control = Control(gateway.directory / "control/operate.sock")
    offered, _ = control.ask("complete", line="undrop ")
    assert [(each["text"], each["summary"]) for each in offered] == [("batch:1", "12 messages")]
    control.close()

    gateway.postern("resume", "out")
    gateway.await_empty_queue()
    upstream.await_mail(wanted)
    restart(gateway, gateway.kill)
    assert gateway.postern("flush", "--all") and len(ids(gateway, "state:dropped")) == 12
    assert len(upstream.mails) == 1

    printed = gateway.postern("undrop", "batch:1")
    assert printed == "12 messages put back\n"
    gateway.postern("undrop", "batch:1", exit=66)
    eventually(lambda: ids(gateway) == [spam[0]], what="all but the one on hold left")
    assert gateway.message(spam[0])["state"] == "held"
    gateway.postern("release", spam[0])
    gateway.await_empty_queue()
    assert len(upstream.mails) == 13
    lines = [event["message"] for event in gateway.events("admin-action")]
    assert any("drop from:@spam.example --reason 'spam': done: batch 1: 12 matched, 12 changed" in line for line in lines)


def test_what_is_erased_or_kept_too_long_is_gone_for_good(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream, {"queue": {"dropped_keep": "3s"}})
    gateway.postern("pause", "out")
    erased, short, kept = [gateway.submit(message()) for _ in range(3)]
    control = Control(gateway.directory / "control/operate.sock")
    _, end = control.ask("drop", select=erased, now=True)
    assert end["code"] == "daemon.level"
    control.close()
    assert gateway.postern("drop", erased, "--now", "--yes") == "1 message erased\n"
    assert (ids(gateway), gateway.status()["queue"]["dropped"]) == ([short, kept], 0)
    assert drop(gateway, short)["kept_s"] == 3
    restart(gateway, gateway.kill)
    assert (ids(gateway), gateway.status()["queue"]["dropped"]) == ([kept], 1)
    eventually(lambda: gateway.status()["queue"]["dropped"] == 0, what="the end of its time")
    gateway.postern("undrop", "batch:1", exit=66)
    restart(gateway, gateway.kill)
    # The history remembers both; the queue does not.
    assert (ids(gateway), gateway.status()["queue"]["dropped"]) == ([kept], 0)
    gateway.postern("resume", "out")
    gateway.await_empty_queue()
    assert len(upstream.mails) == 1


def count(queue, start, sent):
    """What the upstream `office` is said to have taken from `start` on."""
    part = {"start": start, "count": sent}
    (queue / "quotas").write_text(json.dumps({"v": 1, "upstreams": {"office": {"unit": "messages", "parts": [part]}}}))


def counted(queue):
    parts = json.loads((queue / "quotas").read_text())["upstreams"]["office"]["parts"]
    return {part["start"]: part["count"] for part in parts}


def transfer(gateway, *words, exit=0):
    (reply,) = gateway.json("spool", *words, exit=exit)
    return reply


def test_a_damaged_queue_is_repaired_into_a_new_one(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    gateway.postern("pause", "out")
    mail = {gateway.submit(message(word)): word for word in [token() for _ in range(4)]}
    held, dropped, damaged, _ = mail
    gateway.postern("hold", held, "--reason", "typo")
    gateway.postern("drop", dropped, "--yes")
    old, new = gateway.directory / "queue", gateway.directory / "queue.new"
    gateway.postern("spool", "repair", old, new, exit=75)
    gateway.kill()
    count(old, "2026-01-01T00:00:00Z", 7)

    (segment,) = old.glob("*.wal")
    octets = bytearray(segment.read_bytes())
    octets[octets.index(mail[damaged].encode())] ^= 1
    segment.write_bytes(octets)
    before = {path.name: path.read_bytes() for path in old.iterdir() if path.suffix == ".wal"}
    reply = transfer(gateway, "repair", old, new, exit=1)
    assert (reply["messages"], reply["lost"] + reply["doubtful"]) == (3, [damaged])
    assert before == {path.name: path.read_bytes() for path in old.iterdir() if path.suffix == ".wal"}
    assert "not empty" in gateway.postern("--json", "spool", "repair", old, new, exit=64)
    gateway.postern("spool", "repair", gateway.directory / "nowhere", gateway.directory / "other", exit=66)

    # What was paused is paused in the new queue, too: nothing leaves before somebody has looked at it.
    assert (new / "pauses").read_bytes() == (old / "pauses").read_bytes()
    assert counted(new) == {"2026-01-01T00:00:00Z": 7} and "quotas" not in reply
    gateway.configure({"queue": {"directory": new}})
    gateway.start()
    assert gateway.message(held)["hold"]["reason"] == "typo"
    assert gateway.message(dropped)["drop"]["batch"] == 1
    gateway.postern("undrop", "batch:1")
    gateway.postern("release", held)
    assert not upstream.mails
    gateway.postern("resume", "out")
    for id, word in mail.items():
        if id != damaged:
            upstream.await_mail(word)
    gateway.await_empty_queue()


def test_repair_reads_no_file_that_the_queue_only_points_to(open_upstream, make_gateway):
    gateway = make_gateway(open_upstream(ScriptedUpstream))
    gateway.postern("pause", "out")
    gateway.submit(message())
    gateway.kill()
    old, new, foreign = (gateway.directory / name for name in ("queue", "queue.new", "foreign"))
    # Root repairs what belongs to the daemon's user, who could have any file handed out this way.
    (old / "pauses").rename(foreign)
    (old / "pauses").symlink_to(foreign)
    reply = gateway.postern("--json", "spool", "repair", old, new, exit=65)
    assert "spool.pauses" in reply
    assert not new.exists(), "something was made"


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_repaired_queue_says_of_the_last_daemon_what_the_old_one_said(end, open_upstream, make_gateway):
    gateway = make_gateway(open_upstream(ScriptedUpstream))
    gateway.postern("pause", "out")
    gateway.submit(message())
    getattr(gateway, end)()
    old, new = gateway.directory / "queue", gateway.directory / "queue.new"
    transfer(gateway, "repair", old, new)
    gateway.configure({"queue": {"directory": new}})
    gateway.start()
    recovered = gateway.events("recovered")[-1]
    assert recovered["waiting"] == 1
    assert ("may arrive twice" in recovered["message"]) == (end == "kill")


def test_the_mail_of_another_machine_is_adopted_once(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    theirs, ours = make_gateway(upstream), make_gateway(upstream)
    for gateway in (theirs, ours):
        gateway.postern("pause", "out")
    words = [token() for _ in range(3)]
    first = [theirs.submit(message(word)) for word in words]
    theirs.kill()
    queue = theirs.directory / "queue"
    ours.postern("spool", "adopt", queue, exit=75)
    own = token()
    ours.submit(message(own))
    ours.stop()
    count(queue, "2026-01-01T00:00:00Z", 7)
    count(ours.directory / "queue", "2026-01-02T00:00:00Z", 3)
    both = {"2026-01-01T00:00:00Z": 7, "2026-01-02T00:00:00Z": 3}

    reply = transfer(ours, "adopt", queue)
    assert (reply["messages"], reply["earlier"], reply["lost"]) == (3, 0, [])
    assert counted(ours.directory / "queue") == both
    renamed = {each["old"]: each["new"] for each in reply["renamed"]}
    ours.start()
    assert {renamed.get(id, id) for id in first} < set(ids(ours)) and len(ids(ours)) == 4
    ours.postern("resume", "out")
    for word in [*words, own]:
        upstream.await_mail(word)
    ours.await_empty_queue()
    ours.stop()
    (queue / "quotas").write_text("not what posternd wrote")
    reply = transfer(ours, "adopt", queue)
    assert "not what posternd wrote" in reply["quotas"]
    count(queue, "2026-01-01T00:00:00Z", 7)
    reply = transfer(ours, "adopt", queue)
    assert counted(ours.directory / "queue") == both
    assert (reply["messages"], reply["earlier"]) == (0, 3)
    ours.start()
    assert ids(ours) == []
