# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""What is measured: postern, Postfix as Debian has it and as a careful admin would set it, and the sink with no relay
before it. Each takes mail on `port(tls)`, as `login`, has `processes`, and knows how much mail it has `queued`."""
import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import instruments
from processes import Processes, make_syncs_file

from gateway import BINARIES, NEEDS_NOTHING, Gateway, eventually
from gateway import PASSWORD as CLIENT_PASSWORD
from gateway import USER as CLIENT
from mailservers import POSTFIX_MAIN, POSTFIX_MASTER, POSTFIX_SERVICES, Postfix, PrivateRoot, unusable

BANNER_SECONDS = 60
DEFER_SECONDS = 60


def await_banner(port, seconds=BANNER_SECONDS):
    """Connects until somebody says 220; returns when that was."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as session:
            session.settimeout(seconds)
            if session.recv(256).startswith(b"220"):
                now = time.monotonic()
                session.sendall(b"QUIT\r\n")
                return now
        time.sleep(0.001)
    raise TimeoutError(f"no banner on port {port} within {seconds} s")


class Postern:
    name = "postern"
    login = f"{CLIENT}:{CLIENT_PASSWORD}"

    def __init__(self, bench, directory, upstream, needs, syncs=True, history=True):
        client = [{"name": "load", "address": ["127.0.0.1", NEEDS_NOTHING], "allow": ["no-auth", "plaintext"]}]
        changes = {
            "upstream.office": {"max_connections": needs.connections, "max_per_connection": 0},
            # Who is to log in is no client that may do without.
            "client": [] if needs.tls else client,
            "log": {"level": "info"},
            "queue": {
                "retry": ["1m", "5m", "15m", "30m", "1h", "2h", "4h"], "max_messages": 10_000_000,
                **({} if history else {"history_keep": "0"}),
                **({"directory": needs.spool} if needs.spool else {})},
            **{f"listen.{name}": {"max_sessions": 5000} for name in ("submission", "submissions", "plain")},
        }
        self.gateway = Gateway(directory, bench.certificate, upstream, changes)
        self.gateway.add_user()
        counted = make_syncs_file(directory / "syncs")
        environment = {"LD_PRELOAD": str(bench.tools.syncs), "BENCH_SYNCS": str(counted)}
        began = time.monotonic()
        self.gateway.launch(environment if syncs else {**environment, "BENCH_NO_SYNC": "1"})
        try:
            self.start_ms = (await_banner(self.gateway.plain_port) - began) * 1000
            self.processes = Processes(self.gateway.process.pid, counted)
            if not syncs and str(bench.tools.syncs) not in Path(f"/proc/{self.gateway.process.pid}/maps").read_text():
                raise RuntimeError("the library that turns the sync off was not loaded")
        except BaseException:
            self.gateway.kill()
            raise

    def port(self, tls):
        return self.gateway.port if tls else self.gateway.plain_port

    def queued(self):
        return self.gateway.status()["queue"]["total"]

    def settle(self):
        """Nothing is left to do after a failed attempt."""

    def wake(self):
        """The upstream is there again; it finds out by itself."""

    def close(self):
        self.gateway.stop()
        self.processes.close()

    @staticmethod
    def version():
        return subprocess.run(
            [BINARIES / "posternd", "--version"], capture_output=True, text=True, check=True).stdout.strip()


class PosternWithoutSync(Postern):
    name = "postern, no sync"

    def __init__(self, *arguments):
        super().__init__(*arguments, syncs=False)


class PosternWithoutHistory(Postern):
    name = "postern, no history"

    def __init__(self, *arguments):
        super().__init__(*arguments, history=False)


