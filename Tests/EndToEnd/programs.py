# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Mail programs as people set them up: a server, a port, TLS that is verified, a user and a password.

Each function hands in one letter and returns the program's exit status and what it said.
"""
import base64
import email.message
import email.policy
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from gateway import PASSWORD, USER


class Letter(NamedTuple):
    """What the writer of a letter types; the program makes the message."""

    subject: str
    text: str
    sender: str = "alice@example.org"
    recipient: str = "bob@example.net"
    attachment: Path = None


def run(command, input=None, directory=None):
    """In a home directory of its own, so that nobody's settings count."""
    home = str(directory)
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": home, "LANG": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        [str(word) for word in command], input=input, capture_output=True, timeout=90, cwd=home, env=environment)
    return done.returncode, done.stdout + done.stderr


def port(gateway, mode):
    return {"starttls": gateway.port, "implicit": gateway.implicit_port}[mode]


def s_nail(gateway, mode, letter, directory):
    scheme = "smtps" if mode == "implicit" else "smtp"
    settings = [
        "v15-compat", f"mta={scheme}://{USER}:{PASSWORD}@localhost:{port(gateway, mode)}", "smtp-auth=plain",
        "tls-ca-no-defaults", f"tls-ca-file={gateway.certificate.chain}", "tls-verify=strict", f"from={letter.sender}",
        "sendwait", "hostname=client.test", *(["smtp-use-starttls"] if mode == "starttls" else [])]
    attach = ["-a", letter.attachment] if letter.attachment else []
    return run(
        ["s-nail", "-:/", *(f"-S{setting}" for setting in settings), *attach, "-s", letter.subject, letter.recipient],
        letter.text.encode(), directory)


def mutt(gateway, mode, letter, directory):
    scheme = "smtps" if mode == "implicit" else "smtp"
    settings = directory / "muttrc"
    settings.write_text(
        f'set smtp_url = "{scheme}://{USER}@localhost:{port(gateway, mode)}/"\nset smtp_pass = "{PASSWORD}"\n'
        "set smtp_authenticators = login\nset ssl_force_tls = yes\nset ssl_starttls = yes\n"
        f'set ssl_ca_certificates_file = "{gateway.certificate.chain}"\nset from = "{letter.sender}"\n'
        "set use_envelope_from = yes\nset copy = no\nset hostname = client.test\n")
    attach = ["-a", letter.attachment, "--"] if letter.attachment else ["--"]
    return run(
        ["mutt", "-n", "-F", settings, "-s", letter.subject, *attach, letter.recipient], letter.text.encode(), directory)


NET_SMTP = r"""
my ($port, $starttls, $ca, $user, $password, $sender, $recipient) = @ARGV;
my @tls = (SSL_ca_file => $ca, SSL_verifycn_name => 'localhost');
my $smtp = Net::SMTP->new('localhost', Port => $port, Hello => 'client.test', Timeout => 30,
  $starttls ? () : (SSL => 1, @tls)) or die "connect: $@";
if ($starttls) { $smtp->starttls(@tls) or die 'starttls: ' . $smtp->message; }
$smtp->auth($user, $password) or die 'auth: ' . $smtp->message;
$smtp->mail($sender) or die 'mail: ' . $smtp->message;
$smtp->to($recipient) or die 'rcpt: ' . $smtp->message;
$smtp->data(<STDIN>) or die 'data: ' . $smtp->message;
$smtp->quit or die 'quit: ' . $smtp->message;
"""


def net_smtp(gateway, mode, letter, directory):
    return run(
        ["perl", "-MNet::SMTP", "-e", NET_SMTP, port(gateway, mode), int(mode == "starttls"), gateway.certificate.chain,
         USER, PASSWORD, letter.sender, letter.recipient], as_message(letter), directory)


PHPMAILER = r"""
require '/usr/share/php/libphp-phpmailer/autoload.php';
[, $port, $secure, $ca, $user, $password, $sender, $recipient, $subject, $attachment] = $argv;
$mail = new PHPMailer\PHPMailer\PHPMailer(true);
$mail->isSMTP();
[$mail->Host, $mail->Port, $mail->SMTPSecure, $mail->Hostname] = ['localhost', $port, $secure, 'client.test'];
[$mail->SMTPAuth, $mail->Username, $mail->Password] = [true, $user, $password];
$mail->SMTPOptions = ['ssl' => ['cafile' => $ca]];
$mail->setFrom($sender);
$mail->addAddress($recipient);
[$mail->Subject, $mail->Body] = [$subject, stream_get_contents(STDIN)];
if ($attachment !== '') $mail->addAttachment($attachment);
$mail->send();
"""


