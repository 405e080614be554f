# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""What standard error of a daemon can be, so that it writes its log in each of its three ways.

Each is given to `Gateway.start`, copies all that comes to the gateway's log file, and has `messages()`: the text of
every event, without "warning: " in front. `unusable()` says why this machine cannot have it.
"""
import json
import os
import pty
import re
import socket
import struct
import subprocess
import threading

from gateway import eventually


class LogFile:
    """A plain file: JSON."""

    prefix, environment = (), {}

    def __init__(self, gateway):
        self.gateway = gateway
        self.descriptor = os.open(gateway.log_file, os.O_WRONLY | os.O_APPEND)

    @staticmethod
    def unusable():
        return None

    def lines(self):
        """As written, without what is not ours (the runtime's own complaints)."""
        return self.gateway.raw_log().splitlines()

    def entries(self):
        return [json.loads(line) for line in self.lines()]

    def messages(self):
        return [entry["message"].removeprefix("warning: ") for entry in self.entries()]

    def close(self):
        os.close(self.descriptor)


class Terminal(LogFile):
    """A terminal: text."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.master, self.descriptor = pty.openpty()
        self.thread = threading.Thread(target=self._copy)
        self.thread.start()

    def _copy(self):
        with self.gateway.log_file.open("ab", buffering=0) as log:
            while True:
                try:
                    octets = os.read(self.master, 65536)
                except OSError:  # nobody has the other side open
                    return
                log.write(octets)

    def lines(self):
        # The terminal sets a carriage return before each line feed; no other may be there.
        return self.gateway.log_file.read_bytes().decode().split("\r\n")[:-1]

    def messages(self):
        return [re.sub(r"^(?:critical|error|warning|notice|info|debug): ", "", line) for line in self.lines()]

    def close(self):
        os.close(self.descriptor)
        self.thread.join(10)
        os.close(self.master)


class Journal(LogFile):
    """The journal's socket, bound over the real one's place in a mount namespace of the daemon: entries."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.taken = []
        folder = gateway.directory / "journal"
        folder.mkdir()
        self.receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.receiver.bind(str(folder / "socket"))
        # What comes here without fields is not the log; whoever looks finds it in the file.
        self.descriptor = os.open(gateway.log_file, os.O_WRONLY | os.O_APPEND)
        status = os.fstat(self.descriptor)
        self.environment = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        self.prefix = ("unshare", "--mount", "sh", "-euc", self.ENTER, "-", folder)
        self.thread = threading.Thread(target=self._take)
        self.thread.start()

    ENTER = """
        mount -t tmpfs tmpfs /run
        mkdir -p /run/systemd/journal
        mount --bind "$1" /run/systemd/journal
        shift
        exec "$@"
    """

    @staticmethod
    def unusable():
        probe = subprocess.run(
            ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/run"], capture_output=True, text=True)
        return f"no mount namespace: {probe.stderr.strip()}" if probe.returncode else None

    def _take(self):
        with self.gateway.log_file.open("ab", buffering=0) as log:
            while datagram := self.receiver.recv(1 << 20):
                log.write(datagram + b"\n")
                self.taken.append(datagram)

    def lines(self):
        return [line for datagram in list(self.taken) for line in datagram.decode().splitlines()]

    def fields(self):
        """Of each entry: (name, value) in their order."""
        return [self._parse(datagram) for datagram in list(self.taken)]

    @staticmethod
    def _parse(datagram):
        """systemd.io/JOURNAL_NATIVE_PROTOCOL: NAME=value, or NAME, length and any octets."""
        fields = []
        while datagram:
            line, datagram = datagram.split(b"\n", 1)
            name, sign, value = line.partition(b"=")
            if not sign:
                (length,), datagram = struct.unpack("<Q", datagram[:8]), datagram[8:]
                value, datagram = datagram[:length], datagram[length + 1:]
            fields.append((name.decode(), value.decode()))
        return fields

    def entries(self):
        return [dict(fields) for fields in self.fields()]

    def messages(self):
        return [entry["MESSAGE"].removeprefix("warning: ") for entry in self.entries()]

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", str(self.gateway.directory / "journal/socket"))
        eventually(lambda: not self.thread.is_alive(), what="the end of the journal")
        self.receiver.close()
        os.close(self.descriptor)
