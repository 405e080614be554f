# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""One posternd as its admin runs it: the release binary, a configuration file, a directory; ended or killed."""
import base64
import json
import os
import queue
import random
import re
import smtplib
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from secrecy import SUITE

ROOT = Path(__file__).resolve().parents[2]
BINARIES = Path(os.environ.get("POSTERN_BINARIES", ROOT / ".build/release"))
TOOLS = ROOT / ".build/tools"

USER, PASSWORD = "alice", "correct-horse-7"
WRONG_PASSWORD = "wrong-horse-7"
# Linux routes all of 127/8 to the loopback interface, so one gateway can treat three kinds of client differently.
MUST_LOG_IN, NEEDS_NOTHING, TRUSTED = "127.0.0.1", "127.0.0.2", "127.0.0.3"

READY_SECONDS = 15
STOP_SECONDS = 12  # ten for the drain, and the process needs to end


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


given_ports = set()


def free_port():
    """A port below the range from which the kernel takes ports for outgoing connections; never the same one twice."""
    while True:
        port = random.randrange(10_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        if port not in given_ports:
            given_ports.add(port)
            return port


def eventually(condition, seconds=20, what="the condition"):
    """Waits until `condition()` is true, and returns what it returned."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s")


def posternd(*arguments, **options):
    """The daemon as a command that ends by itself, and what it said."""
    done = subprocess.run([BINARIES / "posternd", *arguments], capture_output=True, text=True, timeout=60, **options)
    SUITE.wrote(done.stdout + done.stderr)
    return done


def toml(tables):
    """A TOML document of tables by name; "" is the top, a list of tables is an array of tables."""
    lines = []
    for name, table in tables.items():
        for one in table if isinstance(table, list) else [table]:
            lines += ["", f"[[{name}]]" if isinstance(table, list) else f"[{name}]" if name else ""]
            # JSON writes strings, numbers, Booleans and lists as TOML does.
            lines += [f"{key} = {json.dumps(value, default=str)}" for key, value in one.items()]
    return "\n".join(lines) + "\n"


class ServiceManager:
    """The socket of a service manager. It reads at once, as systemd does, and keeps what it was told."""

    def __init__(self, path):
        self.path = path
        self.told = queue.SimpleQueue()
        path.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            self.told.put(self.socket.recv(4096).decode())

    def next(self, seconds):
        """The next message that nobody has asked for; None if there is none in this time."""
        with suppress(queue.Empty):
            return self.told.get(timeout=seconds)


class Gateway:
    def __init__(self, directory, certificate, upstream, changes=None):
        """`changes` are configuration tables whose keys are added to the usual ones or replace them."""
        self.directory = directory
        self.certificate = certificate
        self.upstream = upstream
        self.port, self.implicit_port, self.plain_port = free_port(), free_port(), free_port()
        self.log_file = directory / "log"
        self.credential_file = directory / "credentials/office.password"
        self.config_file = directory / "postern.toml"
        self.process = None
        for folder in ("credentials", "queue", "control"):
            (directory / folder).mkdir(parents=True)
            # Whatever the usual mode of this user's files.
            (directory / folder).chmod(0o755)
        self.log_file.touch()
        SUITE.will_write(self.log_file)
        self.secrets = set()
        if upstream.password:
            self.write_credential(upstream.password)
            self.add_secret(upstream.username, upstream.password)
        self.tables = self._tables()
        self.configure(changes or {})

    def _tables(self):
        loopback = ["127.0.0.1", "::1"] if has_ipv6() else ["127.0.0.1"]
        listener = {"address": loopback, "max_sessions": 1000, "max_sessions_per_client": 0}
        return {
            "": {"hostname": "gate.test"},
            "upstream.office": self.upstream.settings(),
            "listen.submission": {**listener, "port": self.port},
            "listen.submissions": {**listener, "port": self.implicit_port, "tls": "implicit"},
            "listen.plain": {**listener, "port": self.plain_port, "tls": "none"},
            "access": {"users_file": self.directory / "users", "trusted": [TRUSTED]},
            "client": [{"name": "old-scanner", "address": NEEDS_NOTHING, "allow": ["no-auth", "plaintext"]}],
            "queue": {"directory": self.directory / "queue", "retry": ["1s"]},
            "tls": {"certificate": self.certificate.chain, "key": self.certificate.key},
            "control": {"directory": self.directory / "control"},
            "log": {"level": "debug"},
        }

    def configure(self, changes):
        for name, table in changes.items():
            self.tables[name] = table if isinstance(table, list) else {**self.tables.get(name, {}), **table}
        self.config_file.write_text(toml(self.tables))

    def write_credential(self, password):
        SUITE.uses(password)
        self.credential_file.write_text(password + "\n")
        self.credential_file.chmod(0o600)

    def add_secret(self, user, password):
        """What must stand in no log: the password, and the forms in which PLAIN and LOGIN send it."""
        SUITE.uses(password)
        plain = f"\0{user}\0{password}".encode()
        self.secrets |= {password, *(base64.b64encode(octets).decode() for octets in (password.encode(), plain))}

    # The daemon

    def start(self, environment=None, sockets=None, sink=None, files=None):
        """Starts the daemon and returns when it says that it is ready. `sink` is its standard error, or None for a file;
        `files` bounds how many it may open."""
        self.launch(environment, sockets, sink, files)
        self.await_notification("READY=1")
        return self

    def launch(self, environment=None, sockets=None, sink=None, files=None):
        """Starts the daemon. `sockets` are pairs of name and address that it inherits, as from systemd; it then begins
        with the first connection to one of them."""
        self.manager = ServiceManager(self.directory / "notify")
        variables = {
            "NOTIFY_SOCKET": str(self.manager.path), "CREDENTIALS_DIRECTORY": str(self.directory / "credentials"),
            **(environment or {}), **(sink.environment if sink else {})}
        limited = ["prlimit", f"--nofile={files}:{files}"] if files else []
        command = [*(sink.prefix if sink else ()), *limited, BINARIES / "posternd", "--config", self.config_file]
        if sockets:
            listen = [f"--listen={address}" for _, address in sockets]
            names = f"--fdname={':'.join(name for name, _ in sockets)}"
            # It passes on nothing of its own environment but what it is told to.
            passed = [f"--setenv={name}={value}" for name, value in variables.items()]
            command = ["systemd-socket-activate", *listen, names, *passed, *command]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=sink.descriptor if sink else log,
                env={**os.environ, **variables})

    def await_notification(self, wanted, seconds=READY_SECONDS):
        """Reads what the daemon tells the service manager until it says `wanted`; returns all that it said."""
        seen = []
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            told = self.manager.next(0.1)
            if told:
                seen += told.splitlines()
                if wanted in seen:
                    return seen
            elif self.process is None or self.process.poll() is not None:
                break
        raise AssertionError(f"no {wanted} from posternd, but {seen}:\n{self.log()[-4000:]}")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self):
        """Asks the daemon to end, and holds it to ending cleanly and in time."""
        if self.process is not None:
            self.process.terminate()
            self.await_end()

    def await_end(self):
        process, self.process = self.process, None
        try:
            status = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"posternd still runs {STOP_SECONDS} s after SIGTERM:\n{self.log()[-4000:]}") from None
        assert status == 0, f"posternd ended with {status}:\n{self.log()[-4000:]}"

    def raw_log(self):
        return self.log_file.read_text(errors="replace")

    def events(self, name=None):
        """What was logged, as JSON objects; only the events of that name, if there is one."""
        lines = [line for line in self.raw_log().splitlines() if line.startswith("{")]
        events = [json.loads(line) for line in lines]
        return [event for event in events if name in (None, event.get("event"))]

    def await_events(self, name, count=1, **facts):
        """The events of that name with these facts, when there are so many."""
        def found():
            events = [event for event in self.events(name) if facts.items() <= event.items()]
            return events if len(events) >= count else None

        return eventually(found, what=f"{count} × {name} {facts}")

    def log(self):
        """The log as it is read on a terminal: a line of text for each event, beside lines that are not ours."""
        lines = []
        for line in self.raw_log().splitlines():
            event = json.loads(line) if line.startswith("{") and line.endswith("}") else None
            lines.append(f"{event['level']}: {event['message']}" if event else line)
        return "".join(f"{line}\n" for line in lines)

    def close(self):
        self.stop()
        log = self.raw_log()
        SUITE.uses(*self.secrets)
        SUITE.wrote(log, self.log_file)
        self.check_no_secret(log)

    def check_no_secret(self, log):
        """No secret stands in what was logged, as it was written and as readers of JSON see it."""
        decoded = [json.loads(line) for line in log.splitlines() if line.startswith("{") and line.endswith("}")]
        texts = [log, *(str(value) for entry in decoded for value in entry.values())]
        leaked = {secret for secret in self.secrets for text in texts if secret in text}
        assert not leaked, f"secrets in the log: {leaked}"

    # The console

    def postern(self, *arguments, exit=0, input="", program=BINARIES / "postern", **options):
        """What the console prints for these arguments; it must end with `exit`, or with one of several."""
        done = subprocess.run(
            [program, "--config", self.config_file, *arguments], input=input, capture_output=True, text=True,
            timeout=60, **options)
        if arguments[0] in ("creds", "users"):
            SUITE.uses(input)
        SUITE.wrote(done.stderr)
        allowed = exit if isinstance(exit, tuple) else (exit,)
        assert done.returncode in allowed, f"postern {arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *arguments, exit=0):
        return [json.loads(line) for line in self.postern("--json", *arguments, exit=exit).splitlines()]

    def status(self):
        (status,) = self.json("status", exit=(0, 1))
        return status

    def office(self):
        """The upstream as `status` shows it."""
        (upstream,) = self.status()["upstreams"]
        return upstream

    def queue(self):
        return self.json("queue")

    def message(self, id):
        (message,) = self.json("show", id)
        return message

    def add_user(self, name=USER, password=PASSWORD):
        self.add_secret(name, password)
        self.postern("users", "add", name, "--password-stdin", input=password + "\n")

    def await_empty_queue(self, seconds=30):
        eventually(lambda: not self.queue(), seconds, "an empty queue")

    def await_state(self, id, state):
        """The message when it has come to that state and each recipient in that state has the reply that decided."""
        def reached():
            message = self.message(id)
            replies = ["code" in each for each in message["recipients"] if each["state"] == state]
            return message if message["state"] == state and all(replies) else None

        return eventually(reached, what=f"state '{state}' of {id}")

    # A client

    @contextmanager
    def client(
            self, mode="plain", source=NEEDS_NOTHING, user=None, password=PASSWORD, host="127.0.0.1", certificate=None):
        """A session of smtplib, greeted, encrypted as `mode` says, and logged in if there is a user. `certificate` is a
        file with one of the client's, and its key."""
        options = {"local_hostname": "client.test", "source_address": (source, 0) if source else None, "timeout": 60}
        if mode == "implicit":
            session = smtplib.SMTP_SSL(host, self.implicit_port, context=self.tls(certificate), **options)
        else:
            session = smtplib.SMTP(host, self.plain_port if mode == "plain" else self.port, **options)
        with session:
            if mode == "starttls":
                session.starttls(context=self.tls(certificate))
            session.ehlo()
            if user:
                session.login(user, password)
            yield session

    def tls(self, certificate=None):
        context = ssl.create_default_context(cafile=self.certificate.chain)
        if certificate:
            context.load_cert_chain(certificate)
        return context

    def submit(self, content, recipients=("bob@example.net",), sender="alice@example.org", options=(), **client):
        """Hands in one message and returns the id that the gateway gave it."""
        with self.client(**client) as session:
            return submit(session, content, recipients, sender, options)


def submit(session, content, recipients=("bob@example.net",), sender="alice@example.org", options=()):
    """One transaction of an open session; returns the id, or raises SMTPResponseException."""
    _accepted(session.mail(sender, options))
    for recipient in recipients:
        _accepted(session.rcpt(recipient))
    return re.search(rb"queued as ([0-9A-Z]{9})\b", _accepted(session.data(content)))[1].decode()


def _accepted(answer):
    code, reply = answer
    if code != 250:
        raise smtplib.SMTPResponseException(code, reply)
    return reply
