# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""What a hostile client can do to TLS, record by record: it is ended, one line says why, and others notice nothing.

Floods behind the handshake are counted in HostileClientTests, which has the keys to forge records."""
import os
import socket
import ssl
import struct
import subprocess
import threading
import time
from contextlib import contextmanager, suppress

import pytest

from certificates import Authority
from gateway import MUST_LOG_IN, NEEDS_NOTHING, PASSWORD, USER, eventually, submit
from messages import message, token
from upstreams import Aiosmtpd

IMPLICIT = "implicit"
SECURED = pytest.mark.parametrize("mode", ["starttls", IMPLICIT])
ALERT = b"\x15"
# The handshake has 10 s; what comes on top is the machine's.
HANDSHAKE_SECONDS, SLACK_SECONDS = 10, 5


def processor_seconds(gateway):
    with open(f"/proc/{gateway.process.pid}/stat") as facts:
        fields = facts.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def bystander(gateway, upstream=None):
    """A good session, which is open all the time and hands in a message at the end; the process is still the same."""
    process = gateway.process.pid
    with gateway.client("starttls", MUST_LOG_IN, user=USER, password=PASSWORD) as session:
        yield
        submit(session, message())
    assert gateway.process.pid == process and gateway.process.poll() is None


@contextmanager
def ready_for_hello(gateway, mode):
    """A connection on which a ClientHello is due."""
    port = gateway.implicit_port if mode == IMPLICIT else gateway.port
    with socket.create_connection(("127.0.0.1", port), 30, (MUST_LOG_IN, 0)) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if mode != IMPLICIT:
            assert read_reply(peer).startswith(b"220 ")
            peer.sendall(b"STARTTLS\r\n")
            assert read_reply(peer).startswith(b"220 ")
        yield peer


def read_reply(peer):
    """One line of clear text, and not an octet more."""
    line = b""
    while not line.endswith(b"\n"):
        octet = peer.recv(1)
        if not octet:
            return line
        line += octet
    return line


def rest(peer):
    """All that comes until the gateway closes; a reset is an end too."""
    said = b""
    with suppress(ConnectionError):
        while piece := peer.recv(65536):
            said += piece
    return said


def send_until_closed(peer, octets, limit):
    """Sends the same on and on; how much the gateway's side of the connection took."""
    sent = 0
    with suppress(ConnectionError):
        while sent < limit:
            peer.sendall(octets)
            sent += len(octets)
    return sent


def failure(gateway, count=1):
    """Why TLS failed, in the last of so many events, and no more."""
    events = gateway.await_events("client-tls-failed", count)
    time.sleep(0.1)
    assert len(gateway.events("client-tls-failed")) == count, events
    return events[-1]["reason"]


