# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Who may send as whom, to whom, and how much; exceptions for one client hold for that client."""
import base64
import email
import email.policy
import hashlib
import hmac
import smtplib
import socket
import ssl

import pytest

from gateway import MUST_LOG_IN, NEEDS_NOTHING, PASSWORD, TRUSTED, USER, submit
from messages import message, token
from upstreams import Aiosmtpd, ScriptedUpstream

# Two more addresses of the loopback network.
DENIED, ANOTHER = "127.0.0.66", "127.0.0.4"
FORCED, ADMIN = "scanner@example.com", "admin@example.com"


def refusal(action, *arguments, **options):
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        action(*arguments, **options)
    return f"{refused.value.smtp_code} {refused.value.smtp_error.decode()}"


def written_by(author, subject=None, **content):
    return message(subject, **content).replace(b"From: alice@example.org", b"From: " + author.encode())


def give_addresses(gateway, addresses):
    users = gateway.directory / "users"
    lines = [f"{line} address={addresses}" if line.startswith(f"{USER} ") else line
             for line in users.read_text().splitlines()]
    users.write_text("\n".join(lines) + "\n")


def test_users_may_be_themselves_only_and_a_reload_changes_who_that_is(make_gateway):
    gateway = make_gateway(changes={"sender": {"policy": "own", "allowed": ["@example.net"]}})
    account = {"mode": "starttls", "source": MUST_LOG_IN, "user": USER}
    said = refusal(gateway.submit, message(), sender="alice@example.org", **account)
    assert said == "550 5.7.1 Sender alice@example.org not allowed here; allowed: @example.net"
    assert gateway.submit(written_by("x@example.net"), sender="x@example.net", **account)
    give_addresses(gateway, "alice@example.org,@shop.example")
    gateway.postern("reload")
    for sender in ("alice@example.org", "Any@shop.example", ""):
        assert gateway.submit(message(), sender=sender, **account)
    said = refusal(gateway.submit, message(), sender="bob@example.org", **account)
    assert said.endswith("allowed: alice@example.org, @shop.example, @example.net")
    # A change of the password keeps the addresses.
    gateway.postern("users", "passwd", USER, "--password-stdin", input="another-horse-9\n")
    assert f"{USER} SCRAM" in (gateway.directory / "users").read_text()
    assert "address=alice@example.org,@shop.example" in (gateway.directory / "users").read_text()
    # Without a login there is nobody to be but who is allowed for all.
    assert refusal(gateway.submit, message(), sender="alice@example.org").startswith("550 5.7.1 ")
    (rejected, *_) = gateway.await_events("rejected")
    assert "Sender alice@example.org not allowed here" in rejected["message"]


def test_users_may_write_no_other_author_than_themselves(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream, {"sender": {"policy": "own"}})
    give_addresses(gateway, "alice@example.org")
    gateway.postern("reload")
    own = "alice@example.org"
    another, unread = [f"550 5.7.1 From {text}; allowed: {own}" for text in (
        "boss@example.org not allowed here", "field has no address that can be read")]
    refused = {
        "The Boss <boss@example.org>": another,
        f"{own}, boss@example.org": another,
        f"{own}\r\nFrom: boss@example.org": another,
        f"{own}\r\nSender: boss@example.org": another.replace("From boss", "Sender boss"),
        f"boss@example.org <{own}>": another,
        "Scanner": unread,
        f"{own} (boss@example.org": unread}
    with gateway.client("starttls", MUST_LOG_IN, USER) as session:
        for author, reply in refused.items():
            # With a body that is in the log before the end decides.
            for body in (b"hello\r\n", b"0123456789" * 7 + b"\r\n", (b"0123456789" * 7 + b"\r\n") * 3000):
                assert refusal(submit, session, written_by(author, body=body), sender=own) == reply
        for author in (own, f'"boss@example.org" <{own.upper()}>', f"Alice\r\n\t<{own}>\r\nSender: {own}"):
            subject = token()
            submit(session, written_by(author, subject), sender=own)
            assert upstream.await_mail(subject).content.endswith(written_by(author, subject))
        submit(session, message().replace(b"From: alice@example.org\r\n", b""), sender=own)
    gateway.await_empty_queue()
    assert len(upstream.mails) == 4
    assert {event["smtp_command"] for event in gateway.await_events("rejected", 21)} == {"END-OF-MESSAGE"}


def scanner(**keys):
    return {"name": "scanner", "address": NEEDS_NOTHING, "allow": ["no-auth", "plaintext"], **keys}


