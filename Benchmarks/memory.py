#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Memory under a crowd: 5,000 sessions with TLS and login, 500 of them halfway through 25 MB; then 5,000 slow peers.

Beside them a good client, a process of its own, hands in a message a second. posternd has a limit of 256 MB where this
machine lets us set one (a cgroup), so that it dies if it needs more. The run fails if a bound does not hold.
"""
import argparse
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Tests/EndToEnd"))
sys.path.insert(0, str(HERE))

from certificates import make_certificate  # noqa: E402
from crowd import LOGIN, Crowd, GoodClient, ask, resident_octets  # noqa: E402
from gateway import Gateway  # noqa: E402
from processes import ticks  # noqa: E402
from upstreams import NoUpstream  # noqa: E402

MEBI = 1 << 20
MEMORY = 256 * MEBI
SESSION_KIB = 64
SLOWEST_SECONDS = 1
SLOW_SECONDS = 75


class MemoryLimit:
    """A cgroup of this run, in the version that this machine has."""

    def __init__(self, octets):
        self.folder = None
        for root, file, is_ours in (("/sys/fs/cgroup", "memory.max", self._is_version_2),
                                    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", lambda root: root.is_dir())):
            root = Path(root)
            if not is_ours(root):
                continue
            folder = root / f"postern-memory-{os.getpid()}"
            try:
                folder.mkdir()
                (folder / file).write_text(str(octets))
                self.folder = folder
                return
            except OSError as error:
                print(f"no memory limit: {error}")

    @staticmethod
    def _is_version_2(root):
        controllers = root / "cgroup.subtree_control"
        return controllers.exists() and "memory" in controllers.read_text().split()

    def take(self, pid):
        if self.folder:
            (self.folder / "cgroup.procs").write_text(str(pid))

    def close(self):
        if self.folder:
            self.folder.rmdir()


class Beside:
    """The good client, in a process of its own, so that the crowd's interpreter does not hold it up."""

    def __init__(self, gateway):
        self.ours, theirs = multiprocessing.Pipe()
        self.over = multiprocessing.Event()
        self.process = multiprocessing.Process(target=self._run, args=(gateway, theirs, self.over))
        self.process.start()

    @staticmethod
    def _run(gateway, pipe, over):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        client = GoodClient(gateway)
        client.run(over.is_set)
        pipe.send((client.seconds, client.errors, client.began))

    def end(self, gateway):
        self.over.set()
        client = GoodClient(gateway)
        client.seconds, client.errors, client.began = self.ours.recv()
        self.process.join()
        return client


def start(directory, certificate, sessions, limit):
    changes = {name: {"max_sessions": sessions + 100, "max_sessions_per_client": 0}
               for name in ("listen.submission", "listen.submissions")}
    changes |= {"log": {"level": "info"}, "message": {"max_size": "25M"}}
    gateway = Gateway(directory, certificate, NoUpstream(), changes)
    gateway.add_user()
    gateway.start()
    limit.take(gateway.process.pid)
    return gateway


def tell(what, gateway, since):
    now = resident_octets(gateway.process.pid)
    used = ticks(gateway.process.pid) / os.sysconf("SC_CLK_TCK")
    print(f"{time.monotonic() - since:6.1f} s  {now / MEBI:6.1f} MB  {used:6.1f} s CPU  {what}", flush=True)
    return now


def judge(client, faults, since):
    print(f"good client: {len(client.seconds)} messages, median "
          f"{sorted(client.seconds)[len(client.seconds) // 2] * 1000:.0f} ms, p99 {client.slowest * 1000:.0f} ms, "
          f"slowest {max(client.seconds) * 1000:.0f} ms, {len(client.errors)} errors")
    slow = [f"{seconds:.2f} s at {began - since:.0f} s" for seconds, began in zip(client.seconds, client.began)
            if seconds > SLOWEST_SECONDS / 2]
    if slow:
        print(f"slow ones: {', '.join(slow)}")
    faults += client.errors[:3]
    if client.slowest >= SLOWEST_SECONDS:
        faults.append(f"the good client's p99 is {client.slowest:.2f} s")


