#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Messages to an upstream whose every reply is 50 ms late, over TLS and a login, beside Postfix in one run.

Postfix's smtp-source hands in 1 KiB messages faster than they can leave. Counted are messages a second, from the first
connection to the last message taken; batches of replies ("round trips") of a message on a connection that has carried one
before, and of all messages with all that connections cost; and the user and system time of the relay's processes.

Postfix as Debian has it makes a connection for each message under TLS. "reusing" is Postfix told to keep connections
(smtp_tls_connection_reuse, smtp_connection_cache_destinations), which its manual recommends for such an upstream.
"""
import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from accept import HERE, MESSAGE_OCTETS

from certificates import make_certificate
from gateway import NEEDS_NOTHING, TOOLS, Gateway, eventually, free_port
from mailservers import POSTFIX_MAIN, POSTFIX_MASTER, POSTFIX_SERVICES, Postfix, unusable

USER, PASSWORD = "office@relay.test", "upstream-secret-9"
SESSIONS = 20
RUN_SECONDS_MAX = 120


class FarUpstream:
    """far_upstream.py as a process, and as the upstream of a Gateway."""

    username, password = USER, PASSWORD

    def __init__(self, certificate, delay, chunking):
        self.port, self.certificate = free_port(), certificate
        self.process = subprocess.Popen(
            [sys.executable, "-B", HERE / "far_upstream.py", f"--port={self.port}", f"--delay={delay}",
             f"--certificate={certificate.chain}", f"--key={certificate.key}", f"--user={USER}",
             f"--password={PASSWORD}", *(["--chunking"] if chunking else [])], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "listening\n"

    def settings(self):
        return {"host": "localhost", "port": self.port, "tls": "starttls", "ca_file": self.certificate.chain,
                "username": USER}

    def seen(self):
        self.process.send_signal(signal.SIGUSR1)
        return json.loads(self.process.stdout.readline())

    def await_messages(self, count):
        def taken():
            return seen if (seen := self.seen())["messages"] >= count else None

        seen = eventually(taken, RUN_SECONDS_MAX, f"{count} messages at the upstream")
        assert seen["messages"] == count, f"{seen['messages']} of {count} messages"
        return seen

    def close(self):
        self.process.terminate()
        self.process.wait(10)


class RelayingPostfix(Postfix):
    """Takes mail on one port, in clear, and sends it on."""

    modes = ("plain",)

    def __init__(self, certificate, upstream, connections, is_reusing):
        self.upstream, self.connections, self.is_reusing = upstream, connections, is_reusing
        super().__init__(certificate)

    def prepare(self):
        self.folders()
        reuse = "smtp_tls_connection_reuse = yes\nsmtp_connection_cache_destinations = static:all\n"
        self.root.write("/etc/postfix/main.cf", POSTFIX_MAIN + f"""
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
relayhost = [localhost]:{self.upstream.port}
smtp_host_lookup = native
smtp_dns_support_level = disabled
smtp_destination_concurrency_limit = {self.connections}
smtp_tls_security_level = secure
smtp_tls_CAfile = /etc/cert.pem
smtp_tls_session_cache_database = btree:/var/lib/postfix/smtp_scache
smtp_sasl_auth_enable = yes
smtp_sasl_security_options = noanonymous
smtp_sasl_password_maps = static:{USER}:{PASSWORD}
{reuse if self.is_reusing else ""}""")
        self.root.write("/etc/postfix/master.cf", f"""
