# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""The tools in C: built where they are needed, started, and what they say."""
import json
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Tests/EndToEnd"))

from gateway import eventually, free_port  # noqa: E402

SOURCES = HERE / "tools"
PROGRAMS = {"load": ("load.c", "latencies.c", "wire.c"), "sink": ("sink.c", "wire.c"), "phys": ("phys.c", "wire.c")}
FLAGS = ("-std=gnu17", "-O2", "-Wall", "-Wextra", "-Werror")
# Behind the time in which messages begin: those that have begun are answered.
GRACE_SECONDS = 40
# The account at the sink.
USER, PASSWORD = "office@relay.test", "upstream-secret-9"


class Tools:
    def __init__(self, directory):
        self.directory = directory
        for name, sources in PROGRAMS.items():
            files = [SOURCES / source for source in sources]
            subprocess.run(["cc", *FLAGS, "-o", directory / name, *files, "-lssl", "-lcrypto"], check=True)
        self.syncs = directory / "syncs.so"
        subprocess.run(["cc", *FLAGS, "-shared", "-fPIC", "-o", self.syncs, SOURCES / "syncs.c"], check=True)

    def phys(self, certificate, seconds):
        command = [self.directory / "phys", self.directory, certificate.chain, certificate.key, str(seconds)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120 + 20 * seconds)
        return json.loads(done.stdout)

    def load(self, port, seconds=60, **options):
        """Hands in mail, as tools/load.c says; returns what it has counted."""
        done = subprocess.run(
            self._load_command(port, seconds, options), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=seconds + GRACE_SECONDS)
        if not done.stdout:
            raise RuntimeError(f"cannot hand in mail: exit {done.returncode} {done.stderr}")
        return json.loads(done.stdout)

    def hold(self, port, seconds, **options):
        """Opens sessions; returns their process, and how many there are. They end with its standard input."""
        process = subprocess.Popen(
            [*self._load_command(port, seconds, options), "--hold"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        return process, int(process.stdout.readline().split()[1])

    def _load_command(self, port, seconds, options):
        return [self.directory / "load", f"--port={port}", f"--seconds={seconds}", *_written(options)]


def _written(options):
    for name, value in options.items():
        if value is not None and value is not False:
            yield f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}")


class Sink:
    """tools/sink.c, as the upstream of a relay. It takes nothing before `start`: its port is closed."""

    def __init__(self, tools, directory, certificate, tls=None, delay=None, chunking=True):
        self.tools, self.certificate, self.tls = tools, certificate, tls
        self.username, self.password = (USER, PASSWORD) if tls else (None, None)
        self.port, self.ids = free_port(), directory / "taken"
        self.options = {
            "tls": tls, "delay": delay, "no_chunking": not chunking, "ids": self.ids,
            "certificate": tls and certificate.chain, "key": tls and certificate.key,
            "login": tls and f"{USER}:{PASSWORD}"}
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [self.tools.directory / "sink", f"--port={self.port}", *_written(self.options)], stdout=subprocess.PIPE,
            text=True)
        assert self.process.stdout.readline() == "listening\n"
        return self

    def settings(self):
        """As [upstream.office]."""
        if not self.tls:
            return {"host": "localhost", "port": self.port, "tls": "none", "allow_insecure": True, "auth": "none"}
        return {"host": "localhost", "port": self.port, "tls": self.tls, "ca_file": self.certificate.chain,
                "username": self.username}

    def seen(self):
        self.process.send_signal(signal.SIGUSR1)
        return json.loads(self.process.stdout.readline())

    def await_messages(self, count, seconds):
        """What it has seen when it has taken so many, or when that time is over."""
        def taken():
            return seen if (seen := self.seen())["messages"] >= count else None

        try:
            return eventually(taken, seconds, f"{count} messages at the sink")
        except AssertionError:
            return self.seen()

    def close(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)
