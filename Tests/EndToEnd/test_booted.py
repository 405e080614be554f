# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""The installed gateway under a real systemd: sockets, sandbox, credentials, reload, watchdog, restart under load.

The tests share one machine; each begins with a gateway that is configured and not running, and sockets that listen.
"""
import json
import signal
import time

import pytest

from gateway import PASSWORD, USER, eventually
from secrecy import SUITE

SERVICE = "postern.service"
SOCKETS = [f"postern-{name}.socket" for name in ("submission", "submissions", "admin", "operate", "view")]
UPSTREAM_PASSWORD = "upstream-secret-9"
RESTARTS, CLIENTS = 5, 6

CONFIGURATION = """
hostname = "gate.test"

[upstream.office]
host = "localhost"
port = 2525
tls = "starttls"
ca_file = "/etc/postern/fullchain.pem"
username = "office"

[[client]]
name = "load"
address = "127.0.0.2"
allow = ["no-auth", "plaintext"]

[queue]
retry = ["1s"]

[tls]
certificate = "/etc/postern/fullchain.pem"
key = "/etc/postern/privkey.pem"
"""

# Answers with the subjects that it took, when its input ends.
SINK = """
import json, logging, re, ssl, sys
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

logging.disable()

class Sink:
    subjects = []
    async def handle_DATA(self, server, session, envelope):
        self.subjects.append(re.search(rb"Subject: (\\S+)", envelope.content)[1].decode())
        return "250 2.0.0 taken"

def authenticate(server, session, envelope, mechanism, account):
    return AuthResult(success=(account.login, account.password) == (b"office", sys.argv[1].encode()), handled=False)

tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain("/etc/postern/fullchain.pem", "/etc/postern/privkey.pem")
controller = Controller(
    Sink(), "127.0.0.1", 2525, tls_context=tls, require_starttls=True, auth_required=True, authenticator=authenticate)
controller.start()
sys.stdin.read()
controller.stop()
print(json.dumps(Sink.subjects))
"""

SUBMIT = """
import json, smtplib, ssl, sys
subject, user, password = sys.argv[1:]
with smtplib.SMTP("localhost", 587, timeout=20) as client:
    client.starttls(context=ssl.create_default_context(cafile="/etc/postern/fullchain.pem"))
    client.login(user, password)
    client.sendmail("alice@example.org", ["bob@example.net"], f"Subject: {subject}\\r\\n\\r\\nhello\\r\\n")
print(json.dumps("accepted"))
"""

GREETING = """
import json, socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20) as client:
    print(json.dumps(client.recv(200).decode()))
"""

# Comes again and again from several connections until its input ends; then says what happened.
LOAD = """
import json, smtplib, sys, threading, time

ended = threading.Event()
lock = threading.Lock()
accepted, broken, count = [], [], {"sessions": 0, "refused": 0, "restarting": 0}

def send(name):
    number = 0
    while not ended.is_set():
        what = "sessions"
        try:
            with smtplib.SMTP("127.0.0.1", 587, source_address=("127.0.0.2", 0), timeout=30) as client:
                # smtplib says HELO after any refusal, also after 421.
                code, reply = client.ehlo()
                if code != 250:
                    raise smtplib.SMTPResponseException(code, reply)
                for _ in range(3):
                    number += 1
                    subject = f"{name}-{number}"
                    client.sendmail("a@example.org", ["b@example.net"], f"Subject: {subject}\\r\\n\\r\\nload\\r\\n")
                    with lock:
                        accepted.append(subject)
        except ConnectionRefusedError:
            what = "refused"
        except (OSError, smtplib.SMTPException) as error:
            what = "restarting" if "421" in str(error) else None
            if what is None:
                broken.append(repr(error))
                continue
        with lock:
            count[what] += 1
        time.sleep(0.02)

threads = [threading.Thread(target=send, args=(f"client{index}",)) for index in range(int(sys.argv[1]))]
for thread in threads:
    thread.start()
sys.stdin.read()
ended.set()
for thread in threads:
    thread.join()
