# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""The public conformance cases, played against both listeners; see Tests/Conformance."""
import json
import re
import subprocess
import sys
from collections import Counter

import pytest

from gateway import PASSWORD, ROOT, USER

# At these a failed MUST fails the run; other failures are printed.
HELD_TO = re.compile(r"smug|tls|sub")


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_public_cases(mode, tmp_path, make_gateway, summary):
    gateway = make_gateway(changes={"access": {"auth_failures": "off"}, "log": {"level": "warning"}})
    port = gateway.port if mode == "starttls" else gateway.implicit_port
    report = tmp_path / "report.json"
    played = subprocess.run(
        [sys.executable, ROOT / "Tests/Conformance/conform.py", "--host", "127.0.0.1", "--port", str(port),
         "--tls", mode, "--user", USER, "--pass", PASSWORD, "--json", report],
        capture_output=True, text=True, timeout=900)
    assert report.exists(), played.stdout + played.stderr
    cases = json.loads(report.read_text())

    counts = Counter((case["level"], case["status"]) for case in cases.values())
    summary.append(f"conformance over {mode}:")
    for level in ("MUST", "SHOULD", "POLICY", "MAY"):
        passed, failed, skipped = (counts[level, status] for status in ("pass", "fail", "skip"))
        if passed or failed or skipped:
            summary.append(f"  {level:6} {passed:3} passed, {failed:2} failed, {skipped:2} skipped")
    failed = {id: case for id, case in cases.items() if case["status"] == "fail"}
    summary += [f"  {case['level']:6} {id} (RFC {case['rfc']} {case['section']}): {case['why']}"
                for id, case in failed.items()]
    assert gateway.process.poll() is None, "the daemon did not survive"
    assert [id for id, case in failed.items() if case["level"] == "MUST" and HELD_TO.match(id)] == []
