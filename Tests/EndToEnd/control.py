# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""A control socket without the console: JSON lines, as other programs speak them. As a program it is another user."""
import json
import os
import socket
import subprocess
import sys
from pathlib import Path


class Control:
    """One connection. Raises ConnectionError where the daemon ends it."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(str(path))
        self.lines = self.socket.makefile("rb")
        self.greeting = self.read()
        self.number = 0

    def read(self):
        line = self.lines.readline()
        if not line:
            raise ConnectionError("closed")
        return json.loads(line)

    def send(self, cmd, **args):
        self.number += 1
        request = {"v": 1, "id": self.number, "cmd": cmd, "args": args}
        self.socket.sendall(json.dumps(request).encode() + b"\n")

    def ask(self, cmd, **args):
        """All data of the answer, and its end; or no data and the error."""
        self.send(cmd, **args)
        data = []
        while True:
            reply = self.read()
            if "data" not in reply:
                return data, reply.get("error", reply)
            data.append(reply["data"])

    def change(self, cmd, **args):
        (change,), end = self.ask(cmd, **args)
        assert end["exit"] == 0
        return change

    def close(self):
        self.lines.close()
        self.socket.close()


def ask_as(path, commands, user=None, groups=()):
    """What a process of that user and these groups gets: [["errno", N]], [error], or greeting and an answer a command."""
    options = {} if user is None else {"user": user, "group": user, "extra_groups": list(groups)}
    # The file may stand where only its owner reads; its text goes in through a pipe.
    done = subprocess.run(
        ["/usr/bin/python3", "-", str(path), json.dumps(commands)], input=Path(__file__).read_text(),
        capture_output=True, text=True, timeout=60, cwd="/", **options)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def main(path, commands):
    try:
        control = Control(path)
    except OSError as error:
        return print(json.dumps(["errno", error.errno]))
    print(json.dumps(control.greeting))
    if "error" in control.greeting:
        return
    for cmd, args in json.loads(commands):
        print(json.dumps(control.ask(cmd, **args)))


if __name__ == "__main__" and len(sys.argv) == 3:
    main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)
