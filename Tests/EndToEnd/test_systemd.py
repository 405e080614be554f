# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""What the daemon has from a service manager and tells it, with fakes for the manager; and what the units say."""
import ctypes
import os
import re
import signal
import smtplib
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway import BINARIES, MUST_LOG_IN, ROOT, eventually, free_port, submit
from messages import message, token
from upstreams import ScriptedUpstream

WATCHDOG_SECONDS = 2


# Sockets

def test_listeners_and_console_take_the_sockets_of_their_names(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream, start=False)
    configured, foreign = gateway.plain_port, free_port()
    gateway.plain_port, gateway.port = free_port(), free_port()
    gateway.launch(sockets=[
        ("plain", f"127.0.0.1:{gateway.plain_port}"), ("submission", f"127.0.0.1:{gateway.port}"),
        ("admin", gateway.directory / "control/admin.sock"), ("smtp", f"127.0.0.1:{foreign}")])
    await_port(gateway.plain_port)
    subject = token()
    gateway.submit(message(subject))
    gateway.await_notification("READY=1")
    upstream.await_mail(subject)
    for mode in ("starttls", "implicit"):  # inherited, and bound as the file says
        with gateway.client(mode, MUST_LOG_IN) as session:
            assert session.noop()[0] == 250
    assert not answers(configured)
    listening = {listener["name"]: listener["port"] for listener in gateway.status()["in"]["listeners"]}
    assert listening["plain"] == gateway.plain_port
    assert re.search(r"warning: .*'smtp'.*\[listen\.smtp\]", gateway.log())
    gateway.stop()
    assert (gateway.directory / "control/admin.sock").exists(), "the file is the service manager's"


def test_without_a_listen_table_only_what_was_inherited_is_opened(make_gateway):
    gateway = make_gateway(start=False)
    for name in ("submission", "submissions", "plain"):
        del gateway.tables[f"listen.{name}"]
    gateway.configure({})
    gateway.plain_port = free_port()
    gateway.launch(sockets=[("submission", f"127.0.0.1:{gateway.plain_port}")])
    await_port(gateway.plain_port)
    gateway.await_notification("READY=1")
    assert re.search(rf"listening on submission 127\.0\.0\.1:{gateway.plain_port};", gateway.log())
    assert gateway.submit(message())


@pytest.mark.parametrize("inherits", [True, False])
def test_a_reload_that_changes_a_listener_refuses_nobody(inherits, make_gateway):
    gateway = make_gateway(start=False)
    if inherits:
        gateway.launch(sockets=[("plain", f"127.0.0.1:{gateway.plain_port}")])
        await_port(gateway.plain_port)
        gateway.await_notification("READY=1")
    else:
        gateway.start()
    ended, greeted, refused = threading.Event(), [], []

    def come_again():
        while not ended.is_set():
            try:
                with gateway.client() as session:
                    greeted.append(session.noop()[0])
            except (OSError, smtplib.SMTPException) as error:
                refused.append(error)

    visitors = [threading.Thread(target=come_again) for _ in range(4)]
    for visitor in visitors:
        visitor.start()
    for limit in range(100, 110):
        gateway.configure({"listen.plain": {"max_sessions": limit}})
        gateway.postern("reload")
    ended.set()
    for visitor in visitors:
        visitor.join()
    assert not refused and set(greeted) == {250} and len(greeted) >= 10


def test_a_port_that_the_socket_unit_owns_does_not_move_with_the_file(make_gateway):
    gateway = make_gateway(start=False)
    gateway.launch(sockets=[("plain", f"127.0.0.1:{gateway.plain_port}")])
    await_port(gateway.plain_port)
    gateway.await_notification("READY=1")
    gateway.configure({"listen.plain": {"port": free_port()}})
    gateway.postern("reload")
    assert "systemctl edit postern-plain.socket" in gateway.log()
    assert gateway.submit(message())


