# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""How one relay is measured once. Each function returns figures by name, and raises Wrong if a message was lost,
doubled or not really accepted: figures of a run that is not right mean nothing."""
import time
from typing import NamedTuple

from instruments import Sink

SESSIONS = 20
SETTLE_SECONDS = 120


class Wrong(Exception):
    """What was counted does not agree."""


class Needs(NamedTuple):
    """What a relay has to be told before it starts."""

    tls: str | None = None  # of its clients, who log in then
    connections: int = 20  # to the upstream
    spool: object = None  # a directory with mail, filled before


class Meter:
    """What a relay uses from here on."""

    def __init__(self, relay):
        self.relay = relay
        self.before = self._read()

    def _read(self):
        return self.relay.processes.cpu_seconds(), self.relay.processes.syncs()

    def figures(self, messages):
        cpu, syncs = (now - before for now, before in zip(self._read(), self.before))
        return {"cpu_us": cpu / messages * 1e6, "syncs": syncs / messages,
                "memory_mb": self.relay.processes.memory_mb()}


def answers(load):
    return {"p50": load["answer_ms"]["p50"], "p99": load["answer_ms"]["p99"]}


def complaints(load):
    if load["refused"] or load["unknown"]:
        raise Wrong(f"{load['refused']} messages refused, {load['unknown']} without an answer: {load['first_error']}")


def accept(
        bench, kind, directory, sessions=SESSIONS, size=1024, tls=None, per_session=None, recipients=None, spool=None):
    """Mail comes in while the upstream's port is closed. What was answered 250 has to be in the queue."""
    upstream = Sink(bench.tools, directory, bench.certificate)
    options = {
        "sessions": sessions, "size": size, "tls": tls, "per_session": per_session, "recipients": recipients,
        "pipelining": recipients is not None}
    relay = kind(bench, directory, upstream, Needs(tls=tls, spool=spool and spool(bench)))
    try:
        port, options["login"] = relay.port(tls), relay.login if tls else None
        before = relay.queued()
        warm = bench.tools.load(port, seconds=bench.seconds / 4, **options)
        meter = Meter(relay)
        load = bench.tools.load(port, seconds=bench.seconds, **options)
        figures = meter.figures(load["accepted"])
        complaints(warm)
        complaints(load)
        queued = relay.queued() - before
        if queued != warm["accepted"] + load["accepted"]:
            raise Wrong(f"{warm['accepted'] + load['accepted']} messages answered 250, {queued} in the queue")
        return {"rate": load["rate"], "served": load["greeted"], **answers(load), **figures,
                "recipient_us": figures["cpu_us"] / (recipients or 1), "mib_us": figures["cpu_us"] / size * 2**20}
    finally:
        relay.close()


def end_to_end(bench, kind, directory, tls=None, per_session=None):
    """Mail comes in and goes out; the time is over when the upstream has the last message."""
    sink = Sink(bench.tools, directory, bench.certificate, tls=tls).start()
    relay = None
    try:
        relay = kind(bench, directory, sink, Needs(tls=tls))
        options = {"sessions": SESSIONS, "tls": tls, "per_session": per_session,
                   "login": relay.login if tls else None}
        warm = bench.tools.load(relay.port(tls), messages=200, prefix="w", ids=directory / "warm", **options)
        sink.await_messages(warm["accepted"], SETTLE_SECONDS)
        meter = Meter(relay)
        load = bench.tools.load(relay.port(tls), seconds=bench.seconds, ids=directory / "given", **options)
        seen = sink.await_messages(warm["accepted"] + load["accepted"], SETTLE_SECONDS)
        figures = meter.figures(load["accepted"])
        complaints(load)
        compare(sink, directory / "warm", directory / "given")
        return {"rate": load["accepted"] / (seen["ended"] - load["began"]), **answers(load), **figures,
                "connections": seen["connections"]}
    finally:
        if relay:
            relay.close()
        sink.close()


def far(bench, kind, directory, connections, pace, chunking=True):
    """Every reply of the upstream is 50 ms late. Mail comes in faster than it can leave; so much of it that it takes
    about the usual time, at `pace` messages a second over a connection."""
    sink = Sink(bench.tools, directory, bench.certificate, tls="starttls", delay=50, chunking=chunking).start()
    relay = None
    try:
        relay = kind(bench, directory, sink, Needs(connections=connections))
        meter = Meter(relay)
        load = bench.tools.load(
            relay.port(None), messages=max(10, int(pace * connections * bench.far_seconds)), sessions=SESSIONS,
            ids=directory / "given")
        complaints(load)
        seen = sink.await_messages(load["accepted"], SETTLE_SECONDS)
        figures = meter.figures(load["accepted"])
        compare(sink, directory / "given")
        turns = {"turns": seen["warm_turns"] / seen["warm_messages"]} if seen["warm_messages"] else {}
        return {"rate": load["accepted"] / (seen["ended"] - seen["began"]), **figures, **turns,
                "all_turns": seen["turns"] / load["accepted"]}
    finally:
        if relay:
            relay.close()
        sink.close()


