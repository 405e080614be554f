#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""CPU that the history costs per relayed message.

smtp-source hands in messages, smtp-sink takes them, and the queue drains to its end. The two variants, with and without
history, are interleaved A B B A. The difference of the two is smaller than what two equal runs differ by on most
machines, so the time of the history's own thread stands beside it: that is its cost less what the log's writer does to
tell it. Only ratios compare between machines.
"""
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Tests/EndToEnd"))

from accept import MESSAGE_OCTETS, hand_in, read_options  # noqa: E402
from certificates import make_certificate  # noqa: E402
from gateway import NEEDS_NOTHING, TOOLS, Gateway, eventually, free_port  # noqa: E402


class Sink:
    """An upstream that takes everything and forgets it."""

    username = password = None

    def __init__(self):
        self.port = free_port()
        self.process = subprocess.Popen([TOOLS / "smtp-sink", "-u", "nobody", f"127.0.0.1:{self.port}", "100"])

    def settings(self):
        return {"host": "127.0.0.1", "port": self.port, "tls": "none", "allow_insecure": True, "auth": "none"}

    def close(self):
        self.process.terminate()
        self.process.wait()


def cpu_seconds(gateway, thread=None):
    """Of all threads that live, or of those of this name."""
    nanoseconds = 0
    for task in Path(f"/proc/{gateway.process.pid}/task").iterdir():
        if thread in (None, (task / "comm").read_text().strip()):
            nanoseconds += int((task / "schedstat").read_text().split()[0])
    return nanoseconds / 1e9


def relay(gateway, options, messages):
    """Hands in messages and waits until none is queued; the history writes within 20 ms."""
    hand_in(gateway, options.sessions, messages)
    eventually(lambda: gateway.status()["queue"]["total"] == 0, seconds=120, what="an empty queue")
    time.sleep(0.2)


def measure(directory, certificate, keep, options):
    """One fresh daemon: microseconds per message of all threads, and of the history's."""
    sink = Sink()
    gateway = Gateway(directory, certificate, sink, {
        "client": [{"name": "load", "address": ["127.0.0.1", NEEDS_NOTHING], "allow": ["no-auth", "plaintext"]}],
        "log": {"level": options.log_level}, "queue": {"history_keep": keep},
    })
    gateway.add_user()
    gateway.start()
    try:
        relay(gateway, options, options.messages // 10)
        before = cpu_seconds(gateway), cpu_seconds(gateway, "history")
        relay(gateway, options, options.messages)
        used = cpu_seconds(gateway) - before[0], cpu_seconds(gateway, "history") - before[1]
    finally:
        gateway.close()
        sink.close()
    return [seconds / options.messages * 1e6 for seconds in used]


def main():
    options = read_options(__doc__.splitlines()[0])
    results = {"with history": [], "without": []}
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        directory = Path(name)
        certificate = make_certificate(directory, "localhost", "DNS:localhost,IP:127.0.0.1")
        for number, variant in enumerate(["with history", "without", "without", "with history"] * options.rounds):
            keep = "7d" if variant == "with history" else "0"
            results[variant].append(measure(directory / str(number), certificate, keep, options))

    print(f"{options.messages} messages of {MESSAGE_OCTETS} octets relayed, {2 * options.rounds} runs each, "
          "median (lowest-highest), us/message")
    print(f"{'':14}{'all threads':>24}{'the history thread':>26}")
    medians = []
    for variant, runs in results.items():
        columns = [(statistics.median(column), min(column), max(column)) for column in zip(*runs)]
        medians.append(columns[0][0])
        print(f"{variant:14}" + "".join(
            f"{f'{middle:.1f} ({lowest:.1f}-{highest:.1f})':>{width}}"
            for (middle, lowest, highest), width in zip(columns, (24, 26))))
    print(f"{'ratio':14}{medians[0] / medians[1]:>24.3f}")


if __name__ == "__main__":
    main()