print(json.dumps({"accepted": accepted, "broken": broken, **count}))
"""


@pytest.fixture(scope="module")
def installed(machine, certificate):
    """The machine with users, certificate and the upstream's password, as an admin sets them up."""
    machine.write("/etc/postern/fullchain.pem", certificate.chain.read_text())
    machine.write("/etc/postern/privkey.pem", certificate.key.read_text(), 0o640)
    machine.run("chgrp", "postern", "/etc/postern/privkey.pem")
    machine.write("/etc/credstore/office.password", UPSTREAM_PASSWORD + "\n", 0o600)
    machine.write(
        "/etc/systemd/system/postern.service.d/20-credentials.conf",
        "[Service]\nLoadCredential=postern.office.password:/etc/credstore/office.password\n")
    # The watchdog test should not take a minute.
    machine.write("/etc/systemd/system/postern.service.d/30-test.conf", "[Service]\nWatchdogSec=2s\n")
    configure(machine)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "enable", "postern")
    machine.run("systemctl", "start", *SOCKETS)
    SUITE.uses(UPSTREAM_PASSWORD, PASSWORD)
    machine.run("postern", "users", "add", USER, "--password-stdin", input=PASSWORD + "\n", check=False)
    return machine


@pytest.fixture
def gate(installed):
    configure(installed)
    installed.run("systemctl", "stop", SERVICE)
    installed.run("systemctl", "reset-failed", "postern*", check=False)
    yield installed
    for unit in SOCKETS:
        assert installed.show(unit, "ActiveState")["ActiveState"] == "active", installed.recent()


@pytest.fixture
def sink(gate):
    """finish() gives the subjects of all that it took."""
    finish = gate.start_python(SINK, UPSTREAM_PASSWORD)
    eventually(lambda: is_listening(gate, 2525), what="the sink")
    return finish


def configure(machine, text=CONFIGURATION):
    machine.write("/etc/postern/postern.toml", text, 0o640)
    machine.run("chgrp", "postern", "/etc/postern/postern.toml")


def is_listening(machine, port):
    return f":{port:04X} 00000000:0000 0A" in machine.run("cat", "/proc/net/tcp").stdout


def state(machine, *names):
    return machine.show(SERVICE, *names)


def await_status(machine, text, seconds=15):
    eventually(lambda: state(machine, "StatusText")["StatusText"] == text, seconds, f"status '{text}'")


def test_the_first_connection_starts_the_service(gate):
    assert state(gate, "ActiveState")["ActiveState"] == "inactive"
    assert gate.python(GREETING, "587").startswith("220 gate.test ")
    shown = state(gate, "ActiveState", "SubState", "StatusText")
    assert shown == {"ActiveState": "active", "SubState": "running", "StatusText": "0 waiting, office ok"}