def outage(bench, kind, directory):
    """The upstream is not there while many messages come in, and then it is. Counted is from when it takes the first
    connection until it has all; beside it, how long until somebody connected."""
    sink = Sink(bench.tools, directory, bench.certificate)
    relay = kind(bench, directory, sink, Needs())
    try:
        idle = relay.processes.memory_mb()
        load = bench.tools.load(
            relay.port(None), messages=bench.outage_messages, sessions=SESSIONS, ids=directory / "given")
        complaints(load)
        if (queued := relay.queued()) != load["accepted"]:
            raise Wrong(f"{load['accepted']} messages answered 250, {queued} in the queue")
        relay.settle()
        full = relay.processes.memory_mb()
        meter = Meter(relay)
        back = time.monotonic()
        sink.start()
        relay.wake()
        seen = sink.await_messages(load["accepted"], SETTLE_SECONDS + 60)
        figures = meter.figures(load["accepted"])
        compare(sink, directory / "given")
        return {"rate": load["accepted"] / (seen["ended"] - seen["began"]), "found_s": seen["began"] - back,
                "empty_s": seen["ended"] - back, **figures, "memory_mb": full, "grown_mb": full - idle}
    finally:
        relay.close()
        sink.close()


def idle(bench, kind, directory):
    relay = kind(bench, directory, Sink(bench.tools, directory, bench.certificate), Needs())
    try:
        time.sleep(bench.seconds / 2)
        began, before = time.monotonic(), relay.processes.cpu_seconds()
        time.sleep(bench.idle_seconds)
        used = relay.processes.cpu_seconds() - before
        return {"memory_mb": relay.processes.memory_mb(), "cpu_ms_minute": used * 60e3 / (time.monotonic() - began)}
    finally:
        relay.close()


def idle_sessions(bench, kind, directory, sessions):
    """So many clients have encrypted, have logged in, and say nothing."""
    relay = kind(bench, directory, Sink(bench.tools, directory, bench.certificate), Needs(tls="starttls"))
    clients = None
    try:
        clients, served = bench.tools.hold(
            relay.port("starttls"), bench.hold_seconds, sessions=sessions, tls="starttls", login=relay.login)
        time.sleep(1)
        return {"memory_mb": relay.processes.memory_mb(), "served": served}
    finally:
        if clients:
            clients.stdin.close()
            clients.wait(10)
            clients.stdout.close()
        relay.close()


def start(bench, kind, directory, messages=0):
    """From the start of the process to the first banner, with so much mail in the queue."""
    spool = bench.spool(messages) if messages else None
    relay = kind(bench, directory, Sink(bench.tools, directory, bench.certificate), Needs(spool=spool))
    try:
        if (queued := relay.queued()) != messages:
            raise Wrong(f"{queued} of {messages} messages are in the queue")
        return {"start_ms": relay.start_ms, "memory_mb": relay.processes.memory_mb()}
    finally:
        relay.close()


def opened(bench, kind, directory, messages, routes):
    """The queue alone, without a daemon: what a message costs in memory, and how long it takes to get one."""
    found, milliseconds, octets, due, lease, reload = bench.open_queue(bench.spool(messages), routes)
    if found != messages:
        raise Wrong(f"{found} of {messages} messages are in the queue")
    return {"start_ms": milliseconds, "octets": octets / messages, "due_ms": due, "lease_ns": lease,
            "reload_ms": reload}


def compare(sink, *given):
    """Each id that was answered 250 is at the upstream, once, and no other."""
    sink.seen()  # which writes all ids that are there
    taken = sink.ids.read_text().split()
    wanted = {id for file in given for id in file.read_text().split()}
    lost, doubled = wanted - set(taken), len(taken) - len(set(taken))
    if lost or doubled or set(taken) - wanted:
        foreign = len(set(taken) - wanted)
        raise Wrong(f"{len(lost)} messages did not arrive, {doubled} came twice, {foreign} are nobody's")