def test_a_listener_moves_to_another_address_of_the_same_port(make_gateway):
    gateway = make_gateway(changes={"listen.plain": {"address": ["127.0.0.1"]}})
    gateway.configure({"listen.plain": {"address": ["*"]}})
    gateway.postern("reload")
    with gateway.client(host="127.0.0.9") as session:
        assert session.noop()[0] == 250
    gateway.configure({"listen.plain": {"address": ["127.0.0.1", "192.0.2.1"]}})
    gateway.postern("reload", exit=(1, 2, 78))
    with gateway.client(host="127.0.0.9") as session:
        assert session.noop()[0] == 250


def test_a_wrong_configuration_answers_whoever_waits_and_then_ends_with_78(make_gateway):
    gateway = make_gateway(start=False)
    gateway.config_file.write_text("[upstream.office\n")
    gateway.launch(sockets=[
        ("submission", f"127.0.0.1:{gateway.port}"), ("submissions", f"127.0.0.1:{gateway.implicit_port}"),
        ("admin", gateway.directory / "control/admin.sock")])
    started = time.monotonic()
    await_port(gateway.port)
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as client:
            assert client.makefile("rb").read() == b"421 4.3.5 Gateway is misconfigured, the admin was told\r\n"
    with socket.create_connection(("127.0.0.1", gateway.implicit_port), timeout=5) as client:
        assert client.recv(100) == b""
    process, gateway.process = gateway.process, None
    assert process.wait(40) == 78
    assert time.monotonic() - started > 9, "nobody who comes a little later would be answered"
    assert f"{gateway.config_file}:1:" in gateway.log()


# What the manager hears

def test_status_follows_queue_and_upstream(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream, start=False)
    gateway.launch()
    assert gateway.manager.next(15) == "READY=1\nSTATUS=0 waiting, office ok"
    gateway.write_credential("not-the-password")
    gateway.add_secret(upstream.username, "not-the-password")
    gateway.postern("reload")
    gateway.submit(message())
    gateway.await_notification("STATUS=1 waiting, office paused (login)")
    gateway.process.send_signal(signal.SIGHUP)
    gateway.await_notification("RELOADING=1")
    gateway.await_notification("STATUS=1 waiting, office paused (login)")
    gateway.write_credential(upstream.password)
    gateway.postern("reload")
    gateway.await_notification("STATUS=0 waiting, office ok")


def test_a_long_recovery_asks_for_time_and_says_how_far_it_is(make_gateway):
    gateway = make_gateway()
    with gateway.client() as session:
        for _ in range(600):
            submit(session, message())
    gateway.kill()
    gateway.launch()
    told = gateway.await_notification("READY=1")
    assert told[0] == "EXTEND_TIMEOUT_USEC=30000000", told
    assert re.fullmatch(r"STATUS=reading the queue: \d+ messages", told[1]), told
    assert len(gateway.queue()) == 600


def test_the_watchdog_is_fed_while_all_is_well(make_gateway):
    gateway = make_gateway(start=False)
    gateway.start({"WATCHDOG_USEC": str(WATCHDOG_SECONDS * 1_000_000)})
    assert 2 <= pings(gateway, 2 * WATCHDOG_SECONDS) <= 5


@pytest.mark.parametrize("thread", ["mail", "console", "health"])
def test_the_watchdog_hears_nothing_while_an_event_loop_stands_still(thread, make_gateway):
    gateway = make_gateway(start=False)
    gateway.start({"WATCHDOG_USEC": str(WATCHDOG_SECONDS * 1_000_000)})
    gateway.await_notification("WATCHDOG=1")
    with frozen(event_loops(gateway.process.pid)[thread]):
        pings(gateway, WATCHDOG_SECONDS * 0.75)  # it may have answered already for the next one, half of the time away
        assert pings(gateway, 2 * WATCHDOG_SECONDS) == 0
    gateway.await_notification("WATCHDOG=1")
    assert ("event loop stalled" in gateway.log()) == (thread != "health")


