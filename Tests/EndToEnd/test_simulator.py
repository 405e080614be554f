# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""A failing seed is worth something only if it fails again, in another process, on another day."""
import re
import subprocess

import pytest

from gateway import BINARIES

SIMULATOR = BINARIES / "postern-simulate"


def simulate(*words):
    return subprocess.run([SIMULATOR, *words], capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.parametrize("seed", [3, 77, 4_242, 20_261])
def test_a_seed_gives_the_same_events_in_two_processes(seed):
    first, second = simulate("--seed", str(seed)), simulate("--seed", str(seed))
    assert re.search(r"event hash [0-9a-f]{8,16}, \d{2,} events\n", first)
    assert first.splitlines() == second.splitlines(), "every line of both, with all that the daemon would log"
    assert simulate("--seed", str(seed), "--brief") == first.splitlines(keepends=True)[-1], "also if nobody reads along"


def test_many_seeds_come_to_the_same_however_they_are_shared():
    hashes = {re.search(r"hash ([0-9a-f]+)", simulate("--seeds", "60", "--jobs", jobs)).group(1) for jobs in "13"}
    assert len(hashes) == 1
