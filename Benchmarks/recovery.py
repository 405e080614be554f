#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""How long a start takes with mail in the queue, what each message costs in memory, and how long it takes to get one.

queue-bench fills a spool with deferred messages (1 KiB, one recipient); then a fresh process opens it as the daemon
does at a start: the log is read, the state built, and from then on it takes and gives mail. Octets are the growth of
PSS from before to after, everything counted, divided by the messages. The spool was written just before, so what is
measured is the program and not the disk. That is done without routes and with 20 that match one message in a hundred
each. "due" is what it costs when all mail becomes due at the same moment, "lease" to get a message and give it back,
"reload" to ask for the way of all of them again.
"""
import argparse
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROUTES = [0, 20]
# Messages, and the most that a start may take in milliseconds and a message in octets (where that is dominated by
# messages at all).
ROWS = [(10_000, 1_000, None), (1_000_000, 10_000, 400)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=HERE.parent / ".build/release/queue-bench", type=Path)
    parser.add_argument("--directory", default=HERE.parent / ".build", type=Path, help="where 2 GB may lie for a while")
    options = parser.parse_args()
    print(f"{'queued messages':>16} {'routes':>7} {'ready after':>12} {'at most':>9} {'octets a message':>17} "
          f"{'at most':>8} {'due':>9} {'lease':>9} {'reload':>9}")
    for messages, milliseconds_max, octets_max in ROWS:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=options.directory) as spool:
            subprocess.run([options.binary, "fill", spool, str(messages)], check=True)
            for routes in ROUTES:
                found, milliseconds, octets, due, lease, reload = opened(options.binary, spool, routes)
                if found != messages:
                    raise SystemExit(f"cannot count messages in {spool}: {found} of {messages} are there")
                print(f"{messages:>16,} {routes:>7} {milliseconds:>9,} ms {milliseconds_max:>6,} ms "
                      f"{octets // messages:>17,} {octets_max or '-':>8} {due:>6,} ms {lease:>6,} ns {reload:>6,} ms",
                      flush=True)


def opened(binary, spool, routes):
    line = subprocess.run([binary, "open", spool, str(routes)], check=True, capture_output=True, text=True).stdout
    return map(int, line.split())


if __name__ == "__main__":
    main()
