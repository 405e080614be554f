# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Devices and programs of the LAN, which never stop sending: over TLS and plain, with a login and without, small mail
and large. Each message's intent is written down before its dot, its answer after it."""
import base64
import hashlib
import random
import socket
import ssl
import threading
import time

from records import Record

# Where a recipient lives says what becomes of him; see relayhost.py and crash.py.
DOMAINS = ("fine.test",) * 87 + ("never.test",) * 3 + ("doomed.test",) * 3 + ("held.test",) * 4 + ("dropped.test",) * 3
LINES = [bytes(random.Random(n).choices(b".abcdefghijklmnopqrstuvwxyz0123456789 ", k=70 + n % 9)) for n in range(997)]


def run(name, place, path, threads, may_send, stopping):
    """One process. It sends while the event `may_send` is set and ends when `stopping` is."""
    record = Record(path)
    context = ssl.create_default_context(cafile=place["certificate"])
    workers = [
        threading.Thread(target=Client(f"{name}t{n}", place, context, record).run, args=(may_send, stopping))
        for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


class Client:
    MODES = ("plain", "plain", "starttls", "implicit")

    def __init__(self, name, place, context, record):
        self.name, self.place, self.context, self.record = name, place, context, record
        self.random = random.Random(f"{place['seed']} {name}")
        self.count = 0

    def run(self, may_send, stopping):
        while not stopping.is_set():
            if not may_send.wait(0.1):
                continue
            try:
                self.session(may_send)
            except OSError:
                # Killed, or not there yet.
                time.sleep(0.004)

    def session(self, may_send):
        mode = self.random.choice(self.MODES)
        port = self.place[mode]
        source = ("127.0.0.2" if mode == "plain" else "127.0.0.1", 0)
        with socket.create_connection(("127.0.0.1", port), timeout=30, source_address=source) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            dialogue = Dialogue(connection)
            if mode == "implicit":
                dialogue.encrypt(self.context)
            dialogue.expect(220)
            dialogue.ask(b"EHLO client.test", 250)
            if mode == "starttls":
                dialogue.ask(b"STARTTLS", 220)
                dialogue.encrypt(self.context)
                dialogue.ask(b"EHLO client.test", 250)
            if mode != "plain":
                account = base64.b64encode(f"\0{self.place['user']}\0{self.place['password']}".encode())
                dialogue.ask(b"AUTH PLAIN " + account, 235)
            for _ in range(self.random.randint(1, 30)):
                if not may_send.is_set():
                    break
                if not self.transaction(dialogue):
                    time.sleep(0.05)
            dialogue.ask(b"QUIT", 221)

    def transaction(self, dialogue):
        """One message. Returns whether it was taken."""
        self.count += 1
        token = f"{self.name}n{self.count}"
        count = self.random.choice((1, 1, 1, 1, 2, 3, 8))
        recipients = [f"r{n}.{token}@{self.random.choice(DOMAINS)}" for n in range(count)]
        content = self.content(token)
        dialogue.send(f"MAIL FROM:<{token}@client.test>".encode())
        for recipient in recipients:
            dialogue.send(f"RCPT TO:<{recipient}>".encode())
        dialogue.send(b"DATA")
        codes = [dialogue.code() for _ in range(count + 2)]
        if codes[-1] != 354:
            # Refused before there was a message.
            dialogue.ask(b"RSET", 250)
            return False
        dialogue.write(content.replace(b"\r\n.", b"\r\n.."))
        self.record.write(
            token=token, recipients=recipients, digest=hashlib.sha256(content).hexdigest(), octets=len(content))
        dialogue.write(b".\r\n")
        code = dialogue.code()
        self.record.write(token=token, code=code)
        return code == 250

    def content(self, token):
        kind = self.random.random()
        octets = self.random.randrange(
            *((10, 4_000) if kind < 0.85 else (20_000, 200_000) if kind < 0.97 else (200_000, 2_000_000)))
        start = self.random.randrange(len(LINES))
        body = b"\r\n".join(LINES[(start + n) % len(LINES)] for n in range(1 + octets // 76))
        return (
            b"From: %s@client.test\r\nTo: somebody@fine.test\r\nSubject: %s\r\nMessage-ID: <%s@client.test>\r\n"
            b"Date: Fri, 20 Nov 2026 10:00:00 +0100\r\n\r\n" % ((token.encode(),) * 3) + body + b"\r\n")


class Dialogue:
    def __init__(self, connection):
        self.connection, self.buffer = connection, b""

    def encrypt(self, context):
        self.connection = context.wrap_socket(self.connection, server_hostname="localhost")

    def write(self, octets):
        self.connection.sendall(octets)

    def send(self, line):
        self.write(line + b"\r\n")

    def code(self):
        """Of the next reply, with all its lines."""
        while True:
            while b"\r\n" not in self.buffer:
                octets = self.connection.recv(65536)
                if not octets:
                    raise ConnectionResetError
                self.buffer += octets
            line, self.buffer = self.buffer.split(b"\r\n", 1)
            if line[3:4] != b"-":
                return int(line[:3])

    def expect(self, code):
        if self.code() != code:
            raise ConnectionAbortedError

    def ask(self, line, code):
        self.send(line)
        self.expect(code)
