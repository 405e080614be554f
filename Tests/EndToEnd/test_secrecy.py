# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""That the search for secrets at the end of all tests finds what is there."""
import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

import pytest

from secrecy import Secrecy

SECRET = 'pass/"wörd+7~?'


def b64(text):
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("written", [
    SECRET, SECRET.upper().replace("Ö", "ö"), json.dumps({"reply": f"535 {SECRET} is wrong"}), b64(SECRET), b64(f"\0scans\0{SECRET}"), b64(f"a\0scan\0{SECRET}"),
    b64(f"\0scan\0{SECRET}"), b64(f"user=scans\1auth=Bearer {SECRET}\1\1"), json.dumps(b64(SECRET)).replace("/", "\\/"),
    base64.urlsafe_b64encode(f"{SECRET}?".encode()).decode(), urlencode({"client_secret": SECRET}),
], ids=["typed", "capitals", "json", "login", "plain", "plain2", "plain3", "bearer", "json of base64", "url of base64", "form"])
def test_a_secret_is_found_in_whatever_form_it_was_written(written):
    suite = Secrecy()
    suite.uses("something-else-1", SECRET)
    suite.wrote(f"one line\nAUTH {written} refused\n")
    suite.wrote("nothing here\n")
    (leak,) = suite.leaks()
    assert SECRET in leak and "test_a_secret_is_found" in leak


def test_a_log_without_secrets_is_clean_and_one_that_nobody_kept_is_told(tmp_path):
    suite = Secrecy()
    suite.uses(SECRET, "short", "-----BEGIN PRIVATE KEY-----\nMIIE-the-key\n-----END PRIVATE KEY-----\n")
    suite.wrote("short -----BEGIN PRIVATE KEY----- " + b64("some thing that is not it"))
    assert suite.leaks() == []
    kept, lost = tmp_path / "kept", tmp_path / "lost"
    kept.write_text("MIIE-the-key")
    suite.will_write(kept)
    suite.will_write(lost)
    without_log, leak = suite.leaks()
    assert str(lost) in without_log and "MIIE-the-key" in leak and str(kept) in leak


def test_a_secret_in_a_log_fails_the_whole_run_and_the_test_is_named(tmp_path):
    test = tmp_path / "test_talkative.py"
    test.write_text(
        "import secrecy\n\ndef test_that_uses_it():\n    secrecy.SUITE.uses('horse-battery-9')\n\n"
        "def test_that_writes_it():\n    secrecy.SUITE.wrote('login of alice with horse-battery-9 failed')\n")
    done = subprocess.run(
        [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-p", "secrecy", test], capture_output=True, text=True,
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)}, timeout=60)
    assert done.returncode == 1 and "2 passed" in done.stdout, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "horse-battery-9" in line]
    assert "test_that_writes_it has a secret" in line and "of test_talkative.py::test_that_uses_it" in line