def test_a_client_that_has_a_sender_is_that_one_in_envelope_and_header_whatever_it_says(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream, {
        "sender": {"policy": "listed", "allowed": ["@example.net"]}, "client": [scanner(**{"from": FORCED})]})
    authors = {"The Boss <boss@other.example>": f"The Boss <{FORCED}>", FORCED: FORCED}
    for said in ("boss@other.example", "", '"odd one"@other.example', FORCED):
        for author, becomes in authors.items():
            subject = token()
            id = gateway.submit(written_by(author, subject), sender=said)
            mail = upstream.await_mail(subject)
            header = email.message_from_bytes(mail.content, policy=email.policy.default)
            assert (mail.sender, header["From"]) == (FORCED, becomes)
            assert header["Reply-To"] == (author if author != becomes else None)
            (accepted,) = gateway.await_events("accepted", queue_id=id)
            assert accepted["from"] == FORCED and accepted.get("orig_from") == (said if said != FORCED else None)
    # Nobody else is it.
    assert refusal(gateway.submit, message(), sender=FORCED, mode="starttls", source=TRUSTED).startswith("550 5.7.1 ")


def test_a_client_that_shall_stay_private_is_named_to_nobody(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream, {"sender": {"received_header": "private"}})
    subject = token()
    gateway.submit(message(subject), mode="starttls", source=TRUSTED)
    received = upstream.await_mail(subject).content.split(b"\r\nSubject:")[0]
    assert received.startswith(b"Received: from client.invalid by gate.test (Postern)\r\n\twith ESMTPS (TLSv1.")
    assert TRUSTED.encode() not in received and b"client.test" not in received
    (accepted,) = gateway.await_events("accepted")
    assert accepted["client_ip"] == TRUSTED


