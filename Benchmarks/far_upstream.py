#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""A relayhost that is far away: whatever it sends, each flight of a TLS handshake too, leaves it so many ms late.

It wants STARTTLS and a login, takes every message, and at SIGTERM prints what it saw as a line of JSON. A turn is a batch
of its replies that stood behind nothing else of it on its way.
"""
import argparse
import asyncio
import json
import signal
import ssl
import time
from base64 import b64decode


class Seen:
    def __init__(self):
        self.connections = self.open_now = self.messages = self.octets = self.in_chunks = 0
        self.turns = self.warm_messages = self.warm_turns = 0
        self.began = self.ended = 0.0


class Session(asyncio.Protocol):
    def __init__(self, options, context, seen):
        self.options, self.context, self.seen = options, context, seen
        self.tls = None
        self.input, self.replies = bytearray(), []
        self.on_its_way = self.turns = self.turns_before = self.messages = 0
        self.recipients, self.is_in_content, self.chunk, self.is_last = 0, False, None, False
        self.is_logged_in = self.wants_login = False

    # Octets

    def connection_made(self, transport):
        self.transport, self.loop = transport, asyncio.get_running_loop()
        seen = self.seen
        seen.began = seen.began or time.monotonic()
        seen.connections += 1
        seen.open_now += 1
        self._send(b"220 far.test\r\n")

    def connection_lost(self, _):
        self.seen.open_now -= 1

    def data_received(self, octets):
        if self.tls is None:
            self.input += octets
        else:
            self.incoming.write(octets)
            self._decrypt()
        self._read()
        if self.replies:
            octets, self.replies = b"".join(self.replies), []
            if self.tls is None:
                self._send(octets)
            else:
                self.tls.write(octets)
        self._send_encrypted()

    def _decrypt(self):
        try:
            if self.tls.cipher() is None or not self.is_encrypted:
                self.tls.do_handshake()
                self.is_encrypted = True
            while octets := self.tls.read(65536):
                self.input += octets
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self.transport.close()

    def _send_encrypted(self):
        if self.tls is not None and (octets := self.outgoing.read()):
            self._send(octets)

    def _send(self, octets):
        if not self.on_its_way:
            self.turns += 1
            self.seen.turns += 1
        self.on_its_way += 1
        self.loop.call_later(self.options.delay / 1000, self._arrive, octets)

    def _arrive(self, octets):
        self.on_its_way -= 1
        self.transport.write(octets)

    # The dialogue

    def _read(self):
        while self.input:
            if self.chunk is not None:
                taken = min(self.chunk, len(self.input))
                del self.input[:taken]
                self.seen.octets += taken
                self.chunk -= taken
                if self.chunk:
                    return
                self._end_chunk()
            elif self.is_in_content:
                end = self.input.find(b"\r\n.\r\n")
                if end < 0:
                    return
                self.seen.octets += end + 2
                del self.input[: end + 5]
                self.is_in_content = False
                self._take()
            else:
                line, found, rest = self.input.partition(b"\r\n")
                if not found:
                    return
                self.input = rest
                self._obey(bytes(line))

    def _reply(self, text):
        self.replies.append(text.encode() + b"\r\n")

    def _obey(self, line):
        if self.wants_login:
            self.wants_login = False
            return self._log_in(line)
        verb, _, rest = line.partition(b" ")
        match verb.upper():
            case b"EHLO":
                offers = ["PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "SIZE 100000000"]
                offers += ["CHUNKING"] if self.options.chunking else []
                offers += ["STARTTLS"] if self.tls is None else ["AUTH PLAIN"]
                self._reply("\r\n".join(["250-far.test", *(f"250-{offer}" for offer in offers), "250 HELP"]))
            case b"STARTTLS":
                self._reply("220 2.0.0 go on")
                self._send(self.replies.pop())
                self.incoming, self.outgoing, self.is_encrypted = ssl.MemoryBIO(), ssl.MemoryBIO(), False
                self.tls = self.context.wrap_bio(self.incoming, self.outgoing, server_side=True)
            case b"AUTH" if rest[5:].strip():
                self._log_in(rest[5:])
            case b"AUTH":
                self.wants_login = True
                self._reply("334 ")
            case b"MAIL" if self.is_logged_in:
                self.recipients = 0
                self._reply("250 2.1.0 sender")
            case b"RCPT" if self.is_logged_in:
                self.recipients += 1
                self._reply("250 2.1.5 recipient")
            case b"DATA" if self.recipients:
                self.is_in_content = True
                self._reply("354 go on")
            case b"BDAT":
                size, *last = rest.split()
                self.chunk, self.is_last = int(size), bool(last)
                if not self.chunk:
                    self._end_chunk()
            case b"RSET" | b"NOOP":
                self.recipients = 0 if verb == b"RSET" else self.recipients
                self._reply("250 2.0.0 fine")
            case b"QUIT":
                self._reply("221 2.0.0 bye")
            case _:
                self._reply("503 5.5.1 not now")

    def _log_in(self, answer):
        _, user, password = b64decode(answer).decode().split("\0")
        self.is_logged_in = (user, password) == (self.options.user, self.options.password)
        self._reply("235 2.7.0 welcome" if self.is_logged_in else "535 5.7.8 who are you")

    def _end_chunk(self):
        self.chunk = None
        if not self.recipients:
            self._reply("503 5.5.1 no recipients")
        elif self.is_last:
            self.seen.in_chunks += 1
            self._take()
        else:
            self._reply("250 2.0.0 go on")

    def _take(self):
        seen = self.seen
        self.recipients = 0
        self.messages += 1
        seen.messages += 1
        seen.ended = time.monotonic()
        # The turn that brings this reply is counted when it is sent, so it is the next one's; the sum is the same.
        if self.messages > 1:
            seen.warm_messages += 1
            seen.warm_turns += self.turns - self.turns_before
        self.turns_before = self.turns
        self._reply("250 2.0.0 taken")


async def serve(options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certificate, options.key)
    seen, ended = Seen(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    # On request, without an end, so that who asks knows when all is there.
    loop.add_signal_handler(signal.SIGUSR1, lambda: print(json.dumps(vars(seen)), flush=True))
    server = await loop.create_server(lambda: Session(options, context, seen), "127.0.0.1", options.port)
    print("listening", flush=True)
    await ended.wait()
    server.close()
    print(json.dumps(vars(seen)), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--delay", type=float, default=50, help="in ms")
    parser.add_argument("--chunking", action="store_true")
    for name in ("certificate", "key", "user", "password"):
        parser.add_argument(f"--{name}", required=True)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