def client_hello(gateway, certificate=None):
    """The octets of an honest one."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = gateway.tls(certificate).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with suppress(ssl.SSLWantReadError):
        session.do_handshake()
    return session, incoming, outgoing


def record(kind, content, version=0x0301):
    return struct.pack("!BHH", kind, version, len(content)) + content


def forged_hello(extensions):
    """A ClientHello of TLS 1.2 with these extensions beside the usual ones, in one or more records."""
    usual = [(10, b"\x00\x04\x00\x17\x00\x1d"), (11, b"\x01\x00"), (13, b"\x00\x04\x04\x03\x08\x04")]
    listed = b"".join(struct.pack("!HH", kind, len(content)) + content for kind, content in [*usual, *extensions])
    body = (b"\x03\x03" + b"r" * 32 + b"\x00" + b"\x00\x02\xc0\x2b" + b"\x01\x00" + struct.pack("!H", len(listed)) + listed)
    whole = b"\x01" + struct.pack("!I", len(body))[1:] + body
    return b"".join(record(22, whole[start : start + 16384]) for start in range(0, len(whole), 16384))


# Before the handshake


@SECURED
def test_a_handshake_in_records_and_segments_of_one_octet_is_one(mode, make_gateway):
    gateway = make_gateway()
    with bystander(gateway), ready_for_hello(gateway, mode) as peer:
        session, incoming, outgoing = client_hello(gateway)
        for octet in outgoing.read()[5:]:
            for each in record(22, bytes([octet])):
                peer.sendall(bytes([each]))
        while True:
            incoming.write(peer.recv(65536))
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                peer.sendall(outgoing.read())
        session.write(b"NOOP\r\n")
        for octet in outgoing.read():
            peer.sendall(bytes([octet]))
        said = b""
        while b"250 2.0.0 OK" not in said:
            with suppress(ssl.SSLWantReadError):
                said += session.read(4096)
                continue
            incoming.write(peer.recv(65536))
    assert gateway.events("client-tls-failed") == []


def test_a_handshake_that_drips_or_does_not_come_has_ten_seconds_in_all(make_gateway):
    gateway = make_gateway()
    _, _, outgoing = client_hello(gateway)
    hello = outgoing.read()
    lasted = {}

    def attack(mode, name, octets):
        with ready_for_hello(gateway, mode) as peer:
            began = time.monotonic()
            peer.settimeout(0.3)
            # An octet each 0.3 s would last for minutes.
            for octet in octets:
                with suppress(ConnectionError):
                    peer.sendall(bytes([octet]))
                try:
                    if not peer.recv(1):
                        break
                except TimeoutError:
                    continue
                except ConnectionError:
                    break
            peer.settimeout(30)
            rest(peer)
            lasted[mode, name] = time.monotonic() - began

    attacks = [(mode, name, octets) for mode in ("starttls", IMPLICIT)
               for name, octets in (("drip", hello), ("silence", b""), ("empty records", hello[:5] * 100))]
    with bystander(gateway):
        threads = [threading.Thread(target=attack, args=each) for each in attacks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(lasted) == len(attacks)
    for attack, seconds in lasted.items():
        if attack[1] != "empty records":
            assert HANDSHAKE_SECONDS - 1 < seconds < HANDSHAKE_SECONDS + SLACK_SECONDS, lasted
    failed = gateway.await_events("client-tls-failed", len(attacks))
    assert len(failed) == len(attacks)
    reasons = [event["reason"] for event in failed]
    silent = "tls handshake failed: too slow: nothing came; it may wait for a greeting in clear"
    assert reasons.count(silent) == 2
    assert sum(reason.startswith("tls handshake failed: too slow: it began") for reason in reasons) >= 2, reasons


@pytest.mark.parametrize("said, reason", [
    (b"EHLO client.test\r\n", "the client speaks smtp in clear, and here tls comes first"),
    (b"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n", "the client speaks smtp in clear, and here tls comes first"),
    (b"GET / HTTP/1.1\r\nHost: gate\r\n\r\n", "the client speaks http in clear, and here is tls with smtp"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", "the client speaks ssh"),
    (b"\x00" * 500, "what the client sends is no tls"),
    (record(22, b"\x02\x00\x00\x00"), "unexpected message"),
    (record(21, b"\x02\x28"), "the client begins with a tls record that begins no handshake"),
], ids=["smtp", "login", "http", "ssh", "zeros", "server's message", "alert"])
@SECURED
def test_what_is_no_client_hello_is_called_by_its_name(mode, said, reason, make_gateway):
    gateway = make_gateway()
    with bystander(gateway), ready_for_hello(gateway, mode) as peer:
        peer.sendall(said)
        heard = rest(peer)
        # No reply in clear; where it looked like TLS at all, an alert.
        assert b"SMTP" not in heard and heard[:1] in (b"", ALERT), heard
    assert failure(gateway) == f"tls handshake failed: {reason}"
    assert "AGFsaWNl" not in gateway.raw_log()


@SECURED
def test_who_leaves_in_the_middle_of_a_handshake_leaves_one_line(mode, make_gateway):
    gateway = make_gateway()
    with bystander(gateway):
        for count, cut in enumerate((0, 3, 100, None), 1):
            with ready_for_hello(gateway, mode) as peer:
                _, _, outgoing = client_hello(gateway)
                peer.sendall(outgoing.read()[:cut])
                if cut is None:
                    assert peer.recv(1) == b"\x16"
            # With what was not read the end is a reset.
            said = "the peer closed the connection" if cut != 0 else (
                "the client said nothing and left; one without tls waits for a greeting")
            assert failure(gateway, count) == f"tls handshake failed: {said}"
    eventually(lambda: gateway.status()["in"]["sessions"] == 0)


@pytest.mark.parametrize("octets", [
    record(22, b""), record(23, b""), record(21, b"\x01\x00"), record(20, b"\x01")],
    ids=["handshake", "data", "warnings", "ccs"])
def test_megabytes_of_empty_records_are_not_read(octets, make_gateway):
    gateway = make_gateway()
    before = processor_seconds(gateway)
    with bystander(gateway):
        for count, begin in enumerate((b"", forged_hello([])), 1):
            with ready_for_hello(gateway, IMPLICIT) as peer:
                peer.sendall(begin)
                assert send_until_closed(peer, octets * 4096, 64 << 20) < 64 << 20
            assert failure(gateway, count).startswith("tls handshake failed: ")
    assert processor_seconds(gateway) - before < 2


@pytest.mark.parametrize("extensions", [
    [(0, struct.pack("!HBH", 60_003, 0, 60_000) + b"a" * 60_000)],
    [(0xFF00 + number, b"x" * 16_000) for number in range(4)] + [(0, b"\x00\x05\x00\x00\xffab")],
    [(16, b"\x00\x10\x08http/1.1")],
], ids=["64 KB of a name", "64 KB of extensions", "bad protocols"])
def test_an_oversized_or_nonsensical_hello_gets_an_alert(extensions, make_gateway):
    gateway = make_gateway()
    with bystander(gateway), ready_for_hello(gateway, IMPLICIT) as peer:
        peer.sendall(forged_hello(extensions))
        assert rest(peer)[:1] == ALERT
    assert failure(gateway).startswith("tls handshake failed: ")
    with ready_for_hello(gateway, IMPLICIT) as peer:
        # 16 MiB are announced, and never come to be stored.
        assert send_until_closed(peer, record(22, b"\x01\xff\xff\xff" + b"x" * 16_000), 16 << 20) < 16 << 20
    assert failure(gateway, 2) == "tls handshake failed: excessive message size"


def test_a_chain_of_a_hundred_certificates_is_not_verified(tmp_path, make_gateway):
    authority = Authority(tmp_path / "clients")
    gateway = make_gateway(changes={"tls": {"client_ca": authority.certificate}})
    bomb = tmp_path / "bomb.pem"
    bomb.write_text(authority.sign(USER).read_text() + 99 * authority.certificate.read_text())
    with bystander(gateway), ready_for_hello(gateway, IMPLICIT) as peer:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            with gateway.tls(bomb).wrap_socket(peer, server_hostname="localhost") as session:
                # Under TLS 1.3 a client hears of it behind its handshake.
                while session.recv(4096):
                    pass
                raise ConnectionError("closed")
    assert failure(gateway) == "tls handshake failed: excessive message size"


# Behind the handshake


def s_client(gateway, *options, said="QUIT\r\n"):
    """What `openssl s_client` tells of a session that says that."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.implicit_port}", "-servername", "localhost",
         "-CAfile", gateway.certificate.chain, "-ign_eof" if "R" not in said else "-crlf", *options],
        input=said, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def test_there_is_no_renegotiation_no_compression_and_no_early_data(tmp_path, make_gateway):
    gateway = make_gateway()
    with bystander(gateway):
        told = s_client(gateway, "-tls1_2", said="R\n")
        assert "RENEGOTIATING" in told and "no renegotiation" in told, told
        for version in ("-tls1_2", "-tls1_3"):
            told = s_client(gateway, version, "-comp")
            assert "Compression: NONE" in told and "221 2.0.0 Bye" in told, told
        ticket = tmp_path / "ticket"
        told = s_client(gateway, "-tls1_3", "-sess_out", ticket)
        assert "Max Early Data: 0" in told and ticket.exists(), told
        early = tmp_path / "early"
        early.write_text("MAIL FROM:<mallory@example.org>\r\n")
        told = s_client(gateway, "-tls1_3", "-sess_in", ticket, "-early_data", early)
        assert "Early data was accepted" not in told and "221 2.0.0 Bye" in told, told


