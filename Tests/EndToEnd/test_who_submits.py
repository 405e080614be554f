# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Three in the morning: did the printer even connect, what did it hear, and what lets it in? Whatever stanza `why` prints
is pasted into the configuration, and then the same client with the same words gets in."""
import base64
import socket
import ssl
import subprocess

import pytest

from gateway import BINARIES, MUST_LOG_IN, NEEDS_NOTHING, PASSWORD, TRUSTED, USER, WRONG_PASSWORD, eventually, toml
from messages import message, token

# Addresses of the loopback network that the usual configuration says nothing about.
PRINTER, COPIER, SILENT, DENIED = "127.0.0.40", "127.0.0.41", "127.0.0.42", "127.0.0.66"


def talk(port, source, *commands, context=None):
    """A client of few words, over a plain socket or TLS: what it heard, a line for each of its own, or until the end."""
    with socket.create_connection(("127.0.0.1", port), 20, (source, 0)) as peer:
        if context:
            peer = context.wrap_socket(peer, server_hostname="localhost")
        lines = peer.makefile("rb")
        heard = [lines.readline()]
        for command in commands:
            peer.sendall(command if command.endswith(b"\r\n") else command + b"\r\n")
            line = lines.readline()
            while line[3:4] == b"-":
                line = lines.readline()
            heard.append(line)
        return [line.decode().strip() for line in heard]


def mail(content=None, helo=b"EHLO printer", recipient=b"bob@example.net"):
    body = (content or message(token())).rstrip(b"\r\n") + b"\r\n.\r\n"
    return [helo, b"MAIL FROM:<printer@example.org>", b"RCPT TO:<" + recipient + b">", b"DATA", body]


def why(gateway, subject):
    (answer,) = gateway.json("why", subject)
    return answer


def client(gateway, address):
    return next((row for row in gateway.json("clients") if row["address"] == address), None)


def paste(gateway, answer):
    """What a person does who copies the stanza from the screen: puts it into the file, or in the place of the one that
    is named, and types the command that is printed."""
    stanza = answer["stanza"]
    assert stanza["file"] == str(gateway.config_file)
    name = stanza.get("replaces")
    if name:
        gateway.tables["client"] = [each for each in gateway.tables["client"] if each["name"] != name]
        gateway.config_file.write_text(toml(gateway.tables))
    screen = gateway.postern("why", answer["subject"])
    lines = [line.removeprefix("      ") for line in screen.splitlines() if line.startswith("      ")]
    assert "\n".join(lines) == stanza["text"]
    with gateway.config_file.open("a") as file:
        file.write("\n" + "\n".join(lines) + "\n")
    command = answer["actions"][-1]["command"]
    assert command == "postern reload"
    gateway.postern(*command.split()[1:])


def old_tls(gateway, version=ssl.TLSVersion.TLSv1):
    context = gateway.tls()
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    return context


def test_a_printer_without_tls_or_login_gets_in_with_the_stanza_that_why_prints(make_gateway):
    gateway = make_gateway()
    heard = talk(gateway.port, PRINTER, *mail()[:3])
    refusal = "530 5.7.0 Must issue a STARTTLS command first (or port 465 SSL)"
    # What follows from the first refusal says less than it.
    assert heard[-2:] == [refusal, "503 5.5.1 Send MAIL first"]
    # The same text on the device, in the table, in the log and in the answer.
    row = client(gateway, PRINTER)
    assert row["last_refusal"]["text"] == refusal and row["state"] == "refused" and "name" not in row
    (event,) = gateway.await_events("relay-refused", client_ip=PRINTER)
    assert row["refused"] == 2 and event["message"].endswith(refusal)
    answer = why(gateway, PRINTER)
    assert answer["reply"] == refusal and 'allow = ["no-auth", "plaintext"]' in answer["stanza"]["text"]
    paste(gateway, answer)
    assert talk(gateway.port, PRINTER, *mail())[-1].startswith("250 2.0.0 OK queued as ")
    # Nobody else has got in with it.
    assert talk(gateway.port, COPIER, *mail()[:2])[-1].startswith("530 ")
    row = client(gateway, PRINTER)
    assert (row["state"], row["accepted"], row["name"]) == ("ok", 1, f"client-{PRINTER}")
    assert row["exceptions_used"] == ["no-auth", "plaintext"]
    assert why(gateway, PRINTER)["state"] == "ok"


def test_one_address_of_a_list_gets_in_alone_once_it_is_taken_out_of_the_list(make_gateway):
    gateway = make_gateway(changes={"client": [{"name": "printers", "address": [PRINTER, COPIER]}]})
    talk(gateway.port, PRINTER, *mail()[:3])
    answer = why(gateway, PRINTER)
    assert "replaces" not in answer["stanza"] and f'address = "{PRINTER}"' in answer["stanza"]["text"]
    assert any(f"take {PRINTER} out of it" in reason for reason in answer["reasons"])
    gateway.tables["client"][0]["address"] = [COPIER]
    gateway.config_file.write_text(toml(gateway.tables))
    paste(gateway, answer)
    assert talk(gateway.port, PRINTER, *mail())[-1].startswith("250 2.0.0 OK queued as ")
    assert talk(gateway.port, COPIER, *mail()[:2])[-1].startswith("530 ")


def test_a_scanner_that_cannot_log_in_gets_in_over_tls(make_gateway):
    gateway = make_gateway()
    command = ["swaks", "--server", "127.0.0.1", "--port", gateway.port, "--local-interface", PRINTER, "--tls",
               "--from", "scan@example.org", "--to", "bob@example.net", "--timeout", 20]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "530 5.7.0 Login needed" in done.stdout + done.stderr
    row = client(gateway, PRINTER)
    # Swaks goes on to QUIT; what it was refused for is what counts.
    assert row["last_refusal"]["text"].startswith("530 5.7.0 Login needed: user+password from `postern users`")
    assert row["tls"] == "TLSv1.3"
    answer = why(gateway, PRINTER)
    assert answer["stanza"]["text"].endswith('allow = ["no-auth"]')
    paste(gateway, answer)
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_copier_with_old_tls_gets_in_on_either_port(make_gateway):
    gateway = make_gateway()
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.implicit_port}", "-bind", COPIER, "-tls1",
               "-cipher", "DEFAULT@SECLEVEL=0", "-quiet", "-ign_eof"]
    done = subprocess.run(command, input="QUIT\r\n", capture_output=True, text=True, timeout=30)
    assert "220" not in done.stdout
    row = client(gateway, COPIER)
    assert (row["state"], row["failed_handshakes"]) == ("no-tls", 1)
    assert row["last_handshake"]["reason"].startswith(
        "no common tls version: the client offers tls 1.0, the least here is 1.2")
    answer = why(gateway, COPIER)
    assert answer["stanza"]["text"].endswith('allow = ["tls1.0"]')
    paste(gateway, answer)
    done = subprocess.run(command, input="QUIT\r\n", capture_output=True, text=True, timeout=30)
    assert "220 gate.test ESMTP postern ready" in done.stdout, done.stderr
    # And what it hears next is answered in the same way, with what it has already.
    heard = talk(gateway.implicit_port, COPIER, *mail()[:2], context=old_tls(gateway))
    assert heard[-1].startswith("530 5.7.0 Login needed")
    gateway.tables["client"] += [{"name": f"client-{COPIER}", "address": COPIER, "allow": ["tls1.0"]}]
    answer = why(gateway, COPIER)
    assert answer["stanza"]["replaces"] == f"client-{COPIER}"
    assert answer["stanza"]["text"].endswith('allow = ["no-auth", "tls1.0"]')
    paste(gateway, answer)
    heard = talk(gateway.implicit_port, COPIER, *mail(), context=old_tls(gateway))
    assert heard[-1].startswith("250 2.0.0 OK queued as ")
    row = client(gateway, COPIER)
    assert (row["tls"], row["exceptions_used"]) == ("TLSv1", ["no-auth", "tls1.0"])


def test_bare_line_feeds_and_a_name_that_is_none_are_asked_for_one_after_the_other(make_gateway):
    gateway = make_gateway(changes={"client": [
        {"name": "office", "address": "127.0.0.32/27", "allow": ["no-auth", "plaintext"]}]})
    content = b"Subject: x\nFrom: <printer@example.org>\n\nline\nline\n"
    fax = mail(content, helo=b"HELO my fax")
    assert talk(gateway.plain_port, PRINTER, fax[0])[-1] == "501 5.5.4 Syntax: that is no host name"
    answer = why(gateway, PRINTER)
    # The network's stanza stays; this device gets a narrower one that says the same and more.
    assert "replaces" not in answer["stanza"]
    assert answer["stanza"]["text"].endswith('allow = ["no-auth", "plaintext", "any-helo"]')
    paste(gateway, answer)
    assert talk(gateway.plain_port, PRINTER, *fax)[-1] == "550 5.5.2 Bare CR or LF in the message; lines end in CRLF"
    gateway.tables["client"] += [{
        "name": f"client-{PRINTER}", "address": PRINTER, "allow": ["no-auth", "plaintext", "any-helo"]}]
    answer = why(gateway, PRINTER)
    assert answer["stanza"]["text"].endswith('allow = ["no-auth", "plaintext", "bare-lf", "any-helo"]')
    paste(gateway, answer)
    assert talk(gateway.plain_port, PRINTER, *fax)[-1].startswith("250 2.0.0 OK queued as ")
    assert client(gateway, PRINTER)["exceptions_used"] == ["no-auth", "plaintext", "bare-lf", "any-helo"]


def test_a_rate_and_recipients_are_widened_by_what_was_asked_for(make_gateway):
    gateway = make_gateway(changes={"client": [
        {"name": "printer", "address": PRINTER, "allow": ["no-auth", "plaintext"], "rate": "2/h",
         "allow_to": ["@example.net"]}]})
    heard = talk(gateway.plain_port, PRINTER, *mail(recipient=b"ann@elsewhere.example")[:3])
    assert heard[-1].startswith("550 5.7.1 Recipient ann@elsewhere.example not allowed from here")
    answer = why(gateway, "printer")
    assert answer["stanza"]["replaces"] == "printer"
    assert 'allow_to = ["@example.net", "@elsewhere.example"]' in answer["stanza"]["text"]
    paste(gateway, answer)
    for _ in range(2):
        heard = talk(gateway.plain_port, PRINTER, *mail(recipient=b"ann@elsewhere.example"))
        assert heard[-1].startswith("250 ")
    assert client(gateway, PRINTER)["rate"] == {"limit": "2/h", "used": 2}
    heard = talk(gateway.plain_port, PRINTER, *mail()[:2])
    assert heard[-1].startswith("450 4.7.1 Too many messages from this device (2/h)")
    gateway.tables["client"] = [
        {"name": "printer", "address": PRINTER, "allow": ["no-auth", "plaintext"], "rate": "2/h",
         "allow_to": ["@example.net", "@elsewhere.example"]}]
    answer = why(gateway, "printer")
    assert 'rate = "4/h"' in answer["stanza"]["text"]
    paste(gateway, answer)
    assert talk(gateway.plain_port, PRINTER, *mail())[-1].startswith("250 ")


def test_what_no_stanza_mends_is_said_with_what_does(make_gateway):
    gateway = make_gateway(changes={"access": {"deny": [DENIED]}})
    with gateway.client("starttls", MUST_LOG_IN) as session, pytest.raises(Exception, match="Wrong user or password"):
        session.login(USER, WRONG_PASSWORD)
    answer = why(gateway, MUST_LOG_IN)
    assert "stanza" not in answer and answer["reply"] == "535 5.7.8 Wrong user or password"
    assert answer["actions"][0]["command"].startswith("postern users passwd ")
    event = gateway.await_events("auth-failed")[0]
    assert event["message"].endswith("(535 5.7.8 Wrong user or password)") and event["smtp_code"] == 535
    assert client(gateway, MUST_LOG_IN)["failed_logins"] >= 1

    assert talk(gateway.port, DENIED) == ["554 5.7.1 This address may not send here"]
    answer = why(gateway, DENIED)
    assert "stanza" not in answer and any("[access] deny" in reason for reason in answer["reasons"])

    # A TLS port with a client that does not know our authority, and one that speaks no TLS.
    with pytest.raises(ssl.SSLError):
        talk(gateway.implicit_port, COPIER, context=ssl.create_default_context())
    row = eventually(lambda: client(gateway, COPIER))
    assert row["last_handshake"]["reason"].startswith("the client does not know our ca")
    assert "stanza" not in why(gateway, COPIER)
    with socket.create_connection(("127.0.0.1", gateway.implicit_port), 20, (PRINTER, 0)) as peer:
        peer.sendall(b"EHLO printer\r\n")
        while peer.recv(100):
            pass
    row = eventually(lambda: client(gateway, PRINTER))
    assert row["last_handshake"]["reason"].startswith("the client speaks smtp in clear, and here tls comes first")

    # One that waits for a greeting hears none, and is asked no longer than a handshake may take.
    with socket.create_connection(("127.0.0.1", gateway.implicit_port), 20, (SILENT, 0)) as peer:
        assert peer.recv(100) == b""
    row = eventually(lambda: client(gateway, SILENT))
    assert row["last_handshake"]["reason"].startswith("too slow: nothing came; it may wait for a greeting in clear")


def test_ssl_on_the_port_that_begins_without_is_told_to_the_admin(make_gateway):
    gateway = make_gateway()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        talk(gateway.port, PRINTER, context=gateway.tls())
    row = eventually(lambda: client(gateway, PRINTER))
    assert row["last_refusal"]["text"] == "500 5.5.1 SSL from the start is port 465; here it is STARTTLS"
    assert "port 465 in the device, or STARTTLS" in why(gateway, PRINTER)["reasons"][1]


def test_another_protocol_hears_one_refusal_and_leaves_one_line(make_gateway):
    gateway = make_gateway()
    with socket.create_connection(("127.0.0.1", gateway.port), 20, (PRINTER, 0)) as peer:
        peer.sendall(b"POST / HTTP/1.1\r\nHost: gate.test\r\n\r\nEHLO x\r\nMAIL FROM:<a@b.c>\r\n")
        heard = peer.makefile("rb").read()
    assert heard == b"220 gate.test ESMTP postern ready\r\n500 5.5.1 This is SMTP, not HTTP\r\n"
    (event,) = gateway.await_events("rejected", client_ip=PRINTER)
    assert event["reply"] == "This is SMTP, not HTTP"
    assert len([each for each in gateway.events() if each.get("client_ip") == PRINTER]) == 1


def test_a_login_in_clear_names_the_user_whose_password_is_burnt(make_gateway):
    gateway = make_gateway()
    plain = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode())
    heard = talk(gateway.port, PRINTER, b"EHLO printer", b"AUTH PLAIN " + plain)
    assert heard[-1] == "538 5.7.11 Turn on TLS first: port 465 SSL or STARTTLS on 587"
    (event,) = gateway.await_events("auth-in-clear")
    assert (event["level"], event["user"], event["auth_method"]) == ("warning", USER, "PLAIN")
    assert event["message"].endswith(
        "the password can be read on the way, give this user another one "
        "(538 5.7.11 Turn on TLS first: port 465 SSL or STARTTLS on 587)")
    # A name that nobody has may be a password.
    talk(gateway.plain_port, PRINTER, b"EHLO printer", b"AUTH LOGIN " + base64.b64encode(PASSWORD.encode()))
    (_, event) = gateway.await_events("auth-in-clear", 2)
    assert "user" not in event and PASSWORD not in event["message"]
    row = client(gateway, PRINTER)
    assert row["cleartext_auth_attempts"] == 2 and row["last_refusal"]["code"] == 538
    status = gateway.status()
    assert status["in"]["cleartext_auth_attempts"] == 2
    assert "client.auth-in-clear" in [warning["code"] for warning in status["warnings"]]


def test_status_names_exceptions_that_are_used_and_those_that_are_not(make_gateway):
    gateway = make_gateway(changes={"client": [
        {"name": "printer", "address": PRINTER, "allow": ["no-auth", "plaintext", "bare-lf"]},
        {"name": "attic", "address": COPIER, "allow": ["tls1.0"]}]})
    status = gateway.status()
    assert status["weak_clients"] == [] and len(status["unused_exceptions"]) == 2
    talk(gateway.plain_port, PRINTER, *mail())
    # With a login on a trusted network nothing is an exception.
    gateway.submit(message(), mode="starttls", source=TRUSTED)
    status = gateway.status()
    (weak,) = status["weak_clients"]
    assert (weak["name"], weak["address"], weak["exceptions"]) == ("printer", PRINTER, ["no-auth", "plaintext"])
    assert weak["last_seen"].startswith("20")
    assert status["unused_exceptions"] == [
        {"name": "printer", "exceptions": ["bare-lf"]}, {"name": "attic", "exceptions": ["tls1.0"]}]
    screen = gateway.postern("status", exit=(0, 1))
    assert f"! printer ({PRINTER}) needs no-auth, plaintext, allowed by its [[client]]; last seen 0 s ago" in screen
    assert "! [[client]] attic allows tls1.0, not needed since the start" in screen
    # Taken away, it is no weak client any more.
    gateway.configure({"client": [{"name": "old-scanner", "address": NEEDS_NOTHING, "allow": ["no-auth"]}]})
    gateway.postern("reload")
    assert gateway.status()["weak_clients"] == []


def test_the_list_has_those_first_that_cannot_get_in_and_watches(make_gateway):
    gateway = make_gateway()
    assert gateway.json("clients") == []
    talk(gateway.port, PRINTER, *mail()[:2])
    with gateway.client("starttls", MUST_LOG_IN, USER) as session:
        session.noop()
        gateway.submit(message(), mode="starttls", source=MUST_LOG_IN, user=USER)
        first, second = gateway.json("clients")
        assert (first["address"], second["address"]) == (PRINTER, MUST_LOG_IN)
        assert (second["sessions"], second["user"], second["mechanism"]) == (1, USER, "PLAIN")
        assert (second["accepted_1h"], second["accepted"], second["connections"]) == (1, 1, 2)
    lines = gateway.postern("clients").splitlines()
    assert lines[0].split()[:2] == ["CLIENT", "SEEN"] and lines[1].split()[0] == PRINTER
    assert lines[-1].endswith(f"why: postern why {PRINTER}")
    row, note = gateway.json("clients", "-n", "1")
    assert (row["address"], note["note"]) == (PRINTER, "and 1 more")
    command = [BINARIES / "postern", "--config", gateway.config_file, "--json", "clients", "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watch:
        seen = [watch.stdout.readline() for _ in range(4)]
        watch.terminate()
    assert [PRINTER in line for line in seen] == [True, False, True, False]


def test_who_was_never_here_is_told_what_to_look_at(make_gateway):
    gateway = make_gateway()
    done = subprocess.run(
        [BINARIES / "postern", "--config", gateway.config_file, "why", "192.0.2.40"], capture_output=True, text=True,
        timeout=30)
    assert done.returncode == 66
    assert "192.0.2.40 has not connected since posternd started" in done.stderr
    assert str(gateway.port) in done.stderr and "firewall" in done.stderr
    gateway.postern("why", "old-scanner", exit=66)
    gateway.postern("why", "no-such-thing", exit=66)