127.0.0.1:{self.ports["plain"]} inet n - n - - smtpd
""" + POSTFIX_SERVICES)
        return POSTFIX_MASTER

    @property
    def port(self):
        return self.ports["plain"]


def postern(directory, certificate, upstream, connections, options):
    changes = {
        "upstream.office": {"max_connections": connections, "max_per_connection": 0},
        # smtp-source cannot choose its address, so here the usual client is the one that needs no login.
        "client": [{"name": "load", "address": ["127.0.0.1", NEEDS_NOTHING], "allow": ["no-auth", "plaintext"]}],
        "log": {"level": "info"},
    }
    gateway = Gateway(directory, certificate, upstream, changes)
    gateway.add_user()
    gateway.start()
    return gateway, gateway.plain_port


def postfix(directory, certificate, upstream, connections, options, is_reusing=False):
    server = RelayingPostfix(certificate, upstream, connections, is_reusing)
    return server, server.port


def reusing(*arguments):
    return postfix(*arguments, is_reusing=True)


def cpu_seconds(root):
    """User and system time of a process and of all that it started, those that ended too."""
    ticks, parents = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        pid = int(path.parent.name)
        parents[pid] = int(fields[1])
        ticks[pid] = sum(map(int, fields[11:15]))
    family = {root}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(ticks.get(pid, 0) for pid in family) / os.sysconf("SC_CLK_TCK")


def measure(start, directory, certificate, chunking, connections, messages, options):
    """One fresh relay: messages a second, warm and all round trips a message, CPU in microseconds a message."""
    upstream = FarUpstream(certificate, options.delay, chunking)
    relay = None
    try:
        relay, port = start(directory, certificate, upstream, connections, options)
        before = cpu_seconds(relay.process.pid)
        subprocess.run(
            [TOOLS / "smtp-source", "-d", "-s", str(SESSIONS), "-m", str(messages), "-l", str(MESSAGE_OCTETS),
             "-f", "alice@example.org", "-t", "bob@example.net", f"127.0.0.1:{port}"],
            check=True, timeout=RUN_SECONDS_MAX)
        seen = upstream.await_messages(messages)
        used = cpu_seconds(relay.process.pid) - before
    finally:
        if relay is not None:
            relay.close()
        upstream.close()
    warm = seen["warm_turns"] / seen["warm_messages"] if seen["warm_messages"] else None
    return {
        "rate": messages / (seen["ended"] - seen["began"]), "warm": warm, "all": seen["turns"] / messages,
        "cpu": used / messages * 1e6, "connections": seen["connections"], "in_chunks": seen["in_chunks"]}


# Name, what starts it, whether the upstream offers CHUNKING, about how many messages a connection carries a second.
VARIANTS = [
    ("postern", postern, True, 18), ("postern, no CHUNKING", postern, False, 9),
    ("Postfix", postfix, True, 2), ("Postfix, reusing", reusing, True, 6)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10, help="a run, about")
    parser.add_argument("--delay", type=float, default=50, help="of every reply, in ms")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each, interleaved")
    parser.add_argument("--connections", default="1,20")
    parser.add_argument("--only", default="", help="variants whose names begin so")
    parser.add_argument("--directory", type=Path, default=HERE.parent / ".build/bench")
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    variants = [variant for variant in VARIANTS if variant[0].startswith(options.only)]
    if reason := unusable():
        print(f"without Postfix: {reason}")
        variants = [variant for variant in variants if variant[1] is postern]

    results = {}
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        certificate = make_certificate(Path(name), "localhost", "DNS:localhost,IP:127.0.0.1")
        for round in range(options.rounds):
            for connections in map(int, options.connections.split(",")):
                for number, (variant, start, chunking, pace) in enumerate(variants):
                    messages = max(10, int(pace * connections * options.seconds))
                    directory = Path(name) / f"{round}-{connections}-{number}"
                    run = measure(start, directory, certificate, chunking, connections, messages, options)
                    results.setdefault((connections, variant), []).append(run)

    print(f"{options.delay:g} ms to every reply, STARTTLS and a login, messages of {MESSAGE_OCTETS} octets, "
          f"{options.rounds} runs each, median (lowest-highest)")
    head = f"{'':22}{'connections':>12}{'messages/s':>22}{'round trips':>12}{'with connecting':>16}"
    print(f"{head}{'CPU us/message':>24}")
    for (connections, variant), runs in results.items():
        rate, cpu, whole = ([run[key] for run in runs] for key in ("rate", "cpu", "all"))
        warm = [run["warm"] for run in runs if run["warm"] is not None]
        shown = f"{statistics.median(warm):.2f}" if warm else "never warm"
        row = f"{variant:22}{connections:>12}{spread(rate):>22}{shown:>12}{statistics.median(whole):>16.2f}"
        print(f"{row}{spread(cpu):>24}")


def spread(values):
    return f"{statistics.median(values):.1f} ({min(values):.1f}-{max(values):.1f})"


if __name__ == "__main__":
    main()
