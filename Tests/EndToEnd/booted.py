# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""A real systemd, booted as PID 1 of its own namespaces on an overlay of this machine's files, with what `make install`
installs. Nothing of it reaches the machine outside: files, processes, network and journal are its own.

Needs root, namespaces, overlayfs and cgroup2; `unbootable()` says what is missing.
"""
import json
import os
import shutil
import signal
import subprocess
import textwrap
import time
from pathlib import Path

from gateway import BINARIES, ROOT, eventually
from secrecy import SUITE

BOOT_SECONDS = 60
TARGET = "postern-test.target"

# Outside: an overlay on a tmpfs that only this mount namespace sees, and a cgroup that becomes the root of the new one.
OUTER = r"""
set -eu
base=$1
mount -t tmpfs -o mode=755 tmpfs "$base"
mkdir "$base"/upper "$base"/work "$base"/root "$base"/cgroup
mount -t overlay -o lowerdir=/,upperdir="$base"/upper,workdir="$base"/work overlay "$base"/root
mount -t cgroup2 cgroup2 "$base"/cgroup
group=$base/cgroup/postern-test-$$
mkdir "$group"
sh -c 'echo $$ >"$1"/cgroup.procs; shift; exec "$@"' - "$group" \
  setpriv --pdeathsig KILL unshare --pid --fork --kill-child --mount --uts --ipc --net --cgroup --propagation private \
  sh -euc "$2" - "$base"/root || true
for i in 1 2 3 4 5; do
  find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && break
  sleep 0.2
