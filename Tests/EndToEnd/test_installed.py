# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""What `make install` puts in place finds its own data files, wherever that place is."""
import subprocess

import pytest

from gateway import BINARIES, ROOT

LISTENERS = """
[listen.smtp]
port = 2525
tls = "none"
"""


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("prefix")
    subprocess.run(
        ["make", "--silent", "--old-file=build", "install", f"PREFIX={prefix}", f"BINARIES={BINARIES}"],
        cwd=ROOT, check=True)
    return prefix


def check(prefix, tmp_path, text):
    path = tmp_path / "postern.toml"
    path.write_text(text + LISTENERS)
    return subprocess.run(
        [prefix / "sbin/posternd", "--check", "--config", path], capture_output=True, text=True, cwd="/")


def test_the_installed_program_knows_the_providers(prefix, tmp_path):
    done = check(prefix, tmp_path, '[upstream.gmail]\nusername = "alerts@example.com"\n')
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/postern.toml: configuration is valid\n"), done.stderr
    done = check(prefix, tmp_path, "[upstream.postmark]\nport = 465\n")
    assert done.returncode == 78
    assert "Postmark has no implicit TLS: a connection to port 465 hangs" in done.stderr


def test_every_data_file_is_installed(prefix):
    for kind in ("providers", "explain"):
        names = {path.name for path in (ROOT / "etc" / kind).iterdir()}
        assert names and {path.name for path in (prefix / "share/postern" / kind).iterdir()} == names


def test_a_provider_of_the_admin_comes_first_and_is_named_where_it_is_wrong(prefix, tmp_path):
    (tmp_path / "providers").mkdir()
    (tmp_path / "providers/gmail.toml").write_text('hots = "relay.office.example"\n')
    done = check(prefix, tmp_path, '[upstream.gmail]\nusername = "alerts@example.com"\n')
    assert done.returncode == 78
    assert done.stderr.startswith(f"{tmp_path}/providers/gmail.toml:1:1: error: unknown key 'hots'")
    assert done.stderr.endswith("did you mean 'host'?\n")
