# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""The console on a terminal of its own, as somebody at a keyboard has it.

libedit redraws what changed, so what is typed comes back in pieces; tests look at results instead, which are printed as
they are.
"""
import os
import re
import termios
from pathlib import Path

import pexpect

from gateway import BINARIES, eventually

# At the end of what was printed: the prompt of a daemon that answers, and of one that does not.
PROMPT = r"postern(?:\(\w+\))?[^\r\n]* q:\d+(?:\x1b\[\d*m)*> $"
LOST = r"postern> $"
ENTER, TAB, UP, CTRL_A, CTRL_C, CTRL_D, CTRL_U = "\r", "\t", "\x1b[A", "\x01", "\x03", "\x04", "\x15"
SECONDS = 20


class Repl:
    def __init__(self, gateway, *options, home=None, columns=100, environment=None, program=BINARIES / "postern", **spawn):
        self.home = home or gateway.directory / "home"
        self.home.mkdir(exist_ok=True)
        plain = {"PATH": os.environ["PATH"], "TERM": "xterm", "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "HOME": str(self.home)}
        settings = {name: value for name, value in {**plain, **(environment or {})}.items() if value is not None}
        self.child = pexpect.spawn(
            str(program), ["--config", str(gateway.config_file), *options], env=settings, encoding="utf-8",
            timeout=SECONDS, dimensions=(40, columns), **spawn)
        # Nothing here waits for a person to read.
        self.child.delaybeforesend = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.close(force=True)

    @property
    def history_file(self):
        return self.home / ".local/state/postern/history"

    def await_prompt(self, prompt=PROMPT):
        """What was printed until the prompt came."""
        self.child.expect(prompt)
        return self.child.before

    def prompt(self, prompt=PROMPT):
        """The prompt itself."""
        self.child.expect(prompt)
        return self.child.after

    def type(self, keys):
        self.child.send(keys)

    def expect(self, *patterns):
        return self.child.expect(list(patterns))

    def run(self, line, prompt=PROMPT):
        """Types a line and returns what came of it, without the line."""
        self.type(line + ENTER)
        return self.result(prompt)

    def result(self, prompt=PROMPT):
        """What was printed behind the line that has just been typed, until the prompt came back."""
        self.child.expect("\r\n")
        return self.await_prompt(prompt).replace("\r\n", "\n")

    def await_waiting(self):
        """Waits until the line is taken and its command waits for the daemon: Ctrl-C is a signal again, and the program
        sleeps."""
        seen = [False] * 3

        def waits():
            is_signal = termios.tcgetattr(self.child.child_fd)[3] & termios.ISIG
            state = Path(f"/proc/{self.child.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
            seen.append(bool(is_signal) and state == "S")
            return all(seen[-3:])

        eventually(waits, what="a command that waits")

    def leave(self):
        """Ctrl-D; returns the exit code."""
        self.type(CTRL_D)
        self.child.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus


def has_escapes(text):
    """Anything a terminal would act upon, besides line ends."""
    return re.search(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]", text) is not None
