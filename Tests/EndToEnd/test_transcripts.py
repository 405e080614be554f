# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""The dialogues of Tests/Transcripts against the daemon on loopback; the README there describes the format."""
import re
import smtplib
import socket

import pytest

from gateway import MUST_LOG_IN, NEEDS_NOTHING, ROOT, eventually
from upstreams import Upstream

FILES = sorted((ROOT / "Tests/Transcripts").glob("*.smtp"))
USER, PASSWORD = "alice", "s3cret"
ADDRESS = re.compile(r"<([^>]*)>")


class Transcript:
    def __init__(self, file):
        self.name, self.given, self.lines, self.is_server = file.name, [], [], False
        for number, line in enumerate(file.read_text().splitlines(), 1):
            verb, _, text = line.partition(" ")
            if verb == "ROLE":
                self.is_server = text == "server"
            elif verb == "GIVEN":
                self.given += text.split()
            elif verb and verb != "#":
                self.lines.append((number, verb, text))

    def value(self, key, default=None):
        return next((word.partition("=")[2] for word in self.given if word.startswith(key + "=")), default)


def load(is_server):
    transcripts = [Transcript(file) for file in FILES]
    return [pytest.param(each, id=each.name) for each in transcripts
            if each.is_server == is_server and "memory" not in each.given]


class Line:
    """The lines of one side of a connection, as they come."""

    def __init__(self, connection):
        self.connection, self.buffer = connection, b""
        connection.settimeout(10)

    def next(self):
        while b"\r\n" not in self.buffer:
            octets = self.connection.recv(65536)
            if not octets:
                return None
            self.buffer += octets
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line.decode()

    def expect(self, pattern, where):
        line = self.next()
        wanted = ".*".join(re.escape(part) for part in pattern.split("*"))
        assert line is not None and re.fullmatch(wanted, line), f"{where}: wanted '{pattern}', got '{line}'"

    def send(self, text):
        self.connection.sendall(text.encode())

    def is_closed(self):
        try:
            return not self.buffer and self.connection.recv(1) == b""
        except ConnectionError:
            return True


@pytest.mark.parametrize("transcript", load(is_server=True))
def test_a_client_is_answered_as_written(transcript, make_gateway, certificate):
    changes = {"message": {"max_size": f"{int(transcript.value('size', 1 << 20)) // 1024}K",
                           "max_recipients": int(transcript.value("recipients", 100))}}
    gateway = make_gateway(changes=changes, start=False)
    gateway.add_user(USER, PASSWORD)
    gateway.start()
    implicit = "implicit" in transcript.given
    source = NEEDS_NOTHING if "no-auth" in transcript.given else MUST_LOG_IN
    port = gateway.implicit_port if implicit else gateway.port
    connection = socket.create_connection(("127.0.0.1", port), source_address=(source, 0))
    encrypt = lambda plain: gateway.tls().wrap_socket(plain, server_hostname="localhost")
    line = Line(encrypt(connection) if implicit else connection)
    unsent = ""
    for number, verb, text in transcript.lines:
        where = f"{transcript.name}:{number}"
        if verb == "C+":
            unsent += text + "\r\n"
        elif verb == "C:":
            line.send(unsent + text + "\r\n")
            unsent = ""
        elif verb == "C*":
            count, _, repeated = text.partition(" ")
            line.send((repeated + "\r\n") * int(count))
        elif verb == "S:":
            line.expect(text, where)
        elif verb == "TLS":
            line = Line(encrypt(connection))
        elif verb == "CLOSED":
            assert line.is_closed(), f"{where}: the connection is open"
    line.connection.close()


class TranscriptUpstream(Upstream):
    username, password = USER, PASSWORD

    def __init__(self, transcript, certificate):
        super().__init__()
        self.transcript, self.certificate = transcript, certificate
        self.mode = next((word for word in ("starttls", "implicit") if word in transcript.given), "none")
        self.mechanism = transcript.value("login")
        if not self.mechanism:
            self.username = self.password = None
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.listener.settimeout(15)

    def settings(self):
        if self.mode == "none":
            return super().settings()
        return {**self.encrypted_settings(self.mode, self.certificate), "auth": self.mechanism}

    def encrypt(self, connection):
        return self.certificate.server_context().wrap_socket(connection, server_side=True)

    def close(self):
        self.listener.close()


def submit(gateway, sender, recipients):
    """Hands over the message that transcripts deliver, as few octets as its first line says."""
    with smtplib.SMTP("127.0.0.1", gateway.plain_port, source_address=(NEEDS_NOTHING, 0)) as session:
        session.sendmail(sender, recipients, b"Subject: t\r\n\r\n.x\r\n")


@pytest.mark.parametrize("transcript", load(is_server=False))
def test_an_upstream_is_spoken_to_as_written(transcript, make_gateway, certificate):
    upstream = TranscriptUpstream(transcript, certificate)
    gateway = make_gateway(upstream, {"queue": {"retry": ["1h"]}})
    deliveries = [ADDRESS.findall(text) for _, verb, text in transcript.lines if verb == "DELIVER"]
    # A gateway connects when mail waits: the first message has to be there before the greeting.
    waiting = deliveries or [["alice@example.org", "bob@example.net"]]
    submit(gateway, waiting[0][0], waiting[0][1:])
    connection, _ = upstream.listener.accept()
    line = Line(upstream.encrypt(connection) if upstream.mode == "implicit" else connection)
    delivered, unsent, in_content, expected = 0, "", False, 0
    for number, verb, text in transcript.lines:
        where = f"{transcript.name}:{number}"
        if verb == "S+":
            unsent += text + "\r\n"
        elif verb == "S:":
            line.send(unsent + text + "\r\n")
            unsent, in_content = "", text.startswith("354")
        elif verb == "C:":
            if in_content:
                # What we put in front of a message is not part of the transcript.
                while not line.buffer.startswith(b"Subject: t\r\n"):
                    assert line.next() is not None, f"{where}: closed in the middle of the content"
                in_content = False
            line.expect(text, where)
        elif verb == "TLS":
            line = Line(upstream.encrypt(connection))
        elif verb == "DELIVER":
            if delivered:
                submit(gateway, deliveries[delivered][0], deliveries[delivered][1:])
            delivered += 1
        elif verb == "RESULT":
            for word in text.split():
                if word in ("delivered", "deferred", "failed"):
                    expected += 1
            outcome = re.compile(r"status=(sent|deferred|bounced)")
            eventually(lambda: len(outcome.findall(gateway.log())) >= expected, what=f"{where}: {text}")
            names = {"sent": "delivered", "bounced": "failed"}
            words = [names.get(word, word) for word in outcome.findall(gateway.log())]
            assert sorted(words[-len(text.split()):]) == sorted(text.split()), where
        elif verb == "TROUBLE":
            # To an admin an upstream that is busy or talks nonsense is unreachable.
            told = "is unreachable" if text in ("busy", "broken", "unreachable") else f"({text})"
            eventually(lambda: told in gateway.log(), what=f"{where}: trouble {text}")
        elif verb == "CLOSED":
            assert line.is_closed(), f"{where}: the connection is open"
    line.connection.close()