def crowd(directory, certificate, options, faults):
    limit = MemoryLimit(MEMORY)
    print(f"posternd is limited to {MEMORY // MEBI} MB: {'yes, by ' + str(limit.folder) if limit.folder else 'no'}")
    gateway = start(directory, certificate, options.sessions, limit)
    since = time.monotonic()
    beside = Beside(gateway)
    people = Crowd(gateway)
    try:
        empty = tell("started", gateway, since)
        people.open(options.sessions)
        full = tell(f"{options.sessions} sessions, logged in", gateway, since)
        taken = people.begin_messages(options.messages, options.octets // 2)
        halfway = tell(f"{taken} of them sent {options.octets // 2 / MEBI:.1f} MB of a message, for "
                       f"{options.messages - taken} there was no room", gateway, since)
        time.sleep(options.rest)
        tell(f"{options.rest} s later", gateway, since)
        people.check_alive(options.messages)
        client = beside.end(gateway)
        highest = resident_octets(gateway.process.pid, "VmHWM")
        print(f"highest: {highest / MEBI:.1f} MB resident; a session: {(full - empty) / options.sessions / 1024:.1f} KiB "
              f"logged in, {(highest - empty) / options.sessions / 1024:.1f} KiB at the highest; "
              f"{(halfway - full) / max(taken, 1) / 1024:.1f} KiB more for one in a message")
        judge(client, faults, since)
        if highest > MEMORY:
            faults.append(f"posternd had {highest / MEBI:.1f} MB")
        if (highest - empty) / options.sessions > SESSION_KIB * 1024:
            faults.append(f"a session takes more than {SESSION_KIB} KiB")
    finally:
        people.close()
        gateway.close()
        limit.close()


def slow(directory, certificate, options, faults):
    """Three kinds: in a command, in a login, in the handshake; an octet each 30 s. None of them lasts."""
    limit = MemoryLimit(MEMORY)
    gateway = start(directory, certificate, options.sessions, limit)
    since = time.monotonic()
    beside = Beside(gateway)
    peers = []
    try:
        tell("started", gateway, since)
        for number in range(options.sessions):
            port = gateway.implicit_port if number % 3 == 2 else gateway.port
            peer = socket.create_connection(("127.0.0.1", port), 60)
            if number % 3 == 1:
                ask(peer, b"", b"220 ")
                ask(peer, b"EHLO slow.test\r\n", b"250-")
            peers.append(peer)
        tell(f"{options.sessions} slow peers", gateway, since)
        drip = (b"EHLO slow.test\r\n", b"AUTH PLAIN " + LOGIN, b"\x16\x03\x01\x02\x00\x01\x00")
        for turn in range(SLOW_SECONDS // 30 + 1):
            for number, peer in enumerate(peers):
                try:
                    peer.send(drip[number % 3][turn : turn + 1])
                except OSError:
                    pass  # It has been closed, as it should be.
            time.sleep(max(0, min(30, since + SLOW_SECONDS - time.monotonic())))
        tell("the time for a login and a handshake is over", gateway, since)
        client = beside.end(gateway)
        left = gateway.status()["in"]["sessions"]
        print(f"sessions that are left: {left}")
        judge(client, faults, since)
        if left:
            faults.append(f"{left} slow peers are still served")
    finally:
        for peer in peers:
            peer.close()
        gateway.close()
        limit.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=5_000)
    parser.add_argument("--messages", type=int, default=500, help="sessions that stop halfway through one")
    parser.add_argument("--octets", type=int, default=25 * MEBI, help="of a message")
    parser.add_argument("--rest", type=int, default=10, help="seconds that all of them stay")
    parser.add_argument("--only", choices=["crowd", "slow"])
    parser.add_argument("--directory", type=Path, default=HERE.parent / ".build/bench")
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    faults = []
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        directory = Path(name)
        certificate = make_certificate(directory, "localhost", "DNS:localhost,IP:127.0.0.1")
        for part in (crowd, slow):
            if options.only in (None, part.__name__):
                part(directory / part.__name__, certificate, options, faults)
    for fault in faults:
        print(f"FAILED: {fault}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
