# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""What all processes of one server use: CPU, memory, syncs."""
import itertools
import os
import struct
import time
from contextlib import suppress
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
numbers = itertools.count()


class Processes:
    """A process and all that it starts. Where there are control groups it gets one, whose clock counts nanoseconds and
    processes that have ended too; elsewhere the ticks that the kernel shows are added up."""

    def __init__(self, root, syncs_file):
        self.root, self.syncs_file = root, syncs_file
        self.group = _make_group()
        # Again, for those that came to be meanwhile; what has ended and is still listed cannot be moved.
        for _ in range(3 if self.group else 0):
            for pid in set(_family(root)) - self._members():
                with suppress(ProcessLookupError):
                    (self.group / "cgroup.procs").write_text(str(pid))

    def _members(self):
        return {int(pid) for pid in (self.group / "cgroup.procs").read_text().split()}

    def pids(self):
        return self._members() if self.group else _family(self.root)

    def cpu_seconds(self):
        if not self.group:
            return sum(ticks(pid) for pid in self.pids()) / os.sysconf("SC_CLK_TCK")
        nanoseconds = self.group / "cpuacct.usage"
        if nanoseconds.exists():
            return int(nanoseconds.read_text()) / 1e9
        facts = dict(line.split() for line in (self.group / "cpu.stat").read_text().splitlines())
        return int(facts["usage_usec"]) / 1e6

    def memory_mb(self):
        """What they have for themselves, and their part of what they share."""
        kilobytes = 0
        for pid in self.pids():
            with suppress(OSError):
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return kilobytes / 1024

    def syncs(self):
        return struct.unpack("=Q", self.syncs_file.read_bytes())[0]

    def close(self):
        """After they have ended."""
        for _ in range(50 if self.group else 0):
            with suppress(OSError):
                return self.group.rmdir()
            time.sleep(0.05)


def make_syncs_file(path):
    path.write_bytes(bytes(8))
    path.chmod(0o666)
    return path


def has_groups():
    group = _make_group()
    if group:
        group.rmdir()
    return group is not None


def _make_group():
    """In the hierarchy of version 1 that counts CPU, else in that of version 2; None where neither can be written."""
    for parent, sign in ((GROUPS / "cpuacct", "cpuacct.usage"), (GROUPS, "cgroup.controllers")):
        if not (parent / sign).exists():
            continue
        group = parent / f"postern-bench-{os.getpid()}-{next(numbers)}"
        with suppress(OSError):
            group.mkdir()
            return group
    return None


def _family(root):
    children = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(path.read_text().rsplit(")", 1)[1].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    family = [root]
    for pid in family:
        family += children.get(pid, [])
    return family


def ticks(pid):
    """Of the process, and of its children that have ended."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return sum(map(int, fields[11:15]))
    return 0
