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

CASES = ROOT / "Tests/Conformance/conformance.public.jsonl"


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
    assert [id for id, case in failed.items() if case["level"] in ("MUST", "SHOULD")] == []


def test_the_page_names_each_case_that_nobody_can_play_and_tests_that_there_are():
    cases = [json.loads(line) for line in CASES.read_text().splitlines()]
    rows = [[cell.strip() for cell in line.strip("|\n").split("|")]
            for line in (ROOT / "docs/CONFORMANCE.md").read_text().splitlines() if line.startswith("| `")]
    told = {row[0].strip("`"): row for row in rows}
    for case in (case for case in cases if case["role"] in ("client", "queue", "dsn")):
        row = told.get(case["id"])
        assert row, f"docs/CONFORMANCE.md does not name {case['id']}"
        section = case["section"].strip("-")
        assert row[1:3] == [case["level"], f"{case['rfc']} {section}".strip()], row[0]
        assert "later" in row[4] or "`" in row[4] or row[4] == "as above", f"{row[0]} is shown by nothing"
    for name in {name for row in rows for name in re.findall(r"`([^`]+)`", row[4])}:
        assert is_there(name), f"there is no {name}"


def is_there(name):
    """A test of Swift or of this directory, a suite, a transcript, a target of the Makefile, cases that are played."""
    if name.endswith(".smtp"):
        return (ROOT / "Tests/Transcripts" / name).exists()
    if name.startswith("make "):
        return f"\n{name.split()[1]}:" in (ROOT / "Makefile").read_text()
    if name.endswith("…"):
        return f'"id": "{name[:-1]}' in CASES.read_text()
    file, _, function = name.partition("::")
    if function:
        return f"\ndef {function}(" in (ROOT / f"Tests/EndToEnd/{file}.py").read_text()
    suite, _, function = name.partition(".")
    files = [*(ROOT / "Tests").glob(f"*/{suite}.swift"), *(ROOT / "Tests").glob(f"*/{suite}+*.swift")]
    return any(f"func {function}(" in file.read_text() if function else True for file in files)
