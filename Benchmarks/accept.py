#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""CPU per durably accepted message, beside the same run without the sync.

Postfix's smtp-source keeps 20 sessions open and hands in 1 KiB messages over each; the upstream refuses connections, so
that accepting is all that posternd does. Counted is the user and system time of posternd alone. The two variants are
interleaved A B B A, so that a machine that slows down meanwhile slows both. Only ratios compare between machines.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Tests/EndToEnd"))

from certificates import make_certificate  # noqa: E402
from gateway import NEEDS_NOTHING, TOOLS, Gateway, free_port  # noqa: E402

MESSAGE_OCTETS = 1024
RUN_SECONDS_MAX = 60


class Refusing:
    """An upstream whose port is closed."""

    username = password = None

    def settings(self):
        return {"host": "127.0.0.1", "port": free_port(), "tls": "none", "allow_insecure": True, "auth": "none"}


def cpu_seconds(process):
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    user, system = int(fields[11]), int(fields[12])
    return (user + system) / os.sysconf("SC_CLK_TCK")


def hand_in(gateway, sessions, messages):
    """Hands in that many messages and returns how long it took; each of them got its 250, or smtp-source fails."""
    started = time.monotonic()
    subprocess.run(
        [TOOLS / "smtp-source", "-d", "-s", str(sessions), "-m", str(messages), "-l", str(MESSAGE_OCTETS),
         "-f", "alice@example.org", "-t", "bob@example.net", f"127.0.0.1:{gateway.plain_port}"],
        check=True, timeout=RUN_SECONDS_MAX)
    return time.monotonic() - started


def measure(directory, certificate, preload, options):
    """One fresh daemon: CPU in microseconds per message, and messages a second."""
    changes = {
        # smtp-source cannot choose its address, so here the usual client is the one that needs no login.
        "client": [{"name": "load", "address": ["127.0.0.1", NEEDS_NOTHING], "allow": ["no-auth", "plaintext"]}],
        "log": {"level": options.log_level},
    }
    gateway = Gateway(directory, certificate, Refusing(), changes)
    gateway.add_user()
    gateway.start({"LD_PRELOAD": str(preload)} if preload else None)
    try:
        if preload and str(preload) not in Path(f"/proc/{gateway.process.pid}/maps").read_text():
            raise SystemExit("the library that turns the sync off was not loaded")
        hand_in(gateway, options.sessions, options.messages // 10)  # warms caches, pools and the first segment
        before = cpu_seconds(gateway.process)
        seconds = hand_in(gateway, options.sessions, options.messages)
        used = cpu_seconds(gateway.process) - before
    finally:
        gateway.close()
    return used / options.messages * 1e6, options.messages / seconds


def read_options(description):
    """How often two variants are measured, interleaved A B B A, and where."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--messages", type=int, default=20_000, help="a run")
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2, help="of A B B A: four runs each")
    parser.add_argument("--log-level", default="info")
    # Not /tmp, which may be memory: the disk under the build folder is the one that counts.
    parser.add_argument("--directory", type=Path, default=HERE.parent / ".build/bench")
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    return options


def main():
    options = read_options(__doc__.splitlines()[0])
    results = {"with sync": [], "without sync": []}
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        directory = Path(name)
        certificate = make_certificate(directory, "localhost", "DNS:localhost,IP:127.0.0.1")
        nosync = directory / "nosync.so"
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", nosync, HERE / "nosync.c"], check=True)
        for number, variant in enumerate(["with sync", "without sync", "without sync", "with sync"] * options.rounds):
            preload = nosync if variant == "without sync" else None
            results[variant].append(measure(directory / str(number), certificate, preload, options))

    print(f"{options.messages} messages of {MESSAGE_OCTETS} octets, {options.sessions} sessions kept open, "
          f"{2 * options.rounds} runs each, median (lowest-highest)")
    print(f"{'':14}{'CPU us/message':>24}{'messages/s':>26}")
    medians = []
    for variant, runs in results.items():
        (cpu, lowest, highest), (rate, slowest, fastest) = (
            (statistics.median(column), min(column), max(column)) for column in zip(*runs))
        medians.append((cpu, rate))
        cost, speed = f"{cpu:.1f} ({lowest:.1f}-{highest:.1f})", f"{rate:.0f} ({slowest:.0f}-{fastest:.0f})"
        print(f"{variant:14}{cost:>24}{speed:>26}")
    (with_cpu, with_rate), (without_cpu, without_rate) = medians
    print(f"{'ratio':14}{with_cpu / without_cpu:>24.2f}{with_rate / without_rate:>26.2f}")


if __name__ == "__main__":
    main()