def test_a_message_goes_through_the_whole_sandbox(gate, sink):
    gate.run("systemctl", "start", SERVICE)
    gate.python(SUBMIT, "sandboxed", USER, PASSWORD)
    eventually(lambda: not gate.run("postern", "--json", "queue").stdout, what="an empty queue")
    assert sink() == ["sandboxed"]
    pid = state(gate, "MainPID")["MainPID"]
    status = dict(
        line.split(":\t", 1) for line in (gate.root / f"proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    user = gate.run("id", "-u", "postern").stdout.strip()
    assert status["Uid"].split() == [user] * 4 and user != "0"
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    # Nothing of its memory is both writable and executable.
    assert "rwxp" not in (gate.root / f"proc/{pid}/maps").read_text()
    assert UPSTREAM_PASSWORD not in json.dumps(gate.journal())


def test_status_is_what_systemctl_shows(gate, sink):
    gate.run("systemctl", "start", SERVICE)
    await_status(gate, "0 waiting, office ok")
    sink()
    gate.python(SUBMIT, "waiting", USER, PASSWORD)
    await_status(gate, "1 waiting, office unreachable")
    finish = gate.start_python(SINK, "another-password")
    gate.run("systemctl", "reload", SERVICE)
    await_status(gate, "1 waiting, office paused (login)")
    finish()
    finish = gate.start_python(SINK, UPSTREAM_PASSWORD)
    gate.run("systemctl", "reload", SERVICE)
    await_status(gate, "0 waiting, office ok")
    assert finish() == ["waiting"]


def test_reload_takes_a_good_file_and_refuses_a_broken_one(gate):
    gate.run("systemctl", "start", SERVICE)
    before = state(gate, "MainPID")
    configure(gate, CONFIGURATION.replace("gate.test", "other.test"))
    gate.run("systemctl", "reload", SERVICE)
    assert gate.python(GREETING, "587").startswith("220 other.test ")
    configure(gate, CONFIGURATION.replace("[queue]", "[queueue]"))
    refused = gate.run("systemctl", "reload", SERVICE, check=False)
    assert refused.returncode != 0
    assert gate.python(GREETING, "587").startswith("220 other.test ")
    assert state(gate, "ActiveState", "MainPID") == {"ActiveState": "active", **before}
    assert any("queueue" in entry["MESSAGE"] for entry in gate.journal("_SYSTEMD_UNIT=postern.service"))


def test_each_socket_admits_its_group_to_its_commands(gate):
    gate.run("systemctl", "start", SERVICE)
    for user, groups in (("reader", "adm"), ("helper", "postern-operate"), ("stranger", "users")):
        gate.run("useradd", "--groups", groups, user, check=False)
    allowed = {
        (user, command): gate.run("runuser", "-u", user, "--", "postern", *command.split(), check=False).returncode == 0
        for user in ("reader", "helper", "stranger") for command in ("queue", "flush --all --yes", "reload")}
    assert {key for key, yes in allowed.items() if yes} == {
        ("reader", "queue"), ("helper", "queue"), ("helper", "flush --all --yes")}


def test_a_process_that_hangs_is_killed_and_started_again(gate):
    gate.run("systemctl", "start", SERVICE)
    # Fed, it lives longer than the watchdog waits.
    hung = int(state(gate, "MainPID")["MainPID"])
    time.sleep(3)
    assert int(state(gate, "MainPID")["MainPID"]) == hung
    gate.run("kill", f"-{signal.SIGSTOP.name.removeprefix('SIG')}", str(hung))
    eventually(
        lambda: int(state(gate, "MainPID")["MainPID"]) not in (0, hung)
        and state(gate, "ActiveState")["ActiveState"] == "active", 30, "a new process")
    assert gate.python(GREETING, "587").startswith("220 ")
    assert int(state(gate, "NRestarts")["NRestarts"]) >= 1
    assert any("Watchdog timeout" in entry["MESSAGE"] for entry in gate.journal("UNIT=postern.service"))


def test_restarts_under_load_refuse_nobody_and_lose_nothing(gate, sink, summary):
    gate.run("systemctl", "start", SERVICE)
    finish = gate.start_python(LOAD, str(CLIENTS))
    processes = set()
    for _ in range(RESTARTS):
        time.sleep(0.7)
        gate.run("systemctl", "restart", SERVICE)
        processes.add(state(gate, "MainPID")["MainPID"])
    time.sleep(0.7)
    load = finish()
    assert len(processes) == RESTARTS
    eventually(lambda: not gate.run("postern", "--json", "queue").stdout, 60, "an empty queue")
    delivered = sink()
    lost = set(load["accepted"]) - set(delivered)
    summary.append(
        f"{RESTARTS} restarts under load: {len(load['accepted'])} messages accepted, {len(lost)} lost, "
        f"{len(delivered) - len(set(delivered))} twice; {load['sessions']} sessions, {load['restarting']} told 421, "
        f"{load['refused']} refused, {len(load['broken'])} broken")
    assert (load["refused"], load["broken"], lost) == (0, [], set())
    assert len(load["accepted"]) > 100


def test_a_wrong_configuration_neither_loops_nor_closes_the_ports(gate):
    configure(gate, CONFIGURATION.replace("[queue]", "[queueue]"))
    for port, greeting in (("587", "421 4.3.5 Gateway is misconfigured, the admin was told\r\n"), ("465", "")):
        assert gate.python(GREETING, port) == greeting
    # A client that comes again and again meets the end of the process, and is what starts the next.
    first = state(gate, "MainPID")
    while state(gate, "MainPID") == first:
        assert gate.python(GREETING, "587").startswith("421 4.3.5 ")
        time.sleep(0.2)
    ends = [entry for entry in gate.journal("UNIT=postern.service")
            if "Main process exited, code=exited, status=78" in entry["MESSAGE"]]
    assert len(ends) == 1
    gate.run("systemctl", "kill", "--signal=KILL", SERVICE)
    eventually(lambda: state(gate, "ActiveState")["ActiveState"] in ("failed", "activating"), what="its end")
    configure(gate)
    assert gate.python(GREETING, "587").startswith("220 gate.test ")


def test_a_port_without_a_socket_unit_is_refused_with_the_unit_to_enable(gate):
    configure(gate, CONFIGURATION + "[listen.submission]\n[listen.smtp]\nport = 25\n")
    gate.run("systemctl", "start", "--no-block", SERVICE)
    line = eventually(
        lambda: next((entry["MESSAGE"] for entry in gate.journal("_SYSTEMD_UNIT=postern.service")
                      if "port 25 " in entry["MESSAGE"]), None), what="the error")
    assert "[listen.smtp]" in line and "FileDescriptorName=smtp" in line
