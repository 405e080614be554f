# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Relayhosts to deliver to: two that others wrote, one that does what a test tells it, and one that is not there.

Each has `settings()` for [upstream.office], `mails` taken so far, and the account that it wants.
"""
import getpass
import re
import select
import socket
import subprocess
import threading
from base64 import b64decode

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from gateway import TOOLS, eventually, free_port
from messages import Mail


class Upstream:
    username, password = None, None

    def __init__(self):
        self.port = free_port()
        self.taken = []

    @property
    def mails(self):
        return list(self.taken)

    def settings(self):
        return {"host": "localhost", "port": self.port, "tls": "none", "allow_insecure": True, "auth": "none"}

    def encrypted_settings(self, mode, certificate):
        account = {"username": self.username} if self.username else {"auth": "none"}
        return {"host": "localhost", "port": self.port, "tls": mode, "ca_file": certificate.chain, **account}

    def mails_about(self, token):
        return [mail for mail in self.mails if token.encode() in mail.content]

    def await_mail(self, token, seconds=20):
        """The mail that bears the token; there must be one, once."""
        (mail,) = eventually(lambda: self.mails_about(token), seconds, f"delivery of {token}")
        return mail

    def close(self):
        pass


class NoUpstream(Upstream):
    """A port where nobody listens."""


class Aiosmtpd(Upstream):
    """aiosmtpd with TLS and a login, by one mechanism or both."""

    username, password = "office@relay.test", "upstream-secret-9"

    def __init__(self, certificate, mode, mechanism=None, size=1 << 26):
        super().__init__()
        self.certificate, self.mode, self.logins = certificate, mode, []
        tls = {"ssl_context": certificate.server_context()} if mode == "implicit" else {
            "tls_context": certificate.server_context(), "require_starttls": True}
        self.controller = _Controller(
            self, "127.0.0.1", self.port, **tls, auth_required=True, auth_require_tls=mode == "starttls",
            auth_exclude_mechanism={"plain": ["LOGIN"], "login": ["PLAIN"], None: []}[mechanism],
            authenticator=self._authenticate, data_size_limit=size, enable_SMTPUTF8=False)
        self.controller.start()

    def settings(self):
        return self.encrypted_settings(self.mode, self.certificate)

    def _authenticate(self, server, session, envelope, mechanism, account):
        self.logins.append(mechanism)
        right = (account.login, account.password) == (self.username.encode(), self.password.encode())
        # "Handled" would mean that the refusal is said already.
        return AuthResult(success=right, handled=False)

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("bad@"):
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 recipient"

    async def handle_DATA(self, server, session, envelope):
        self.taken.append(Mail(envelope.mail_from, tuple(envelope.rcpt_tos), envelope.content))
        return "250 2.0.0 taken"

    def close(self):
        self.controller.stop()


class _Controller(Controller):
    def factory(self):
        return _Server(self.handler, **self.SMTP_kwargs)


class _Server(SMTP):
    # We pass on long lines as they came; this limit would refuse them.
    line_length_limit = 1 << 24


class SmtpSink(Upstream):
    """Postfix's smtp-sink, which writes each mail into a file. It ends lines with LF there."""

    def __init__(self, directory):
        super().__init__()
        self.directory = directory
        self.counters = directory / "counters"
        with self.counters.open("wb") as counters:
            self.process = subprocess.Popen(
                [TOOLS / "smtp-sink", "-c", "-u", getpass.getuser(), "-d", f"{directory}/mail.",
                 f"127.0.0.1:{self.port}", "100"],
                stdout=counters, stderr=counters)
        eventually(self._is_listening, what="smtp-sink listening")

    def _is_listening(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def mails(self):
        return [self._read(path) for path in self.directory.glob("mail.*")]

    @staticmethod
    def _read(path):
        # Envelope as X- fields, then a Received field of the sink, then what it was sent.
        head, content = re.fullmatch(
            rb"((?:X-[^\n]*\n)*)Received:[^\n]*\n(?:[ \t][^\n]*\n)*(.*)", path.read_bytes(), re.DOTALL).groups()
        (sender,) = re.findall(rb"X-Mail-Args: <(.*?)>", head)
        recipients = re.findall(rb"X-Rcpt-Args: <(.*?)>", head)
        # The sink ends each file with an empty line of its own.
        content = content.removesuffix(b"\n").replace(b"\n", b"\r\n")
        return Mail(sender.decode(), tuple(recipient.decode() for recipient in recipients), content)

    def count(self, what):
        """A counter of the sink: sess (sessions that ended, less the one that asked whether it listens), quit, mesg."""
        values = re.findall(rf"{what}=(\d+)", self.counters.read_text())
        return int(values[-1]) - (what == "sess") if values else 0

    def close(self):
        self.process.terminate()
        self.process.wait(10)


class ScriptedUpstream(Upstream):
    """Says what a test tells it, and keeps every command and every mail of every connection.

    `answers` maps a verb to what is said: a reply, None to cut the connection, or a function of the command line and
    the conversation that returns either. Tests change it at any time. Verbs are those of SMTP, besides "greeting" and
    "." for the end of data.
    """

    username, password = "office@relay.test", "upstream-secret-9"

    EXTENSIONS = ("PIPELINING", "8BITMIME", "SIZE 100000000")

    def __init__(self, certificate, mode="starttls", extensions=EXTENSIONS, login=True):
        super().__init__()
        self.certificate, self.mode, self.extensions = certificate, mode, extensions
        if not login or mode == "none":
            self.username = self.password = None
        self.answers = {
            "greeting": "220 relay.test", "EHLO": self._greet, "HELO": "250 relay.test", "STARTTLS": "220 2.0.0 go on",
            "AUTH": self._authenticate, "MAIL": "250 2.1.0 sender", "RCPT": "250 2.1.5 recipient", "DATA": "354 go on",
            ".": "250 2.0.0 taken", "RSET": "250 2.0.0 reset", "NOOP": "250 2.0.0 here", "QUIT": "221 2.0.0 bye",
        }
        self.conversations = []
        self.open()

    def open(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def settings(self):
        return super().settings() if self.mode == "none" else self.encrypted_settings(self.mode, self.certificate)

    def commands(self, verb=None):
        """Every command line seen, of all connections in order; or those of one verb."""
        lines = [line for conversation in list(self.conversations) for line in list(conversation.commands)]
        return [line for line in lines if verb is None or line.upper().startswith(verb.encode())]

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            # Replies to pipelined commands go out one by one; none should wait for an ACK of the one before.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conversation = Conversation(self, connection)
            self.conversations.append(conversation)
            threading.Thread(target=conversation.run, daemon=True).start()

    def _greet(self, line, conversation):
        offers = [*self.extensions]
        if self.mode == "starttls" and not conversation.encrypted:
            offers.append("STARTTLS")
        elif self.password:
            offers.append("AUTH PLAIN LOGIN")
        return "\r\n".join([*(f"250-{offer}" for offer in ["relay.test", *offers]), "250 HELP"])

    def _authenticate(self, line, conversation):
        _, mechanism, *initial = line.split()
        if mechanism.upper() == b"PLAIN":
            account = conversation.ask("334 ") if not initial else initial[0]
            _, user, password = b64decode(account).split(b"\0")
        else:
            user = b64decode(initial[0] if initial else conversation.ask("334 VXNlcm5hbWU6"))
            password = b64decode(conversation.ask("334 UGFzc3dvcmQ6"))
        right = (user, password) == (self.username.encode(), self.password.encode())
        return "235 2.7.0 welcome" if right else "535 5.7.8 who are you"

    def close(self):
        if self.listener.fileno() >= 0:
            # A blocked accept does not notice that its socket is closed, but that it is shut down.
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()


class Conversation:
    """One connection to the scripted upstream, on a thread of its own."""

    def __init__(self, upstream, connection):
        self.upstream, self.connection = upstream, connection
        self.encrypted = False
        self.commands = []
        self.sent_early = False
        self._buffer = b""
        self._sender, self._recipients = None, []

    def run(self):
        try:
            self._talk()
        except (OSError, EOFError):
            pass
        finally:
            # Not the socket of the beginning: TLS put another one in its place.
            self.connection.close()

    def _talk(self):
        if self.upstream.mode == "implicit":
            self._encrypt()
        self._say("greeting", b"")
        while True:
            line = self._line()
            self.commands.append(line)
            verb = re.match(rb"[A-Za-z]*", line)[0].decode().upper()
            code = self._say(verb, line)
            if verb == "STARTTLS" and code == "220":
                # What the client sent in clear behind STARTTLS would be lost here, so it must not exist.
                self.sent_early |= bool(self._buffer)
                self._encrypt()
            elif verb == "QUIT":
                return
            elif verb == "RSET":
                self._sender, self._recipients = None, []
            elif verb == "MAIL" and code == "250":
                self._sender, self._recipients = _path(line), []
            elif verb == "RCPT" and code == "250":
                self._recipients.append(_path(line))
            elif verb == "DATA" and code == "354":
                content = self._content()
                if self._say(".", content) == "250":
                    self.upstream.taken.append(Mail(self._sender, tuple(self._recipients), content))

    def _say(self, verb, line):
        """Answers as the table says and returns the code."""
        answer = self.upstream.answers.get(verb, "500 5.5.1 what")
        if callable(answer):
            answer = answer(line, self)
        if answer is None:
            raise EOFError
        self.connection.sendall(answer.encode() + b"\r\n")
        return answer[:3]

    def ask(self, challenge):
        self.connection.sendall(challenge.encode() + b"\r\n")
        return self._line()

    def has_more(self, seconds):
        """Whether the client sends more within that time, although it has not got the answer to its last command."""
        pending = getattr(self.connection, "pending", lambda: 0)
        return bool(self._buffer or pending() or select.select([self.connection], [], [], seconds)[0])

    def _encrypt(self):
        self.connection = self.upstream.certificate.server_context().wrap_socket(self.connection, server_side=True)
        self.encrypted = True

    def _receive(self):
        octets = self.connection.recv(65536)
        if not octets:
            raise EOFError
        self._buffer += octets

    def _line(self):
        while b"\r\n" not in self._buffer:
            self._receive()
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        return line

    def _content(self):
        """The octets up to the dot, unstuffed."""
        octets = bytearray(b"\r\n")  # as if behind the line DATA, so that a dot in the first line is found as any other
        start = 0
        while (end := octets.find(b"\r\n.\r\n", start)) < 0:
            start = max(0, len(octets) - 4)
            if not self._buffer:
                self._receive()
            octets += self._buffer
            self._buffer = b""
        self._buffer = bytes(octets[end + 5 :])
        return bytes(octets[: end + 2].replace(b"\r\n..", b"\r\n.")[2:])


def _path(line):
    return re.search(rb"<(.*?)>", line)[1].decode()
