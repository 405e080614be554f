# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Places for a queue that are too small, or that fail: file systems of their own, and a disk that does as it is told."""
import os
import subprocess
from contextlib import suppress

import pytest

from gateway import ROOT


class TemporaryFileSystem:
    """A tmpfs under a directory."""

    def __init__(self, path, options):
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")

    def fill(self, leaving=0):
        """Another program takes all the room but `leaving` octets."""
        free = os.statvfs(self.path).f_bavail * os.statvfs(self.path).f_frsize
        with (self.path / "other").open("ab") as file, suppress(OSError):
            os.posix_fallocate(file.fileno(), file.tell(), max(4096, free - leaving))

    def fill_inodes(self, leaving=0):
        self.others = []
        while os.statvfs(self.path).f_favail > leaving:
            self.others.append(self.path / f"other{len(self.others)}")
            self.others[-1].touch()

    def clear(self):
        for path in [self.path / "other", *getattr(self, "others", [])]:
            path.unlink(missing_ok=True)

    def close(self):
        subprocess.run(["umount", "-l", self.path], check=False)


class FaultyDisk:
    """Lets calls of a gateway on its segments fail; see Tests/CrashTest/faulty_disk.c for the rules."""

    def __init__(self, directory):
        self.library, self.rules = directory / "faulty_disk.so", directory / "faults"
        subprocess.run(
            ["gcc", "-shared", "-fPIC", "-O1", "-o", self.library, ROOT / "Tests/CrashTest/faulty_disk.c", "-ldl"],
            check=True)
        self.work()
        self.environment = {"LD_PRELOAD": str(self.library), "FAULTY_DISK": str(self.rules)}

    def fail(self, *rules):
        replacement = self.rules.with_suffix(".new")
        replacement.write_text("".join(f"{rule}\n" for rule in rules))
        replacement.rename(self.rules)

    def work(self):
        self.fail()