def test_a_protocol_that_is_not_smtp_in_alpn_does_no_harm(make_gateway):
    gateway = make_gateway()
    context = gateway.tls()
    context.set_alpn_protocols(["http/1.1", "h2", "x" * 255])
    with ready_for_hello(gateway, IMPLICIT) as peer:
        with context.wrap_socket(peer, server_hostname="localhost") as session:
            assert session.selected_alpn_protocol() is None
            assert session.recv(4096).startswith(b"220 gate.test ")


def test_octets_that_are_no_record_end_a_session_and_none_of_them_is_obeyed(make_gateway):
    gateway = make_gateway()
    with bystander(gateway), ready_for_hello(gateway, IMPLICIT) as peer:
        session, incoming, outgoing = client_hello(gateway)
        while True:
            peer.sendall(outgoing.read())
            incoming.write(peer.recv(65536))
            with suppress(ssl.SSLWantReadError):
                session.do_handshake()
                break
        peer.sendall(outgoing.read() + b"QUIT\r\n" * 10)
        rest(peer)
    assert failure(gateway).startswith("tls connection failed: ")


# STARTTLS: what was said in clear is not said


@pytest.mark.parametrize("behind", [
    b"EHLO evil.test\r\n", b"MAIL FROM:<evil@", b"\x16\x03\x01\x02\x00\x01", b"\r\n", b"\x00"],
    ids=["command", "part of a line", "part of a hello", "line end", "nul"])