def phpmailer(gateway, mode, letter, directory):
    return run(
        ["php", "-d", "memory_limit=512M", "-r", PHPMAILER, port(gateway, mode), "ssl" if mode == "implicit" else "tls",
         gateway.certificate.chain, USER, PASSWORD, letter.sender, letter.recipient, letter.subject,
         letter.attachment or ""],
        letter.text.encode(), directory)


def git_send_email(gateway, mode, letter, directory):
    patch = directory / "0001.patch"
    patch.write_text(f"From: {letter.sender}\nSubject: {letter.subject}\n\n{letter.text}")
    return run(
        ["git", "-c", "user.name=alice", "-c", f"user.email={letter.sender}", "send-email",
         "--smtp-server=localhost", f"--smtp-server-port={port(gateway, mode)}",
         f"--smtp-encryption={'ssl' if mode == 'implicit' else 'tls'}", f"--smtp-ssl-cert-path={gateway.certificate.chain}",
         f"--smtp-user={USER}", f"--smtp-pass={PASSWORD}", "--smtp-domain=client.test", f"--from={letter.sender}",
         f"--envelope-sender={letter.sender}", f"--to={letter.recipient}", "--suppress-cc=all", "--confirm=never", patch],
        directory=directory)


def openssl_s_client(gateway, mode, letter, directory):
    """A dialogue by hand: each line waits for the reply to the one before."""
    starttls = ["-starttls", "smtp", "-name", "client.test"] if mode == "starttls" else []
    session = subprocess.Popen(
        ["openssl", "s_client", "-quiet", "-crlf", "-verify_return_error", "-verify_hostname", "localhost", "-CAfile",
         gateway.certificate.chain, "-connect", f"localhost:{port(gateway, mode)}", *starttls],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
    said = []

    def reply(*codes):
        """Reads to the last line of a reply, past what openssl itself says of the certificate."""
        while line := session.stdout.readline().decode():
            said.append(line)
            if re.match(r"\d{3} ", line):
                assert int(line[:3]) in codes, said
                return
        raise AssertionError(f"no reply: {said}")

    def type_in(line, *codes):
        session.stdin.write(line.encode() + b"\n")
        reply(*codes)

    with session:
        # With -starttls it shows the last line of the reply to its own EHLO, and no greeting.
        reply(220, 250)
        type_in("EHLO client.test", 250)
        type_in("AUTH LOGIN", 334)
        type_in(b64(USER), 334)
        type_in(b64(PASSWORD), 235)
        type_in(f"mail from:<{letter.sender}>", 250)
        # In capitals the first letter of a line would be an order to openssl, were it not for -quiet.
        type_in(f"RCPT TO: <{letter.recipient}>", 250)
        type_in("DATA", 354)
        stuffed = letter.text.replace("\n.", "\n..")
        type_in(f"From: {letter.sender}\nTo: {letter.recipient}\nSubject: {letter.subject}\n\n{stuffed}.", 250)
        type_in("QUIT", 221)
    return session.returncode, "".join(said).encode()


def b64(text):
    return base64.b64encode(text.encode()).decode()


def curl(gateway, mode, letter, directory):
    scheme, tls = ("smtps", []) if mode == "implicit" else ("smtp", ["--ssl-reqd"])
    return run(
        ["curl", "--silent", "--show-error", "--cacert", gateway.certificate.chain, *tls, "--user", f"{USER}:{PASSWORD}",
         "--mail-from", letter.sender, "--mail-rcpt", letter.recipient, "--upload-file", "-", "--crlf",
         f"{scheme}://localhost:{port(gateway, mode)}/client.test"], as_message(letter), directory)


def smtplib(gateway, mode, letter, directory):
    message = email.message.EmailMessage(email.policy.SMTPUTF8)
    message["From"], message["To"], message["Subject"] = letter.sender, letter.recipient, letter.subject
    message.set_content(letter.text)
    with gateway.client(mode, source=None, host="localhost", user=USER) as session:
        session.send_message(message)
    return 0, b""


def as_message(letter):
    return f"From: {letter.sender}\nTo: {letter.recipient}\nSubject: {letter.subject}\n\n{letter.text}".encode()
