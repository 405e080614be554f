# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""The short form of `make crash-test`, once on a disk that works and once on one that does not."""
import subprocess
import sys

import pytest

from gateway import ROOT


@pytest.mark.parametrize("arguments", [("15",), ("10", "--faults")], ids=["kills", "kills-and-disk-faults"])
def test_killed_at_random_moments_under_load_every_promise_is_kept(arguments, summary):
    done = subprocess.run(
        [sys.executable, "-B", ROOT / "Tests/CrashTest/crash.py", *arguments], capture_output=True, text=True,
        timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    summary += [f"crash-test {' '.join(arguments)}: {line}" for line in done.stdout.splitlines()[1:-1]]