@pytest.mark.parametrize("is_later", [False, True], ids=["in the same segment", "in the next segment"])
def test_what_comes_in_clear_behind_starttls_is_never_obeyed(behind, is_later, make_gateway):
    gateway = make_gateway()
    with bystander(gateway), socket.create_connection(("127.0.0.1", gateway.port), 30, (MUST_LOG_IN, 0)) as peer:
        read_reply(peer)
        if is_later:
            peer.sendall(b"STARTTLS\r\n")
            assert read_reply(peer).startswith(b"220 ")
            peer.sendall(behind)
            # An honest handshake behind it does not save the connection.
            _, _, outgoing = client_hello(gateway)
            with suppress(ConnectionError):
                peer.sendall(outgoing.read())
            heard = rest(peer)
            assert heard[:1] in (b"", ALERT), heard
            assert failure(gateway).startswith("tls handshake failed: ")
        else:
            peer.sendall(b"STARTTLS\r\n" + behind)
            assert rest(peer) == b""


def test_under_tls_nothing_is_left_of_the_session_in_clear(open_upstream, make_gateway):
    upstream = open_upstream(Aiosmtpd, "starttls")
    gateway = make_gateway(upstream)
    subject = token()
    with socket.create_connection(("127.0.0.1", gateway.port), 30, (NEEDS_NOTHING, 0)) as peer:
        read_reply(peer)

        def dialogue(send, read, *pairs):
            for command, expected in pairs:
                send(command + b"\r\n")
                reply = read()
                while reply[3:4] == b"-":
                    reply = read()
                assert reply.startswith(expected), (command, reply)

        dialogue(
            peer.sendall, lambda: read_reply(peer), (b"EHLO clear.test", b"250 "),
            (b"AUTH PLAIN AGFsaWNlAHNlY3JldA==", b"538 "), (b"MAIL FROM:<clear@example.org>", b"250 "),
            (b"RCPT TO:<bob@example.net>", b"250 "), (b"STARTTLS", b"503 "), (b"RSET", b"250 "), (b"STARTTLS", b"220 "))
        with gateway.tls().wrap_socket(peer, server_hostname="localhost") as session:
            lines = session.makefile("rb")
            # None of the session in clear: its name, its sender, its recipients.
            dialogue(
                session.sendall, lines.readline, (b"RCPT TO:<bob@example.net>", b"503 "), (b"DATA", b"503 "),
                (b"MAIL FROM:<a@example.org>", b"503 5.5.1 Say EHLO first"), (b"EHLO hidden.test", b"250 "),
                (b"STARTTLS", b"503 "), (b"MAIL FROM:<a@example.org>", b"250 "), (b"RCPT TO:<c@example.net>", b"250 "),
                (b"DATA", b"354 "), (message(subject) + b"\r\n.", b"250 "))
    mail = upstream.await_mail(subject)
    assert b"from hidden.test" in mail.content and b"clear.test" not in mail.content