def test_of_what_a_device_cannot_deliver_the_postmaster_is_told(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = lambda line, _: "250 2.1.5 ok" if ADMIN.encode() in line else "550 5.1.1 no such user"
    gateway = make_gateway(upstream, {"": {"postmaster": ADMIN}, "client": [scanner(**{"from": FORCED})]})
    subject = token()
    # Of mail with the null sender nobody would be told; this has a sender.
    gateway.submit(message(subject), sender="")
    mail = upstream.await_mail(subject)
    assert (mail.sender, mail.recipients) == ("", (ADMIN,))


def scram(password, meanwhile=lambda: None):
    """What smtplib is to say (RFC 5802); `meanwhile` happens between the challenge and the proof."""
    first = f"n={USER},r=rOprNGfwEbeRWgbNEkqO"

    def answer(challenge=None):
        if challenge is None:
            return f"n,,{first}"
        text = challenge.decode()
        if text.startswith("v="):
            return ""
        meanwhile()
        given = dict(part.split("=", 1) for part in text.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(given["s"]), int(given["i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        bare = f"c=biws,r={given['r']}"
        signature = hmac.digest(hashlib.sha256(key).digest(), f"{first},{text},{bare}".encode(), "sha256")
        proof = bytes(one ^ other for one, other in zip(key, signature))
        return f"{bare},p={base64.b64encode(proof).decode()}"

    return answer


def test_another_password_and_a_ban_hold_from_the_next_login_on_whatever_becomes_of_the_reload(make_gateway):
    gateway = make_gateway(changes={"access": {"auth_failures": "off"}})
    # Nothing of this can be taken over by a reload.
    gateway.configure({"queue": {"directory": gateway.directory / "elsewhere"}})
    another = "another-horse-9"

    def change(verb, *options, **input):
        said = gateway.postern("users", verb, USER, *options, exit=78, **input)
        assert gateway.events("config-rejected"), said

    def said_to(password, meanwhile=lambda: None):
        answers = []
        for mechanism in ("PLAIN", "SCRAM-SHA-256"):
            with gateway.client("starttls", MUST_LOG_IN) as session:
                session.user, session.password = USER, password
                answer = session.auth_plain if mechanism == "PLAIN" else scram(password, meanwhile)
                try:
                    answers.append(session.auth(mechanism, answer)[0])
                except smtplib.SMTPAuthenticationError as refused:
                    answers.append(refused.smtp_code)
        return answers

    # So often that it is remembered.
    assert said_to(PASSWORD) == said_to(PASSWORD) == [235, 235]
    change("passwd", "--password-stdin", input=another + "\n")
    gateway.add_secret(USER, another)
    assert said_to(PASSWORD) == [535, 535]
    assert said_to(another) == said_to(another) == [235, 235]
    # The challenge was that of a user who may log in, the proof comes too late.
    assert said_to(another, meanwhile=lambda: change("disable")) == [235, 535]
    assert said_to(another) == [535, 535]
    change("enable")
    assert said_to(another) == [235, 235]
    assert said_to(another, lambda: change("passwd", "--password-stdin", input=PASSWORD + "\n")) == [235, 535]
    # A file that cannot be read changes nothing.
    users = gateway.directory / "users"
    users.write_text(users.read_text() + "bob\n")
    assert said_to(PASSWORD) == [235, 235]
    (rejected,) = [event for event in gateway.events("config-rejected") if "user 'bob'" in event["reason"]]
    users.unlink()
    assert said_to(PASSWORD) == [235, 235]


def test_a_client_is_held_to_its_recipients_and_its_rate(make_gateway):
    client = {"name": "old-scanner", "address": NEEDS_NOTHING, "allow": ["no-auth", "plaintext"],
              "allow_to": ["@example.com"], "rate": "3/h"}
    gateway = make_gateway(changes={"client": [client]})
    with gateway.client() as session:
        session.mail("a@example.org")
        assert session.rcpt("bob@example.net") == (
            550, b"5.7.1 Recipient bob@example.net not allowed from here; allowed: @example.com")
        session.rset()
    for _ in range(3):
        gateway.submit(message(), recipients=["bob@example.com"])
    said = refusal(gateway.submit, message(), recipients=["bob@example.com"])
    assert said.startswith("450 4.7.1 Too many messages from this device (3/h), try in ") and said.endswith(" min")
    # Others go on.
    assert gateway.submit(message(), mode="starttls", source=TRUSTED)


def test_a_client_that_ends_lines_in_lf_and_has_no_name_is_taken_where_it_may(open_upstream, make_gateway):
    upstream = open_upstream(Aiosmtpd, "starttls")
    allow = ["no-auth", "plaintext"]
    gateway = make_gateway(upstream, {"client": [
        {"name": "old-fax", "address": NEEDS_NOTHING, "allow": [*allow, "bare-lf", "any-helo"]},
        {"name": "scanner", "address": ANOTHER, "allow": allow}]})
    subject = token()
    content = message(subject, b"one\n.\ntwo\n").replace(b"\r\n", b"\n")

    def hand_in(source):
        with socket.create_connection(("127.0.0.1", gateway.plain_port), 20, (source, 0)) as peer:
            lines = peer.makefile("rb")
            said = [lines.readline()]
            for command in (b"HELO my fax\r\n", b"HELO\r\n", b"HELO fax\r\n", b"MAIL FROM:<a@example.org>\r\n",
                            b"RCPT TO:<bob@example.net>\r\n", b"DATA\r\n", content + b"\r\n.\r\n"):
                peer.sendall(command)
                said.append(lines.readline())
            return [line[:3].decode() for line in said]

    assert hand_in(NEEDS_NOTHING) == ["220", "250", "250", "250", "250", "250", "354", "250"]
    assert hand_in(ANOTHER) == ["220", "501", "501", "250", "250", "250", "354", "550"]
    mail = upstream.await_mail(subject)
    assert mail.content.endswith(b"\r\n\r\none\r\n.\r\ntwo\r\n\r\n")
    assert b"\n" not in mail.content.replace(b"\r\n", b"")


def test_tls_as_it_was_is_spoken_with_the_client_that_may(make_gateway):
    gateway = make_gateway(changes={"client": [
        {"name": "old-copier", "address": ANOTHER, "allow": ["tls1.0", "no-auth"]}], "tls": {"minimum": "1.3"}})

    def version(source, port):
        context = gateway.tls()
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
        with socket.create_connection(("127.0.0.1", port), 20, (source, 0)) as peer:
            if port == gateway.port:
                lines = peer.makefile("rb")
                lines.readline()
                peer.sendall(b"STARTTLS\r\n")
                assert lines.readline().startswith(b"220 ")
            with context.wrap_socket(peer, server_hostname="localhost") as session:
                return session.version()

    for port in (gateway.port, gateway.implicit_port):
        assert version(ANOTHER, port) == "TLSv1"
        with pytest.raises((ssl.SSLError, ConnectionError)):
            version(MUST_LOG_IN, port)
    # The same device with a TLS of today.
    assert gateway.submit(message(), mode="implicit", source=ANOTHER)


def test_a_denied_address_hears_so_and_nothing_else(make_gateway):
    gateway = make_gateway(changes={"access": {"deny": [DENIED], "trusted": ["127.0.0.0/8"]}})
    with socket.create_connection(("127.0.0.1", gateway.plain_port), 20, (DENIED, 0)) as peer:
        assert peer.makefile("rb").read() == b"554 5.7.1 This address may not send here\r\n"
    gateway.submit(message(), mode="starttls", source=ANOTHER)
