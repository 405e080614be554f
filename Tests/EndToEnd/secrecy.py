# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""At the end of all tests: every secret that one of them used is looked for in all that gateways wrote.

A gateway is held to its own secrets when its test ends, as far as the test named them. This goes over all logs, errors and
journals with the secrets of all tests, in every form in which they travel. The harness reports both; conftest.py takes
`pytest_sessionfinish` from here.
"""
import base64
import json
import os
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

# Shorter than this, words of everyday would be found.
OCTETS_MIN = 6


def forms(secret):
    """A secret as it is typed, and within what SASL, HTTP and JSON make of it and of what stands around it."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield quote(secret, safe="")
    for octets_before in range(3):
        # Within a longer text three octets become four characters; those that depend on neighbours are left out.
        encoded = base64.b64encode(b"\0" * octets_before + secret.encode()).rstrip(b"=").decode()
        whole = (octets_before + len(secret.encode())) * 8 // 6
        inner = encoded[-(-octets_before * 8 // 6) : whole]
        yield inner
        yield inner.replace("+", "-").replace("/", "_")
        yield inner.replace("/", "\\/")


class Secrecy:
    def __init__(self):
        self.users = {}
        self.written = []
        self.open = {}
        self.kept = tempfile.TemporaryDirectory(prefix="postern-secrecy-")

    # What the harness reports

    def uses(self, *secrets):
        """These are secrets; of several lines each is one."""
        for secret in secrets:
            for line in secret.splitlines():
                if len(line.encode()) >= OCTETS_MIN and not line.startswith("-----"):
                    self.users.setdefault(line, current_test())

    def will_write(self, path):
        """A gateway writes into this file, and `wrote` will be told when it is done."""
        self.open[path] = current_test()

    def wrote(self, text, path=None):
        """A gateway wrote this, into that file if there is one."""
        test = self.open.pop(path, None) or current_test()
        file = Path(self.kept.name, str(len(self.written)))
        file.write_text(text)
        self.written.append((test, path, file))

    # The end

    def leaks(self):
        """What was found, in words that name both tests; nothing if all is well."""
        told = [f"{test} left no log of its gateway to be looked through: {path}"
                for path, test in self.open.items() if not path.exists()]
        for path in [path for path in self.open if path.exists()]:
            self.wrote(path.read_text(errors="replace"), path)
        # In whatever case: a keyword is logged in capitals.
        origins = {form.encode().lower(): secret
                   for secret in self.users for form in forms(secret) if len(form) >= OCTETS_MIN}
        patterns = Path(self.kept.name, "patterns")
        patterns.write_bytes(b"".join(form + b"\n" for form in origins))
        files = {str(file): (test, path) for test, path, file in self.written}
        if not (origins and files):
            return told
        found = subprocess.run(
            ["grep", "--text", "--ignore-case", "--fixed-strings", "--only-matching", "--with-filename", "--file", patterns,
             "--", *files], capture_output=True, env={**os.environ, "LC_ALL": "C"})
        assert found.returncode in (0, 1), found.stderr
        for line in dict.fromkeys(found.stdout.splitlines()):
            file, _, form = line.partition(b":")
            test, path = files[file.decode()]
            secret = origins[form.lower()]
            told.append(
                f"{test} has a secret in {path or 'what a program of ours said'}: '{secret}' of {self.users[secret]}, "
                f"as '{form.decode(errors='replace')}'")
        return told


SUITE = Secrecy()


def current_test():
    """The test that runs, or whose fixtures are made or ended."""
    return os.environ.get("PYTEST_CURRENT_TEST", "somebody").rsplit(" ", 1)[0]


def pytest_sessionfinish(session):
    leaks = SUITE.leaks()
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter:
        reporter.write_line("")
        reporter.write_line(
            f"{len(SUITE.users)} secrets of the tests stand in none of {len(SUITE.written)} logs and answers"
            if not leaks else "secrets in logs:", red=bool(leaks))
        for leak in leaks:
            reporter.write_line(f"  {leak}", red=True)
    if leaks:
        session.exitstatus = 1
    SUITE.kept.cleanup()
