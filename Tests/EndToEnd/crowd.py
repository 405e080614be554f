# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Many sessions at once that stay: logged in, halfway through a message, or slow on purpose. And one client beside them."""
import base64
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway import PASSWORD, USER, submit
from messages import message

THREADS = 8
PIECE = 1 << 20
LOGIN = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode())


def resident_octets(pid, name="VmRSS"):
    """Of a process now; its highest so far is VmHWM."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {name} of {pid}")


def ask(connection, line, wanted):
    """One command and its reply."""
    connection.sendall(line)
    reply = b""
    while not (reply.endswith(b"\r\n") and reply.rsplit(b"\r\n", 2)[-2][3:4] == b" "):
        octets = connection.recv(4096)
        assert octets, f"closed behind {line[:20]}"
        reply += octets
    assert reply.startswith(wanted), (line[:20], reply)
    return reply


class Crowd:
    """Sessions over TLS, opened by a few threads; each stays until `close`."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.context = gateway.tls()
        self.sessions = []
        # In the world these are other machines, which take no time of the gateway's: theirs comes last here.
        self.pool = ThreadPoolExecutor(THREADS, initializer=lambda: os.nice(10))

    def open(self, count):
        self.sessions += self.pool.map(lambda _: self.log_in(), range(count))

    def log_in(self):
        plain = socket.create_connection(("127.0.0.1", self.gateway.implicit_port), 60)
        session = self.context.wrap_socket(plain, server_hostname="localhost")
        ask(session, b"", b"220 ")
        ask(session, b"EHLO crowd.test\r\n", b"250-")
        ask(session, b"AUTH PLAIN " + LOGIN + b"\r\n", b"235 ")
        return session

    def begin_messages(self, count, octets):
        """The first `count` sessions send so many octets of a message, all at the same time, and stop there. Returns how
        many of them there was room for."""
        began = self.pool.map(self.begin_message, self.sessions[:count])
        first = [session for session, is_taken in zip(self.sessions, began) if is_taken]
        line = b"0123456789abcdef" * 4 + b"\r\n"
        piece = line * (PIECE // len(line))
        for sent in range(0, octets, len(piece)):
            rest = piece[: octets - sent]
            list(self.pool.map(lambda session: session.sendall(rest), first))
        return len(first)

    @staticmethod
    def begin_message(session):
        ask(session, b"MAIL FROM:<alice@example.org>\r\n", b"250 ")
        ask(session, b"RCPT TO:<bob@example.net>\r\n", b"250 ")
        return ask(session, b"DATA\r\n", (b"354 ", b"452 4.3.1 ")).startswith(b"354 ")

    def check_alive(self, first):
        """Those that are in no message still answer."""
        list(self.pool.map(lambda session: ask(session, b"NOOP\r\n", b"250 "), self.sessions[first:]))

    def close(self):
        for session in self.sessions:
            session.close()
        self.pool.shutdown()


class GoodClient:
    """Hands in a message a second, over a connection of its own with TLS and login each time, and notes how long each
    took from the connection to its 250."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.seconds = []
        self.errors = []
        self.began = []

    def run(self, is_over):
        due = time.monotonic()
        while not is_over():
            due += 1
            began = time.monotonic()
            try:
                with self.gateway.client("implicit", None, USER) as session:
                    submit(session, message())
                    self.seconds.append(time.monotonic() - began)
                    self.began.append(began)
            except Exception as error:  # whatever it is, it must not happen
                self.errors.append(f"{type(error).__name__}: {error}")
            time.sleep(max(0, due - time.monotonic()))

    @property
    def slowest(self):
        """The 99th of a hundred."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
