# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""What clients, the relayhost and the one who kills write down for the oracle: a JSON object a line, in a file each."""
import json
import os
import time


class Record:
    """A file of records. Each stands in it when `write` returns, whoever of us ends then."""

    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, **facts):
        os.write(self.file, json.dumps({**facts, "at": time.monotonic()}).encode() + b"\n")


class Reader:
    """Reads on in a file of records where it stopped."""

    def __init__(self, path):
        self.path, self.offset = path, 0

    def new(self):
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self.offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self.offset += len(line)
                yield json.loads(line)
