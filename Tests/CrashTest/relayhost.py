# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""A relayhost that writes down every transaction before it answers, and that defers, refuses, dawdles and hangs up while
it is not told to be calm."""
import hashlib
import random
import re
import socket
import threading
import time

from records import Record

# Ways to answer the dot, and how often. "hang-up" has not taken the message, "taken-hang-up" has.
MOODS = {"taken": 80, "taken-late": 4, "taken-hang-up": 5, "deferred": 5, "refused": 3, "hang-up": 3}


def run(port, path, seed, is_calm, stopping):
    listener = socket.create_server(("127.0.0.1", port), backlog=100)
    listener.settimeout(0.2)
    record = Record(path)
    count = 0
    while not stopping.is_set():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        count += 1
        conversation = Conversation(connection, record, random.Random(f"{seed} {count}"), is_calm)
        threading.Thread(target=conversation.run, daemon=True).start()


class Conversation:
    def __init__(self, connection, record, generator, is_calm):
        connection.settimeout(120)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection, self.record, self.random, self.is_calm = connection, record, generator, is_calm
        self.buffer, self.transactions = b"", 0
        self.sender, self.recipients, self.began = None, [], 0

    def run(self):
        with self.connection:
            try:
                self.say("220 relay.test")
                while self.command(self.line()):
                    pass
            except OSError:
                pass

    def command(self, line):
        verb = line[:4].upper()
        if verb == b"EHLO":
            self.say("250-relay.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 100000000")
        elif verb == b"MAIL":
            self.sender, self.recipients, self.began = path_of(line), [], time.monotonic()
            self.say("250 2.1.0 sender")
        elif verb == b"RCPT":
            self.recipient(path_of(line))
        elif verb == b"DATA":
            if not self.recipients:
                self.say("554 5.5.1 nobody to send it to")
                return True
            self.say("354 go on")
            return self.content(self.read_content())
        elif verb == b"QUIT":
            self.say("221 2.0.0 bye")
            return False
        else:
            self.say("250 2.0.0 ok")
        return True

    def recipient(self, address):
        if address.endswith("@never.test"):
            self.record.write(refused=[address])
            self.say("550 5.1.1 nobody here")
        elif not self.is_calm.is_set() and self.random.random() < 0.02:
            self.say("450 4.2.1 later")
        else:
            self.recipients.append(address)
            self.say("250 2.1.5 recipient")

    def content(self, content):
        """Answers the dot; returns whether the conversation goes on."""
        self.transactions += 1
        mood = "taken" if self.is_calm.is_set() else self.random.choices(*zip(*MOODS.items()))[0]
        # Who hangs up on the first message is taken for ill, and left alone for longer than a round.
        if mood.endswith("hang-up") and self.transactions < 2 and self.random.random() < 0.9:
            mood = "taken"
        if self.sender == "" and mood == "refused":
            mood = "taken"
        number = self.random.getrandbits(48)
        if mood.startswith("taken"):
            self.record.write(number=number, began=self.began, mood=mood, **self.facts(content))
        elif mood == "refused":
            self.record.write(refused=self.recipients)
        if mood.endswith("hang-up"):
            return False
        if mood == "taken-late":
            time.sleep(self.random.uniform(0, 0.3))
        self.say({"deferred": "451 4.3.0 later", "refused": "554 5.6.0 never"}.get(mood, "250 2.0.0 taken"))
        if mood.startswith("taken"):
            self.record.write(replied=number)
        return True

    def facts(self, content):
        head = content[:4000]
        if self.sender == "":
            fields = re.sub(rb"\r\n[ \t]+", b" ", content)
            reports = re.findall(rb"Final-Recipient: rfc822; ?(\S+)\r\nAction: (\w+)", fields)
            return {"failed": [address.decode() for address, action in reports if action == b"failed"]}
        start = head.find(b"\r\nFrom: ") + 2
        # In front of it is what the gateway adds: one Received field.
        is_whole = re.fullmatch(rb"Received: [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", head[:start]) is not None
        return {
            "token": self.sender.split("@")[0], "recipients": self.recipients, "is_whole": is_whole,
            "digest": hashlib.sha256(content[start:]).hexdigest()}

    def say(self, text):
        self.connection.sendall(text.encode() + b"\r\n")

    def receive(self):
        octets = self.connection.recv(262144)
        if not octets:
            raise ConnectionResetError
        return octets

    def line(self):
        while b"\r\n" not in self.buffer:
            self.buffer += self.receive()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def read_content(self):
        octets, self.buffer = bytearray(b"\r\n" + self.buffer), b""
        start = 0
        while (end := octets.find(b"\r\n.\r\n", start)) < 0:
            start = max(0, len(octets) - 4)
            octets += self.receive()
        self.buffer = bytes(octets[end + 5 :])
        return bytes(octets[: end + 2].replace(b"\r\n..", b"\r\n.")[2:])


def path_of(line):
    return re.search(rb"<(.*?)>", line)[1].decode()