def test_the_watchdog_hears_nothing_while_the_disk_does_not_answer(make_gateway):
    gateway = make_gateway(start=False)
    gateway.start({"WATCHDOG_USEC": str(WATCHDOG_SECONDS * 1_000_000)})
    with gateway.client() as session:
        session.mail("alice@example.org")
        session.rcpt("bob@example.net")
        # The writer as it is in a sync that does not return.
        with frozen(threads(gateway.process.pid)["log-writer"]):
            session.docmd("DATA")
            session.send(message() + b".\r\n")
            pings(gateway, WATCHDOG_SECONDS * 1.5)
            assert pings(gateway, 2 * WATCHDOG_SECONDS) == 0
            assert "spool stalled" in gateway.log()
        assert session.getreply()[0] == 250
    gateway.await_notification("WATCHDOG=1")


def test_a_hold_that_ends_while_nothing_can_leave_is_no_stall(make_gateway):
    gateway = make_gateway(start=False)
    gateway.start({"WATCHDOG_USEC": str(WATCHDOG_SECONDS * 1_000_000)})
    gateway.postern("pause", "out")
    id = gateway.submit(message())
    gateway.postern("hold", id, "--for", "1s")
    pings(gateway, 1.5 * WATCHDOG_SECONDS)
    assert pings(gateway, 2 * WATCHDOG_SECONDS) >= 2
    assert "spool stalled" not in gateway.log()
    assert gateway.message(id)["state"] == "queued"


def test_no_watchdog_for_another_process(make_gateway):
    gateway = make_gateway(start=False)
    gateway.start({"WATCHDOG_USEC": str(WATCHDOG_SECONDS * 1_000_000), "WATCHDOG_PID": str(os.getpid())})
    assert pings(gateway, WATCHDOG_SECONDS) == 0


# The units

@pytest.fixture(scope="module")
def units(tmp_path_factory):
    """Where `make install` has put them."""
    prefix = tmp_path_factory.mktemp("installed")
    subprocess.run(
        ["make", "--silent", "--old-file=build", "install", f"PREFIX={prefix}", f"BINARIES={BINARIES}"],
        cwd=ROOT, check=True)
    return prefix / "lib/systemd/system"


def test_systemd_finds_nothing_to_say_about_the_units(units):
    paths = sorted(units.iterdir())
    assert len(paths) == 6
    # It ends with 0 whatever it finds.
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *paths], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_service_is_exposed_no_more_than_1_2(units):
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", units / "postern.service"],
        capture_output=True, text=True, check=True)
    (exposure,) = re.findall(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert float(exposure) <= 1.2, done.stdout


# Helpers

def await_port(port):
    """The activator listens before it starts anything, and a connection is what starts it."""
    eventually(lambda: answers(port), what=f"port {port}")


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def pings(gateway, seconds):
    """How often the daemon says in this time that it lives."""
    count, end = 0, time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        count += gateway.manager.next(left) == "WATCHDOG=1"
    return count


def threads(pid):
    """Thread ids by name."""
    return {(task / "comm").read_text().strip(): int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()}


def event_loops(pid):
    """They are numbered in the order in which the gateway makes them."""
    loops = sorted((name, thread) for name, thread in threads(pid).items() if name.startswith("NIO-ELT"))
    return dict(zip(("console", "health", "mail"), (thread for _, thread in loops)))


@contextmanager
def frozen(thread):
    """One thread stands still, as in a system call that does not return; the others go on."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    seize, interrupt, detach, wait_all = 0x4206, 0x4207, 17, 0x40000000
    if libc.ptrace(seize, thread, None, None) != 0:
        pytest.skip(f"no thread may be stopped here: {os.strerror(ctypes.get_errno())}")
    assert libc.ptrace(interrupt, thread, None, None) == 0
    os.waitpid(thread, wait_all)
    try:
        yield
    finally:
        assert libc.ptrace(detach, thread, None, None) == 0
