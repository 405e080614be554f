# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Directories in which no queue may lie: one sentence says why and what to do, and the daemon ends."""
import os
import re
import subprocess

import pytest

from gateway import posternd
from spools import TemporaryFileSystem

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a directory to somebody else")


def make_link(queue):
    queue.rename(queue.with_name("elsewhere"))
    queue.symlink_to("elsewhere")


def make_file(queue):
    queue.rmdir()
    queue.touch()


PLACES = {
    "link": (make_link, r"it is a symbolic link, which somebody may turn elsewhere while mail is there; set "
                        r"queue\.directory to the directory itself"),
    "file": (make_file, r"it is not a directory; set queue\.directory to one"),
    "mode": (lambda queue: queue.chmod(0o777), r"others may write there \(mode 777\); chmod 700 \S+"),
    "owner": (lambda queue: os.chown(queue, 4711, 4711),
              r"it belongs to uid 4711 and the daemon runs as uid 0; chown 0 \S+"),
}


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[needs_root] if name == "owner" else []) for name in PLACES])
def test_the_queue_may_not_lie_in_a(name, make_gateway):
    prepare, reason = PLACES[name]
    gateway = make_gateway(start=False)
    prepare(gateway.directory / "queue")
    assert_refused(gateway, gateway.directory / "queue", reason)


@needs_root
def test_the_queue_may_not_lie_on_a_read_only_file_system(tmp_path, make_gateway):
    small = TemporaryFileSystem(tmp_path / "small", "size=32m")
    try:
        gateway = make_gateway(changes={"queue": {"directory": small.path / "queue"}}, start=False)
        (small.path / "queue").mkdir(mode=0o700)
        subprocess.run(["mount", "-o", "remount,ro", small.path], check=True)
        assert_refused(
            gateway, small.path / "queue",
            "its file system is mounted read-only; look at the kernel's log, and mount it read-write")
    finally:
        small.close()


@needs_root
def test_the_queue_may_not_lie_where_the_daemon_may_not_go(make_gateway):
    gateway = make_gateway(start=False)
    queue = gateway.directory / "queue"
    os.chown(queue, 65534, 65534)
    queue.chmod(0o500)
    # Everything else must be open to the other user, also the directories above.
    for path in [gateway.directory, *gateway.directory.parents]:
        if path.stat().st_mode & 0o055 != 0o055 and path.is_relative_to("/tmp"):
            path.chmod(path.stat().st_mode | 0o055)
    for path in [gateway.config_file, gateway.directory / "users", gateway.certificate.key]:
        path.chmod(0o644)
    gateway.certificate.key.parent.chmod(0o755)
    os.chown(gateway.directory / "users", 65534, 65534)
    assert_refused(gateway, queue, r"Permission denied; chmod 700 \S+", user=65534)


def assert_refused(gateway, path, reason, **options):
    done = posternd("--config", gateway.config_file, **options)
    assert done.returncode == 78, done.stderr
    lines = [line for line in done.stderr.splitlines() if "cannot start" in line]
    assert len(lines) == 1, done.stderr
    assert re.search(rf"cannot start: cannot keep mail in {re.escape(str(path))}: {reason}\"", lines[0]), lines[0]
