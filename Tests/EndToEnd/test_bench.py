# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""The benchmark counts right: what was handed in, what arrived, what was synced. Its figures are no test."""
import os
import subprocess
import sys

import pytest

from gateway import ROOT

sys.path.append(str(ROOT / "Benchmarks"))

from budgets import at_most, no_more_than, times_postfix  # noqa: E402
from instruments import PASSWORD, USER, Sink, Tools  # noqa: E402
from processes import make_syncs_file  # noqa: E402
from scenarios import Wrong, compare  # noqa: E402

MESSAGES = 300


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    return Tools(tmp_path_factory.mktemp("tools"))


@pytest.mark.parametrize("sink_options, load_options, turns", [
    ({}, {"sessions": 20}, 4),
    ({}, {"sessions": 3, "pipelining": True, "recipients": 5}, 2),
    ({"delay": 2}, {"sessions": 20, "chunking": True}, 1),
    ({}, {"sessions": 4, "chunking": True, "size": 300_000}, None),
    ({"tls": "starttls"}, {"sessions": 20, "per_session": 1}, None),
    ({"tls": "implicit", "delay": 2}, {"sessions": 5, "per_session": 7, "chunking": True}, 1)])
def test_each_message_is_counted_once_at_both_ends(tools, tmp_path, certificate, sink_options, load_options, turns):
    sink = Sink(tools, tmp_path, certificate, **sink_options).start()
    try:
        tls = sink_options.get("tls")
        load = tools.load(
            sink.port, messages=MESSAGES, ids=tmp_path / "given", tls=tls, login=f"{USER}:{PASSWORD}" if tls else None,
            **load_options)
        seen = sink.seen()
        compare(sink, tmp_path / "given")
    finally:
        sink.close()
    assert (load["accepted"], load["refused"], load["unknown"]) == (MESSAGES, 0, 0), load
    assert seen["messages"] == MESSAGES and seen["wrong_commands"] == 0, seen
    assert seen["in_chunks"] == (MESSAGES if "chunking" in load_options else 0)
    assert load["answer_ms"]["p50"] >= sink_options.get("delay", 0)
    if turns:
        assert seen["warm_turns"] == turns * seen["warm_messages"], seen
    if tls:
        assert seen["handshakes"] >= MESSAGES / load_options["per_session"]


def test_a_login_that_is_wrong_hands_in_nothing(tools, tmp_path, certificate):
    sink = Sink(tools, tmp_path, certificate, tls="starttls").start()
    try:
        load = tools.load(sink.port, messages=5, tls="starttls", login=f"{USER}:wrong-{PASSWORD}")
        assert load["accepted"] == sink.seen()["messages"] == 0
        assert load["first_error"].startswith("AUTH: 535")
    finally:
        sink.close()


@pytest.mark.parametrize("taken, complaint", [
    ("m-1\n", "1 messages did not arrive, 0 came twice, 0 are"),
    ("m-1\nm-2\nm-2\n", "0 messages did not arrive, 1 came twice, 0 are"),
    ("m-1\nm-2\nm-3\n", "0 messages did not arrive, 0 came twice, 1 are"),
    ("m-1\nm-2\n?\n", "0 messages did not arrive, 0 came twice, 1 are")])
def test_a_message_that_was_lost_doubled_or_made_up_is_told(tmp_path, taken, complaint):
    class Taken:
        ids = tmp_path / "taken"

        def seen(self):
            self.ids.write_text(taken)

    (tmp_path / "given").write_text("m-1\nm-2\n")
    with pytest.raises(Wrong, match=complaint):
        compare(Taken(), tmp_path / "given")


@pytest.mark.parametrize("variables", [{}, {"BENCH_NO_SYNC": "1"}])
def test_syncs_of_a_process_and_of_its_children_are_counted(tools, tmp_path, variables):
    syncs = make_syncs_file(tmp_path / "syncs")
    program = "import os, sys; file = open(sys.argv[1], 'w'); os.fsync(file); os.fdatasync(file)"
    environment = {**os.environ, "LD_PRELOAD": str(tools.syncs), "BENCH_SYNCS": str(syncs), **variables}
    # The shell is the process, what it starts are the children.
    command = f'"{sys.executable}" -c "{program}" file; "{sys.executable}" -c "{program}" file'
    subprocess.run(["sh", "-c", command], env=environment, check=True, cwd=tmp_path)
    assert int.from_bytes(syncs.read_bytes(), sys.byteorder) == 4


def test_a_budget_is_met_missed_or_cannot_be_judged():
    fast, slow = {"rate": 100.0, "cpu_us": 50}, {"rate": 10.0, "cpu_us": 60}
    medians = {"postern": fast, "Postfix": slow}
    everything = {"small": {"postern": {"cpu_us": 39}}}
    assert times_postfix(10).is_met(medians, everything) is True
    assert times_postfix(11).is_met(medians, everything) is False
    assert times_postfix(5).is_met({"postern": fast}, everything) is None
    assert at_most("cpu_us", 50, "CPU").is_met(medians, everything) is True
    assert at_most("cpu_us", 49, "CPU").is_met(medians, everything) is False
    assert no_more_than("small", "cpu_us", "CPU").is_met(medians, everything) is False
    assert no_more_than("other", "cpu_us", "CPU").is_met(medians, everything) is None
