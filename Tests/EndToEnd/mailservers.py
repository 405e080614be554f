# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Mail servers that people run, each in a root directory of its own that scripts/unpack-mail-servers made.

Each listens on ports of loopback, one for STARTTLS and one for implicit TLS where it can, wants a login there, and keeps
mail for KNOWN at example.net in Maildirs. `entrance()` is how a gateway sees one of the ports.
"""
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from gateway import TOOLS, eventually, free_port
from messages import Mail
from upstreams import Upstream

SERVERS = TOOLS / "servers"
KNOWN = ("alice", "bob", "good", "fine")
# Beyond what a system gives to users and to services.
USERS = {name: 64_100 + number for number, name in enumerate(
    ["postfix", "postdrop", "Debian-exim", "opensmtpd", "opensmtpq", "vmail"])}


def unusable():
    """Why these servers cannot be started here; None if they can."""
    if os.geteuid() != 0:
        return "needs root"
    if not all((SERVERS / name / "complete").exists() for name in ("postfix", "exim", "opensmtpd")):
        return "needs scripts/unpack-mail-servers"
    return None


class PrivateRoot:
    """A directory for chroot(8): the unpacked server by hard links, what it writes for itself."""

    def __init__(self, name):
        self.path = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=SERVERS))
        subprocess.run(["cp", "--archive", "--link", f"{SERVERS / name}/.", self.path], check=True)
        self.path.chmod(0o755)
        for name, minor in (("null", 3), ("urandom", 9)):
            os.mknod(self.path / "dev" / name, stat.S_IFCHR, os.makedev(1, minor))
            (self.path / "dev" / name).chmod(0o666)
        users = {"root": 0, **USERS, "nobody": 65534}
        self.write("/etc/passwd", "".join(f"{name}:x:{id}:{id}::/var/mail:/bin/sh\n" for name, id in users.items()))
        self.write("/etc/group", "".join(f"{name}:x:{id}:\n" for name, id in users.items()))
        self.write("/etc/hosts", "127.0.0.1 localhost\n")
        self.folder("/var/mail", "vmail", 0o755)
        (self.path / "tmp").chmod(0o1777)

    def write(self, path, text, owner="root", mode=0o644):
        file = self.path / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(text)
        file.chmod(mode)
        os.chown(file, USERS.get(owner, 0), -1)

    def folder(self, path, owner="root", mode=0o700, group="root"):
        folder = self.path / path.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(mode)
        os.chown(folder, USERS.get(owner, 0), USERS.get(group, 0))

    def run(self, *command, input=None):
        return subprocess.run(
            ["chroot", self.path, *command], input=input, capture_output=True, text=True, check=True, timeout=30).stdout

    def start(self, *command):
        """Starts a server that stays in the foreground. It ends when its standard input does, so it survives nobody."""
        script = '"$@" </dev/null & server=$!; read -r _; kill "$server"; wait'
        with (self.path / "output").open("wb") as output:
            return subprocess.Popen(
                ["sh", "-c", script, "-", "chroot", self.path, *command], stdin=subprocess.PIPE, stdout=output,
                stderr=output, start_new_session=True, cwd="/", env={"PATH": "/usr/sbin:/usr/bin", "LANG": "C"})

    def remove(self):
        shutil.rmtree(self.path)


class MailServer:
    """One of them, running."""

    modes = ("starttls", "implicit")
    reader_of_key = "root"
    login_in_log = "$never"
    username, password = "office@relay.test", "upstream-secret-9"

    def __init__(self, certificate):
        self.certificate = certificate
        self.ports = {mode: free_port() for mode in self.modes}
        self.root = PrivateRoot(self.package)
        self.root.write("/etc/cert.pem", certificate.chain.read_text())
        self.root.write("/etc/key.pem", certificate.key.read_text(), self.reader_of_key, 0o400)
        self.process = None
        try:
            self.process = self.root.start(*self.prepare())
            for port in self.ports.values():
                eventually(lambda: self._is_listening(port), what=f"{type(self).__name__} listening on {port}")
        except BaseException:
            self.close()
            raise

    def _is_listening(self, port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def entrance(self, mode, **settings):
        return Entrance(self, mode, settings)

    @property
    def mails(self):
        """One for each recipient, because that is how they are kept."""
        return [self._read(file) for name in KNOWN for file in (self.root.path / "var/mail" / name / "new").glob("*")]

    @staticmethod
    def _read(file):
        # Lines end with LF in a Maildir. Before what we sent stand fields of the server.
        content = file.read_bytes().replace(b"\n", b"\r\n")
        (sender,) = re.findall(rb"^Return-Path: <(.*?)>", content, re.MULTILINE | re.IGNORECASE)
        ours = re.search(rb"^Received: (?:[^\r]|\r\n[ \t])*? by gate\.test", content, re.MULTILINE)
        assert ours, content[:2000]
        return Mail(sender.decode(), (f"{file.parts[-3]}@example.net",), content[ours.start():])

    def logins(self):
        """The mechanisms of the logins that it took, in capitals, one for each message."""
        return [name.upper() for name in re.findall(self.login_in_log, self.log())]

    def log(self):
        files = [self.root.path / "output", *(path for path in self.root.path.glob("var/log/**/*") if path.is_file())]
        return "".join(path.read_text(errors="replace") for path in files)

    def close(self):
        if self.process:
            self.process.stdin.close()
            try:
                self.process.wait(10)
            finally:
                # Whoever of its processes did not end with it.
                with suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGKILL)
        self.root.remove()


class Entrance(Upstream):
    """One port of a server, as an upstream of a gateway."""

    def __init__(self, server, mode, settings):
        super().__init__()
        self.server, self.mode, self.more = server, mode, settings
        self.username, self.password, self.port = server.username, server.password, server.ports[mode]

    @property
    def mails(self):
        return self.server.mails

    def settings(self):
        if self.mode == "none":
            return super().settings()
        return {**self.encrypted_settings(self.mode, self.server.certificate), **self.more}


class Postfix(MailServer):
    """Logins by Cyrus SASL out of a database, so that it knows all mechanisms that need the password itself."""

    package = "postfix"
    login_in_log = r"sasl_method=([A-Z0-9-]+)"

    def folders(self):
        root = self.root
        for name in "active bounce corrupt defer deferred flush hold incoming private saved trace".split():
            root.folder(f"/var/spool/postfix/{name}", "postfix")
        root.folder("/var/spool/postfix/public", "postfix", 0o710, "postdrop")
        root.folder("/var/spool/postfix/maildrop", "postfix", 0o730, "postdrop")
        root.folder("/var/spool/postfix/pid", mode=0o755)
        root.folder("/var/lib/postfix", "postfix")
        root.folder("/var/log", mode=0o755)

    def prepare(self):
        self.folders()
        root = self.root
        user, realm = self.username.split("@")
        root.run("/usr/sbin/saslpasswd2", "-c", "-p", "-f", "/etc/sasldb2", "-u", realm, user, input=self.password)
        os.chown(root.path / "etc/sasldb2", USERS["postfix"], 0)
        root.write("/etc/postfix/sasl/smtpd.conf", (
            "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: /etc/sasldb2\n"
            "mech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256\n"))
        mailboxes = " ".join(f"{{ {name}@example.net = {name}/ }}" for name in KNOWN)
        root.write("/etc/postfix/main.cf", POSTFIX_MAIN + f"""
