#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""The same work for postern and for Postfix, on loopback, and one table of what it cost.

The relays of a scenario take turns, A B B A, each run with a fresh process and directory, so that a machine that slows
down meanwhile slows all of them. Compare within one table only: ratios and CPU time say more than messages a second,
because clients, relay and upstream share the processors. Messages are counted at both ends in every run.

Columns: messages/s that were accepted, or that have arrived where they are relayed; p50 and p99 from the last octet of
a message to its 250; CPU, syncs and memory (PSS, when the mail was in) of all processes of the server; "to Postfix" is
above one where the row is better than Postfix. Medians of all rounds, lowest and highest beside them.
"""
import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent

import instruments  # noqa: E402

from certificates import make_certificate  # noqa: E402
from gateway import BINARIES  # noqa: E402
from mailservers import unusable  # noqa: E402
from plan import plan  # noqa: E402
from processes import has_groups  # noqa: E402
from relays import POSTFIX, TUNED, Postern, PostfixRelay  # noqa: E402
from report import table  # noqa: E402

RUN_SECONDS_MAX = 420


class Bench:
    """What all runs share: how long they last, where they lie, tools, certificate, spools filled before."""

    def __init__(self, directory, is_quick):
        self.directory = directory
        self.tools = instruments.Tools(directory)
        self.certificate = make_certificate(directory, "localhost", "DNS:localhost,IP:127.0.0.1")
        self.seconds = 1 if is_quick else 4
        self.far_seconds = 2 if is_quick else 8
        self.idle_seconds = 3 if is_quick else 20
        self.hold_seconds = 10 if is_quick else 30
        self.outage_messages = 1_000 if is_quick else 20_000
        self.physical = self.tools.phys(self.certificate, 0.3 if is_quick else 2)
        self.spools = {}

    def spool(self, messages):
        """A directory with so many queued messages (1 KiB, one recipient, deferred once)."""
        if messages not in self.spools:
            self.spools[messages] = self.directory / f"spool-{messages}"
            self.spools[messages].mkdir()
            subprocess.run(
                [BINARIES / "queue-bench", "fill", self.spools[messages], str(messages)], check=True,
                timeout=RUN_SECONDS_MAX)
        return self.spools[messages]

    def open_queue(self, spool, routes):
        line = subprocess.run(
            [BINARIES / "queue-bench", "open", spool, str(routes)], check=True, capture_output=True, text=True,
            timeout=RUN_SECONDS_MAX).stdout
        return map(int, line.split())


def main():
    options = read_options()
    scenarios = [scenario for scenario in plan(options.quick) if options.only in scenario.name]
    if options.list:
        for scenario in scenarios:
            print(f"{scenario.name}: {', '.join(kind.name for kind in scenario.kinds)}")
        return 0
    if reason := unusable():
        print(f"without Postfix: {reason}", file=sys.stderr)
    options.directory.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGALRM, on_alarm)
    began = time.monotonic()
    results, failures = {}, {}
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        bench = Bench(Path(name), options.quick)
        for scenario in scenarios:
            play(bench, scenario, options, results, failures)
        print(header(bench, options, time.monotonic() - began))
        print(table(scenarios, results, failures, bench.physical))
    return 1 if failures else 0


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each relay in each scenario")
    parser.add_argument("--quick", action="store_true", help="one round, short and small: a look, no measurement")
    parser.add_argument("--only", default="", help="scenarios with this in their name")
    parser.add_argument("--list", action="store_true", help="names of scenarios and relays")
    parser.add_argument("--runs", type=Path, help="append each run to this file, as a line of JSON")
    # Not /tmp, which may be memory: the disk under the build folder is the one that counts.
    parser.add_argument("--directory", type=Path, default=HERE.parent / ".build/bench", help="2 GB may lie there")
    options = parser.parse_args()
    options.rounds = 1 if options.quick else options.rounds
    return options


def play(bench, scenario, options, results, failures):
    """All rounds of a scenario. A relay that failed once is not asked again."""
    kinds = [kind for kind in scenario.kinds if not (kind in (POSTFIX, TUNED) and unusable())]
    runs = results[scenario.name] = {kind.name: [] for kind in kinds}
    for number in range(options.rounds):
        for kind in kinds if number % 2 == 0 else reversed(kinds):
            if (scenario.name, kind.name) in failures:
                continue
            print(f"{time.strftime('%H:%M:%S')} {scenario.name}: {kind.name}", file=sys.stderr, flush=True)
            try:
                figures = run(bench, scenario, kind)
            except Exception as error:
                failures[scenario.name, kind.name] = " ".join(f"{type(error).__name__}: {error}".split())[:300]
                print(f"         {failures[scenario.name, kind.name]}", file=sys.stderr)
                continue
            runs[kind.name].append(figures)
            if options.runs:
                with options.runs.open("a") as file:
                    about = {"scenario": scenario.name, "server": kind.name, "load": os.getloadavg()[0]}
                    file.write(json.dumps({**about, **figures}) + "\n")


def run(bench, scenario, kind):
    """One run, in a directory of its own, in bounded time."""
    settings = {name: value[kind] if isinstance(value, dict) else value for name, value in scenario.options.items()}
    with tempfile.TemporaryDirectory(dir=bench.directory) as name:
        signal.alarm(RUN_SECONDS_MAX)
        try:
            return scenario.measure(bench, kind, Path(name), **settings)
        finally:
            signal.alarm(0)


def on_alarm(*_):
    raise TimeoutError(f"not done within {RUN_SECONDS_MAX} s")


def header(bench, options, seconds):
    """Where and when this was measured, and what the machine can do by itself."""
    physical = bench.physical
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    disk = output("findmnt", "--noheadings", "--output=SOURCE,FSTYPE", "--target", str(bench.directory))
    commit = output("git", "-C", str(HERE), "describe", "--always", "--dirty")
    clock = "control groups" if has_groups() else "ticks of the kernel"
    return f"""
machine   {os.cpu_count()} processors, {model}, Linux {platform.release()}, {' '.join(disk.split())}
versions  {Postern.version()} (commit {commit}), {PostfixRelay.version()}, {output('openssl', 'version')}
measured  {time.strftime('%F %H:%M UTC', time.gmtime())}, {options.rounds} rounds in {seconds / 60:.0f} minutes, load \
{os.getloadavg()[0]:.1f} at the end; messages of 1 KiB unless said; CPU from {clock}
disk      1 KiB and fdatasync: {physical['append']:,.0f}/s appended, {physical['overwrite']:,.0f}/s overwritten; \
64 KiB: {physical['append_64']:,.0f}/s and {physical['overwrite_64']:,.0f}/s; \
1 MiB: {physical['append_1m']:,.0f}/s and {physical['overwrite_1m']:,.0f}/s
loopback  {physical['turns']:,.0f} turns/s over one connection, {physical['turn_us']:.1f} us CPU each; a TLS handshake \
{physical['handshake_us']:,.0f} us CPU
"""


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
