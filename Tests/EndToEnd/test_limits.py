# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""What the machine gives too little of: open files, time of the disk. Mail goes on, and the console answers."""
import os
import resource
import socket
import threading
import time
from contextlib import ExitStack

from gateway import NEEDS_NOTHING, eventually, submit
from messages import message, token
from spools import FaultyDisk
from upstreams import ScriptedUpstream

FILES = 112


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat") as facts:
        fields = facts.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def greetings(sockets):
    """What came on each of them so far."""
    heard = []
    for each in sockets:
        each.settimeout(0.01)
        try:
            heard.append(each.recv(512))
        except (TimeoutError, ConnectionError):
            heard.append(b"")
    return heard


def test_with_few_open_files_sessions_are_refused_and_queue_upstream_and_console_have_theirs(
        open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream, "none", login=False)
    gateway = make_gateway(upstream, start=False)
    gateway.start(files=FILES)
    (limited,) = gateway.events("files-limited")
    assert f"the limit of {FILES} open files leaves room for {limited['sessions']} sessions" in limited["message"]
    with ExitStack() as open_sockets:
        flood = [
            open_sockets.enter_context(
                socket.create_connection(("127.0.0.1", gateway.plain_port), 10, (NEEDS_NOTHING, 0)))
            for _ in range(3 * FILES)]
        eventually(lambda: gateway.events("sessions-exceeded"))
        heard = eventually(lambda: greetings(flood) if len(gateway.events("sessions-exceeded")) > FILES else None)
        assert sum(octets.startswith(b"220 ") for octets in heard) <= limited["sessions"]
        before = processor_seconds(gateway.process.pid)
        time.sleep(2)
        assert processor_seconds(gateway.process.pid) - before < 0.2, "it spins"
        assert gateway.status()["in"]["sessions"] == limited["sessions"]
        # One of those that were let in still gets its promise, and the upstream its mail.
        subject = token()
        (admitted, *_) = [each for each, octets in zip(flood, heard) if octets.startswith(b"220 ")]
        say(admitted, message(subject))
        eventually(lambda: upstream.mails_about(subject))
    gateway.submit(message())


def say(connection, content):
    """One message over a connection that was greeted already."""
    connection.settimeout(20)
    with connection.makefile("rwb") as stream:
        for line in (b"EHLO a", b"MAIL FROM:<alice@example.org>", b"RCPT TO:<bob@example.net>", b"DATA"):
            stream.write(line + b"\r\n")
            stream.flush()
            while (reply := stream.readline())[3:4] == b"-":
                pass
            assert reply[:1] in b"23", reply
        stream.write(content + b"\r\n.\r\n")
        stream.flush()
        assert stream.readline().startswith(b"250 "), "not accepted"


def test_where_the_machine_has_no_descriptor_left_accepting_rests_and_goes_on(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream, "none", login=False)
    gateway = make_gateway(upstream)
    open_files = len(os.listdir(f"/proc/{gateway.process.pid}/fd"))
    # Behind its back, so that it cannot have kept some for itself.
    resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (open_files + 1, 1024))
    with ExitStack() as open_sockets:
        for _ in range(8):
            open_sockets.enter_context(socket.create_connection(("127.0.0.1", gateway.plain_port), 10))
        time.sleep(1)
        before = processor_seconds(gateway.process.pid)
        time.sleep(3)
        assert processor_seconds(gateway.process.pid) - before < 0.3, "it spins"
        resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (1024, 1024))
    gateway.submit(message())


def test_while_the_disk_is_slow_replies_wait_and_the_console_answers(tmp_path, open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream, "none", login=False)
    gateway = make_gateway(upstream, start=False)
    disk = FaultyDisk(tmp_path)
    gateway.start(environment=disk.environment)
    clients = 12
    replied = []

    def send(subject):
        with gateway.client() as session:
            replied.append((submit(session, message(subject)), time.monotonic()))

    subjects = [token() for _ in range(clients)]
    threads = [threading.Thread(target=send, args=(subject,)) for subject in subjects]
    disk.fail("slow 1000 2000")
    began = time.monotonic()
    for thread in threads:
        thread.start()
    asked = []
    while time.monotonic() - began < 1.5:
        start = time.monotonic()
        gateway.postern("status", exit=(0, 1))
        asked.append(time.monotonic() - start)
    assert not replied, "250 before the disk had it"
    assert sorted(asked)[len(asked) // 2] < 0.5, asked
    for thread in threads:
        thread.join()
    # What came while one sync was under way became durable together with the next one.
    assert max(when for _, when in replied) - began < 8
    disk.work()
    eventually(lambda: all(upstream.mails_about(subject) for subject in subjects))
    assert len(replied) == clients