smtpd_tls_cert_file = /etc/cert.pem
smtpd_tls_key_file = /etc/key.pem
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = {realm}
cyrus_sasl_config_path = /etc/postfix/sasl
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_error_sleep_time = 0
smtpd_peername_lookup = no
virtual_mailbox_domains = example.net
virtual_mailbox_base = /var/mail
virtual_mailbox_limit = 0
virtual_mailbox_maps = inline:{{ {mailboxes} }}
virtual_uid_maps = static:{USERS["vmail"]}
virtual_gid_maps = static:{USERS["vmail"]}
""")
        root.write("/etc/postfix/master.cf", f"""
127.0.0.1:{self.ports["starttls"]} inet n - n - - smtpd -o smtpd_tls_security_level=encrypt
127.0.0.1:{self.ports["implicit"]} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
""" + POSTFIX_SERVICES)
        return POSTFIX_MASTER


POSTFIX_MASTER = ("/usr/lib/postfix/sbin/master", "-d")
POSTFIX_MAIN = """
compatibility_level = 3.6
queue_directory = /var/spool/postfix
data_directory = /var/lib/postfix
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = /var/log/mail.log
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.test
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
message_size_limit = 104857600
"""
POSTFIX_SERVICES = """
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsproxy unix - - n - 0 tlsproxy
postlog unix-dgram n - n - 1 postlogd
"""


class Exim(MailServer):
    """TLS by GnuTLS; logins that its configuration checks."""

    package = "exim"
    reader_of_key = "Debian-exim"
    login_in_log = r" A=(\w+):"

    def prepare(self):
        for folder in ("/var/spool/exim4", "/var/log/exim4"):
            self.root.folder(folder, "Debian-exim")
        self.root.write("/etc/known", "".join(f"{name}:\n" for name in KNOWN))
        name, password = self.username, self.password
        self.root.write("/etc/exim4/exim4.conf", f"""