done
"""

# Inside, until systemd takes over. Devices are made anew, so that nothing here can touch the machine's own.
INNER = r"""
root=$1
cd "$root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs tmpfs sys/fs/cgroup
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
for node in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 dev/"${node%:*}" c 1 "${node#*:}"; done
mknod -m 666 dev/tty c 5 0
ln -s /proc/self/fd dev/fd
hostname gate.test
echo gate.test >etc/hostname
mkdir -p mnt/old
pivot_root . mnt/old
umount -l /mnt/old
# As on a machine: systemd hands a service its credentials through a mount, and leaves this to whoever made a container.
mount --make-rshared /
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --unit=postern-test.target --show-status=no --log-target=journal
"""


def unbootable():
    """Why no systemd can be booted here; None if one can."""
    if os.geteuid() != 0:
        return "needs root"
    if not Path("/lib/systemd/systemd").exists():
        return "needs systemd"
    missing = [tool for tool in ("unshare", "nsenter", "setpriv", "journalctl") if shutil.which(tool) is None]
    if missing:
        return f"needs {', '.join(missing)}"
    probe = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--net", "--cgroup", "--propagation", "private", "sh", "-euc",
         "mount -t tmpfs tmpfs /mnt; mkdir /mnt/u /mnt/w /mnt/r /mnt/c; mount -t cgroup2 cgroup2 /mnt/c;"
         "mount -t overlay -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w overlay /mnt/r"],
        capture_output=True, text=True)
    return probe.stderr.strip() or "no namespaces" if probe.returncode else None


class Machine:
    """`run` and `python` work inside, `root` is its file system seen from outside, `journal` its journal."""

    def __init__(self, directory):
        self.errors = directory / "boot.log"
        base = directory / "machine"
        base.mkdir()
        with self.errors.open("wb") as errors:
            self.outer = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private",
                 "sh", "-c", OUTER, "-", base, self._before_boot() + INNER],
                stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
        try:
            self.pid = eventually(self._find_systemd, BOOT_SECONDS, "systemd as PID 1")
            self.root = Path(f"/proc/{self.pid}/root")
            eventually(self._is_running, BOOT_SECONDS, "a booted systemd")
        except BaseException:
            self.outer.kill()
            raise

    @staticmethod
    def _before_boot():
        """Of the units that every boot brings, only the journal, users and directories are wanted."""
        wanted = {"systemd-journald.service", "systemd-sysusers.service", "systemd-tmpfiles-setup.service"}
        folders = [Path(root) / f"{target}.target.wants" for root in ("/usr/lib/systemd/system", "/etc/systemd/system")
                   for target in ("sysinit", "local-fs", "sockets", "timers", "paths", "basic")]
        found = {path.name for folder in folders if folder.is_dir() for path in folder.iterdir()}
        unwanted = sorted(name for name in found - wanted if not name.startswith("systemd-journald"))
        masks = "".join(f"ln -sfn /dev/null {name}\n" for name in [*unwanted, "systemd-udevd.service"])
        return textwrap.dedent(f"""
            cd "$1"/etc/systemd/system
            {{}}
            cat >{TARGET} <<'UNIT'
            [Unit]
            Requires=systemd-journald.service basic.target
            After=basic.target
            UNIT
            : >../../fstab
            : >../../machine-id
            """).format(masks).replace("\n            ", "\n")

    def _find_systemd(self):
        assert self.outer.poll() is None, f"no systemd: {self.errors.read_text()}"
        pid = self.outer.pid
        # The shell outside, unshare, and its child, which becomes systemd.
        for _ in range(2):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if len(children) != 1:
                return None
            pid = int(children[0])
        return pid if Path(f"/proc/{pid}/comm").read_text() == "systemd\n" else None

    def _is_running(self):
        assert self.outer.poll() is None, f"systemd ended: {self.errors.read_text()}"
        done = self.run("systemctl", "is-active", TARGET, check=False)
        return done.stdout == "active\n"

    def _enter(self, command):
        return ["nsenter", "--target", str(self.pid), "--all", *map(str, command)]

    def run(self, *command, check=True, input=None, timeout=60):
        """A command inside. Its output is text; if it fails and `check` is true, that is an error with what it said."""
        done = subprocess.run(self._enter(command), input=input, capture_output=True, text=True, timeout=timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}\n{self.recent()}")
        return done

    def python(self, script, *arguments, timeout=60):
        """What a script inside prints as JSON. It sees Python's library and none of our modules."""
        done = self.run("/usr/bin/python3", "-B", "-c", textwrap.dedent(script), *arguments, timeout=timeout)
        return json.loads(done.stdout)

    def start_python(self, script, *arguments):
        """The same, while the test goes on: `finish` gives what it printed."""
        process = subprocess.Popen(
            self._enter(["/usr/bin/python3", "-B", "-c", textwrap.dedent(script), *arguments]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def finish(timeout=60):
            output, _ = process.communicate("", timeout)
            assert process.returncode == 0, f"exit {process.returncode}\n{output}\n{self.recent()}"
            return json.loads(output)

        return finish

    def write(self, path, text, mode=0o644):
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def install(self):
        """What `make install` installs, under /usr, and what a package would do after it."""
        subprocess.run(
            ["make", "--silent", "--old-file=build", "install", f"DESTDIR={self.root}", "PREFIX=/usr",
             f"BINARIES={BINARIES}"],
            cwd=ROOT, check=True)
        self.run("systemd-sysusers")
        self.run("systemd-tmpfiles", "--create", "/usr/lib/tmpfiles.d/postern.conf")
        self.run("systemctl", "daemon-reload")

    def show(self, unit, *properties):
        """`systemctl show` as a dictionary."""
        output = self.run("systemctl", "show", unit, *(f"--property={name}" for name in properties)).stdout
        return dict(line.split("=", 1) for line in output.splitlines())

    def journal(self, *matches):
        """Entries of the journal as dictionaries, oldest first: journal("_SYSTEMD_UNIT=postern.service")."""
        self.run("journalctl", "--sync")
        output = self.run("journalctl", "--output=json", "--all", "--no-pager", *matches).stdout
        return [json.loads(line) for line in output.splitlines()]

    def recent(self):
        """The end of the journal, for people."""
        command = self._enter(["journalctl", "--no-pager", "--lines=60", "--output=short-monotonic"])
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout

    def close(self):
        """All its processes end with its PID 1."""
        if self.outer.poll() is None:
            try:
                # Its journal ends with it too.
                SUITE.wrote("\n".join(map(json.dumps, self.journal())))
            finally:
                os.kill(self.pid, signal.SIGKILL)
                self.outer.wait(30)
