#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Kills the daemon with SIGKILL at random moments of its life, under load, again and again, and holds what clients and
relayhost saw against what was promised: nothing lost, nothing delivered that was refused, nothing twice but what was
under way, nothing changed.

    crash.py ROUNDS [--faults] [--seed N]

With --faults, calls on the segments fail at random besides (faulty_disk.c).
"""
import argparse
import json
import multiprocessing
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "EndToEnd"))

import client  # noqa: E402
import relayhost  # noqa: E402
from certificates import make_certificate  # noqa: E402
from gateway import BINARIES, PASSWORD, USER, Gateway, free_port  # noqa: E402
from oracle import Oracle  # noqa: E402

HERE = Path(__file__).resolve().parent
CLIENT_PROCESSES, CLIENT_THREADS = 2, 4
# Between two looks at an empty queue.
ROUNDS_BETWEEN, FAULTY_ROUNDS_BETWEEN = 50, 10
DRAIN_SECONDS = 240
# Outcomes are durable 50 ms after the reply, and the machine is busy; a disk that fails makes them wait for seconds.
UNWRITTEN_SECONDS_MAX, FAULTY_UNWRITTEN_SECONDS_MAX = 0.5, 15
FAULTS = """\
sync 15 5 6
write 3 5 2
write 3 28 2
short 5 28
allocate 30 28 3
rename 100 5
"""


class Relayhost:
    """What the configuration of the gateway needs to know of it."""

    username, password = None, None

    def __init__(self):
        self.port = free_port()

    def settings(self):
        return {
            "host": "localhost", "port": self.port, "tls": "none", "allow_insecure": True, "auth": "none",
            "max_connections": 4}


class Daemon:
    """The release binary, started and killed; it tells a socket when it is ready."""

    def __init__(self, gateway, faults):
        self.gateway, self.faults, self.process = gateway, faults, None
        self.address = gateway.directory / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.address))
        self.shim = gateway.directory / "faulty_disk.so"
        if faults:
            subprocess.run(
                ["gcc", "-shared", "-fPIC", "-O1", "-o", self.shim, HERE / "faulty_disk.c", "-ldl"], check=True)
            (gateway.directory / "faults").write_text(FAULTS)

    def launch(self, is_faulty=False):
        variables = {"NOTIFY_SOCKET": str(self.address)}
        if is_faulty:
            variables |= {"LD_PRELOAD": str(self.shim), "FAULTY_DISK": str(self.gateway.directory / "faults")}
        with self.gateway.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [BINARIES / "posternd", "--config", self.gateway.config_file], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env={**os.environ, **variables})

    def is_ready(self):
        """Whether it has said so since the last question."""
        said = b""
        self.socket.setblocking(False)
        try:
            while True:
                said += self.socket.recv(4096)
        except BlockingIOError:
            return b"READY=1" in said

    def kill(self):
        """Returns the status with which it ended by itself before, or None."""
        status = self.process.poll()
        self.process.kill()
        self.process.wait()
        return status


class Admin:
    """Somebody at the console, who is cut off as well."""

    COMMANDS = (
        ("flush", "--all"), ("hold", "to:@held.test"), ("hold", "to:@held.test", "--for", "2s"),
        ("release", "state:held"), ("bounce", "to:@doomed.test", "--reason", "given up"),
        ("drop", "to:@dropped.test"), ("undrop",), ("queue",), ("status",))

    def __init__(self, gateway, generator):
        self.gateway, self.random, self.count = gateway, generator, 0
        self.is_ending = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.is_ending.wait(self.random.uniform(0.05, 0.4)):
            command = self.random.choice(self.COMMANDS)
            if command == ("undrop",):
                self.undrop()
                continue
            if command[0] not in ("queue", "status"):
                command = (*command, "--yes")
            if self.order(*command).returncode == 0:
                self.count += 1

    def undrop(self):
        """Puts back everything that was dropped."""
        for batch in {message["drop"]["batch"] for message in self.queue("state:dropped") or []}:
            if self.order("undrop", f"batch:{batch}").returncode == 0:
                self.count += 1

    def queue(self, *selectors):
        """The messages that are meant; None if the console does not answer."""
        done = self.order("queue", *selectors)
        return [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else None

    def order(self, *command):
        return subprocess.run(
            [BINARIES / "postern", "--config", self.gateway.config_file, "--json", *command], capture_output=True,
            text=True, stdin=subprocess.DEVNULL, timeout=60)


class CrashTest:
    def __init__(self, directory, rounds, has_faults, seed):
        self.rounds, self.has_faults = rounds, has_faults
        self.random = random.Random(seed)
        certificate = make_certificate(directory, "localhost", "DNS:localhost,IP:127.0.0.1")
        upstream = Relayhost()
        self.gateway = Gateway(
            directory / "gateway", certificate, upstream, {"log": {"level": "warning"}, "queue": {"retry": ["1s", "2s"]}})
        self.gateway.add_user()
        self.may_send, self.is_calm, self.stopping = (multiprocessing.Event() for _ in range(3))
        clients = [directory / f"client{n}" for n in range(CLIENT_PROCESSES)]
        place = {
            "seed": seed, "certificate": certificate.chain, "user": USER, "password": PASSWORD,
            "plain": self.gateway.plain_port, "starttls": self.gateway.port, "implicit": self.gateway.implicit_port}
        self.processes = [
            multiprocessing.Process(
                target=client.run, args=(f"p{n}", place, path, CLIENT_THREADS, self.may_send, self.stopping))
            for n, path in enumerate(clients)]
        self.processes.append(multiprocessing.Process(
            target=relayhost.run, args=(upstream.port, directory / "upstream", seed, self.is_calm, self.stopping)))
        self.oracle = Oracle(
            clients, directory / "upstream", FAULTY_UNWRITTEN_SECONDS_MAX if has_faults else UNWRITTEN_SECONDS_MAX)
        self.daemon = Daemon(self.gateway, has_faults)
        self.ended_itself = self.killed_unready = 0
        self.is_ready = False

    def run(self):
        self.began = time.monotonic()
        for process in self.processes:
            process.start()
        admin = Admin(self.gateway, self.random)
        admin.thread.start()
        self.admin = admin
        try:
            every = FAULTY_ROUNDS_BETWEEN if self.has_faults else ROUNDS_BETWEEN
            for number in range(1, self.rounds + 1):
                self.round()
                if number % every == 0 or number == self.rounds:
                    self.drain()
                    self.oracle.judge()
                    print(f"{number}: {self.report()}", flush=True)
                if len(self.oracle.violations) > 10:
                    break
        finally:
            self.stopping.set()
            admin.is_ending.set()
            admin.thread.join()
            self.daemon.kill()
            for process in self.processes:
                process.join(35)
                process.kill()
        self.check_log()
        return self.oracle.violations

    def round(self):
        self.may_send.set()
        self.daemon.is_ready()
        self.daemon.launch(is_faulty=self.has_faults)
        span = (0.005, 0.06) if self.random.random() < 0.2 else (0.06, 1.0)
        time.sleep(self.random.uniform(*span))
        self.killed_unready += not self.daemon.is_ready()
        self.kill()

    def kill(self):
        before = time.monotonic()
        status = self.daemon.kill()
        self.oracle.kills.append((before, time.monotonic()))
        if status is None:
            return
        self.ended_itself += 1
        # A disk that fails at the start is a reason; nothing else is.
        if not self.has_faults or status not in (75, 78):
            self.oracle.violate(f"posternd ended by itself with {status}")

    def drain(self):
        """Faults end, nobody sends, and everything gets its time."""
        self.may_send.clear()
        self.is_calm.set()
        self.daemon.launch()
        deadline = time.monotonic() + DRAIN_SECONDS
        while True:
            waiting = self.waiting()
            if waiting == []:
                break
            if time.monotonic() > deadline or self.daemon.process.poll() is not None:
                states = [(message["id"], message["state"]) for message in waiting or []][:5]
                self.oracle.violate(f"the queue is not empty: {states}, daemon {self.daemon.process.poll()}")
                break
            self.admin.undrop()
            self.admin.order("release", "state:held", "--yes")
            self.admin.order("flush", "--all", "--yes")
            time.sleep(0.2)
        self.daemon.kill()
        self.is_calm.clear()

    def waiting(self):
        """What is in the queue; None if the console does not answer."""
        if self.admin.queue() is None:
            return None
        # Clients that were in the middle of a message end it first.
        time.sleep(0.3)
        waiting, dropped = self.admin.queue(), self.admin.queue("state:dropped")
        return None if waiting is None or dropped is None else waiting + dropped

    def check_log(self):
        """Whoever is killed leaves torn tails, and never damage."""
        damaged = [event for event in self.gateway.events("spool-corrupt")]
        if damaged:
            self.oracle.violate(f"{len(damaged)} × damage: {damaged[0]['message']}")

    def report(self):
        oracle, seconds = self.oracle, time.monotonic() - self.began
        counts = oracle.counts
        worst = max(oracle.duplicates_by_kill.values(), default=0)
        return (
            f"{counts['promised']} promised ({counts['promised'] / seconds:.0f}/s, {counts['octets'] >> 20} MiB), "
            f"{oracle.delivered} recipients delivered, {oracle.bounced} bounced, {counts['refused']} refused, "
            f"{oracle.unanswered} unanswered, {counts['repeated after a hang-up']} repeated after a hang-up, "
            f"{counts['repeated after a kill']} after a kill (at most {worst} for one, outcome at most "
            f"{oracle.forgotten_seconds_max * 1000:.0f} ms old), {counts['lost']} lost; {self.admin.count} orders, "
            f"{self.killed_unready} killed before they were ready, {self.ended_itself} ended by themselves, "
            f"{seconds:.0f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("rounds", type=int)
    parser.add_argument("--faults", action="store_true", help="let the disk fail as well")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="postern-crash-", dir="/var/tmp"))
    print(f"crash-test: {options.rounds} rounds, seed {options.seed}, {directory}", flush=True)
    test = CrashTest(directory, options.rounds, options.faults, options.seed)
    violations = test.run()
    for violation in violations[:20]:
        print(f"violation: {violation}")
    if violations:
        print(f"crash-test: {len(violations)} violations; everything is kept in {directory}")
        return 1
    shutil.rmtree(directory)
    print(f"crash-test: {options.rounds} rounds without a violation")
    return 0


if __name__ == "__main__":
    sys.exit(main())