primary_hostname = relay.test
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim4/%slog
pid_file_path = /var/spool/exim4/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {" : ".join(map(str, self.ports.values()))}
tls_on_connect_ports = {self.ports["implicit"]}
tls_advertise_hosts = *
tls_certificate = /etc/cert.pem
tls_privatekey = /etc/key.pem
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
log_selector = +received_recipients
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
domainlist kept = example.net
host_lookup =
rfc1413_hosts =
disable_ipv6 = true
dns_dnssec_ok = 0
message_size_limit = 100M
deliver_drop_privilege = true
keep_environment =
add_environment =
begin acl
rcpt:
  deny !authenticated = *
       message = log in first
  accept domains = +kept
         local_parts = lsearch;/etc/known
  deny message = no such user here
begin routers
kept:
  driver = accept
  domains = +kept
  local_parts = lsearch;/etc/known
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = /var/mail/${{lookup{{$local_part}}lsearch,ret=key{{/etc/known}}}}
  maildir_format
  return_path_add
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and {{{{eq{{$auth2}}{{{name}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = User Name : Password
  server_condition = ${{if and {{{{eq{{$auth1}}{{{name}}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
  server_set_id = $auth1
cram_md5:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${{if eq{{$auth1}}{{{name}}}{{{password}}}fail}}
  server_set_id = $auth1
""")
        # It delivers as itself.
        self.root.folder("/var/mail", "Debian-exim", 0o755)
        return ("/usr/sbin/exim4", "-bdf", "-q1m")


class OpenSMTPD(MailServer):
    """Neither PIPELINING nor CHUNKING. Without TLS and, as it offers none in clear, without a login: Debian 12's cannot
    serve TLS with OpenSSL 3 (OpenSMTPD/OpenSMTPD#1239)."""

    package = "opensmtpd"
    modes = ("none",)
    username = password = None

    def prepare(self):
        self.root.write("/etc/boxes", "".join(f"{name}@example.net vmail\n" for name in KNOWN))
        self.root.folder("/var/spool", mode=0o711)
        self.root.folder("/var/lib/opensmtpd/empty", mode=0o755)
        self.root.write("/etc/smtpd.conf", f"""
table boxes file:/etc/boxes
smtp max-message-size 100M
listen on 127.0.0.1 port {self.ports["none"]} hostname "relay.test"
action "keep" maildir "/var/mail/%{{rcpt.user}}" virtual <boxes>
match from any for domain "example.net" action "keep"
""")
        return ("/usr/sbin/smtpd", "-d")