class PostfixRelay(Postfix):
    """With the defaults of Debian's package, but for what it needs to know of its place."""

    name = "Postfix"
    modes = ("plain", "starttls")
    more = ""
    start_ms = None

    def __init__(self, bench, directory, upstream, needs):
        self.bench, self.upstream, self.needs = bench, upstream, needs
        self.processes = None
        super().__init__(bench.certificate)
        try:
            # The first process is a shell, which ends the server when we are gone.
            (master,) = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            self.processes = Processes(int(master), self.root.path / "var/lib/syncs")
        except BaseException:
            self.close()
            raise

    @property
    def login(self):
        return f"{self.username}:{self.password}"

    def port(self, tls):
        return self.ports["starttls" if tls else "plain"]

    def prepare(self):
        self.folders()
        root = self.root
        shutil.copy(self.bench.tools.syncs, root.path / "usr/lib/syncs.so")
        make_syncs_file(root.path / "var/lib/syncs")
        self._write_logins()
        root.write("/etc/postfix/main.cf", POSTFIX_MAIN + self._main() + self._upstream_settings() + self.more)
        # It would wait until its configuration is two seconds old.
        os.utime(root.path / "etc/postfix/main.cf", (time.time() - 60,) * 2)
        login = ("-o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes"
                 " -o smtpd_relay_restrictions=permit_sasl_authenticated,reject")
        root.write("/etc/postfix/master.cf", f"""
127.0.0.1:{self.ports["plain"]} inet n - n - - smtpd
127.0.0.1:{self.ports["starttls"]} inet n - n - - smtpd {login}
pickup unix n - n 60 1 pickup
""" + POSTFIX_SERVICES)
        self.began = time.monotonic()
        return POSTFIX_MASTER

    def _write_logins(self):
        user, realm = self.username.split("@")
        self.root.run("/usr/sbin/saslpasswd2", "-c", "-p", "-f", "/etc/sasldb2", "-u", realm, user, input=self.password)
        shutil.chown(self.root.path / "etc/sasldb2", (self.root.path / "var/lib/postfix").stat().st_uid)
        self.root.write("/etc/postfix/sasl/smtpd.conf", (
            "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: /etc/sasldb2\nmech_list: PLAIN\n"))

    def _main(self):
        realm = self.username.split("@")[1]
        return f"""
import_environment = MAIL_CONFIG LD_PRELOAD=/usr/lib/syncs.so BENCH_SYNCS=/var/lib/syncs
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtpd_tls_cert_file = /etc/cert.pem
smtpd_tls_key_file = /etc/key.pem
smtpd_sasl_local_domain = {realm}
cyrus_sasl_config_path = /etc/postfix/sasl
relayhost = [localhost]:{self.upstream.port}
smtp_host_lookup = native
smtp_dns_support_level = disabled
smtp_destination_concurrency_limit = {self.needs.connections}
"""

    def _upstream_settings(self):
        if not self.upstream.tls:
            return "smtp_tls_security_level = none\n"
        return f"""
smtp_tls_security_level = secure
smtp_tls_CAfile = /etc/cert.pem
smtp_tls_session_cache_database = btree:/var/lib/postfix/smtp_scache
smtp_sasl_auth_enable = yes
smtp_sasl_security_options = noanonymous
smtp_sasl_password_maps = static:{instruments.USER}:{instruments.PASSWORD}
"""

    def _is_listening(self, port):
        # Of the first port that is asked.
        self.start_ms = self.start_ms or (await_banner(port) - self.began) * 1000
        return True

    def queued(self):
        # A message that moves on meanwhile is seen twice, since this is the order in which it moves; its name stays.
        return len(self._files("incoming", "active", "deferred"))

    def _files(self, *names):
        spool = self.root.path / "var/spool/postfix"
        return {file for name in names for _, _, files in os.walk(spool / name) for file in files}

    def settle(self):
        """Tries each message once, and puts it off for minutes."""
        eventually(lambda: not self._files("incoming", "active"), DEFER_SECONDS, "all mail deferred by Postfix")

    def wake(self):
        """Its admin asks for all mail now."""
        self.root.run("/usr/sbin/postqueue", "-f")

    def close(self):
        super().close()
        if self.processes:
            self.processes.close()

    @staticmethod
    def version():
        if unusable():
            return f"no Postfix: {unusable()}"
        root = PrivateRoot("postfix")
        try:
            # Without a configuration it knows its version all the same.
            root.write("/etc/postfix/main.cf", POSTFIX_MAIN)
            return f"Postfix {root.run('/usr/sbin/postconf', '-dh', 'mail_version').strip()}"
        finally:
            root.remove()


class TunedPostfix(PostfixRelay):
    """What its manual recommends for much mail to one upstream: connections kept, as many processes as sessions."""

    name = "Postfix, tuned"
    more = """
in_flow_delay = 0
default_process_limit = 1200
smtp_connection_cache_destinations = static:all
smtp_tls_connection_reuse = yes
"""


class SinkAlone:
    """No relay: what clients, kernel and TLS cost by themselves."""

    name = "sink alone"
    login = f"{instruments.USER}:{instruments.PASSWORD}"

    def __init__(self, bench, directory, upstream, needs):
        began = time.monotonic()
        self.sink = instruments.Sink(bench.tools, directory, bench.certificate, tls=needs.tls).start()
        self.start_ms = (time.monotonic() - began) * 1000
        self.processes = Processes(self.sink.process.pid, make_syncs_file(directory / "syncs"))

    def port(self, tls):
        return self.sink.port

    def queued(self):
        return self.sink.seen()["messages"]

    def close(self):
        self.sink.close()
        self.processes.close()


POSTERN, NO_SYNC, NO_HISTORY = Postern, PosternWithoutSync, PosternWithoutHistory
POSTFIX, TUNED, SINK = PostfixRelay, TunedPostfix, SinkAlone
