# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""What is remembered of mail that the queue does not have any more."""
import json
import re

from gateway import eventually
from messages import message
from upstreams import ScriptedUpstream

LIMIT = 64 << 20
PART = 4 << 20


def files(gateway):
    return sorted((gateway.directory / "queue/history").glob("*"))


def lines(gateway):
    return [json.loads(line) for file in files(gateway) for line in file.read_text().splitlines()]


def sent(gateway, *terms):
    return gateway.json("queue", "state:sent", *terms)


def refuse_nobody(line, _):
    return "550 5.1.1 no such user" if b"nobody" in line else "250 2.1.5 recipient"


def test_finished_mail_is_found_by_state_address_and_beginning_of_the_id(make_gateway, open_upstream):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = refuse_nobody
    gateway = make_gateway(upstream, {"bounce": {"to": "sender"}})
    first = gateway.submit(message(), ["bob@example.org"])
    second = gateway.submit(message(), ["carol@example.org", "nobody@example.org"])
    gateway.await_empty_queue()
    eventually(lambda: len(lines(gateway)) >= 3, what="lines of three messages, one of them a notification")
    assert [row["id"] for row in sent(gateway, "to:bob@example.org")] == [first]
    assert {row["id"] for row in sent(gateway)} >= {first, second}
    (failed,) = gateway.json("queue", "state:failed")
    assert failed["id"] == second
    assert [each["state"] for each in failed["recipients"]] == ["sent", "failed"]
    assert sent(gateway, "to:nobody@example.org") == []
    assert gateway.json("queue") == []

    said = gateway.postern("show", first[:6])
    assert re.fullmatch(rf"{first} to bob@example\.org was sent \d+ s ago via office: 250 2\.0\.0 taken\n", said), said
    said = gateway.postern("show", second).splitlines()
    assert len(said) == 2 and " to nobody@example.org failed " in said[1] and said[1].endswith("550 5.1.1 no such user")
    (why,) = gateway.json("why", first)
    assert why["reasons"][0].startswith("to bob@example.org: was sent ")
    assert gateway.postern("queue", "--count", "state:sent", "to:bob@example.org") == "1\n"
    gateway.postern("show", "ZZZZZZZZZ", exit=66)
    gateway.postern("hold", "state:sent", "--yes", exit=64)
    modes = [path.stat().st_mode & 0o777 for path in (gateway.directory / "queue/history", *files(gateway))]
    assert modes == [0o700, 0o600]


def test_an_answer_that_did_not_come_is_remembered_as_a_possible_duplicate(make_gateway, open_upstream):
    upstream = open_upstream(ScriptedUpstream)
    cuts = iter([None])
    upstream.answers["."] = lambda line, conversation: next(cuts, "250 2.0.0 taken")
    gateway = make_gateway(upstream)
    id = gateway.submit(message())
    gateway.await_empty_queue()
    eventually(lambda: sent(gateway), what="the message in the history")
    assert "may have been delivered twice" in gateway.postern("show", id)


def test_history_outlives_kill_and_restart_and_a_torn_line(make_gateway, open_upstream):
    gateway = make_gateway(open_upstream(ScriptedUpstream))
    first = gateway.submit(message())
    eventually(lambda: sent(gateway), what="the message in the history")
    gateway.kill()
    (file,) = files(gateway)
    with file.open("ab") as history:
        history.write(b'{"v":1,"id":"7KQ2M9XF4","rec')
    gateway.start()
    assert [row["id"] for row in sent(gateway)] == [first]
    second = gateway.submit(message())
    eventually(lambda: len(sent(gateway)) == 2, what="two messages in the history")
    gateway.stop()
    gateway.start()
    assert [row["id"] for row in sent(gateway)] == [second, first]


def test_history_is_bounded_in_days_and_octets_and_can_be_none(make_gateway, open_upstream):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream, start=False)
    folder = gateway.directory / "queue/history"
    folder.mkdir(mode=0o700)
    (folder / "20200101").write_text("{}\n")
    days = [f"2099010{day}" for day in range(1, 10)]
    for name in [*days, *(f"{days[0]}.{part}" for part in range(1, 11))]:
        with (folder / name).open("wb") as file:
            file.truncate(PART)
    gateway.start()
    eventually(lambda: sum(file.stat().st_size for file in files(gateway)) <= LIMIT, what="no more than 64 MiB")
    assert not (folder / "20200101").exists() and (folder / days[-1]).exists() and not (folder / days[0]).exists()
    gateway.configure({"queue": {"history_keep": "0"}})
    gateway.postern("reload")
    eventually(lambda: not files(gateway), what="no history")
    gateway.submit(message())
    gateway.await_empty_queue()
    assert files(gateway) == [] and sent(gateway) == []


def test_mail_goes_on_where_history_cannot(make_gateway, open_upstream):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream, start=False)
    folder = gateway.directory / "queue/history"
    folder.write_text("in the way")
    gateway.start()
    gateway.submit(message())
    gateway.await_empty_queue()
    (event,) = gateway.await_events("history-lost")
    assert "cannot" in event["reason"]
    folder.unlink()
    id = gateway.submit(message())
    eventually(lambda: id in [row["id"] for row in sent(gateway)], what="history again")
    (event,) = gateway.await_events("history-resumed")
    # The line of the first may have been on its way still when the file went.
    assert event["lost"] in (0, 1)
