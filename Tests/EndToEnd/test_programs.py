# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Mail programs that people have, each with a login over STARTTLS and over TLS, make messages and hand them in."""
import hashlib
import random
from email import message_from_bytes, policy

import pytest

import programs
from gateway import USER
from messages import token
from programs import Letter
from upstreams import ScriptedUpstream

# Each with the mechanism that it takes of those that we offer, or is told to take.
PROGRAMS = {
    programs.s_nail: "PLAIN", programs.mutt: "LOGIN", programs.net_smtp: "PLAIN", programs.phpmailer: "LOGIN",
    programs.git_send_email: "PLAIN", programs.openssl_s_client: "LOGIN"}
TEXT = "the first line\n.one dot in front\n..two\n\nthe last line\n"
ATTACHMENT_OCTETS = 20_000_000


def name(program):
    return program.__name__


@pytest.fixture
def gateway(make_gateway, open_upstream):
    return make_gateway(open_upstream(ScriptedUpstream, extensions=("8BITMIME", "PIPELINING", "SMTPUTF8")))


def hand_in(program, gateway, mode, letter, directory):
    status, said = program(gateway, mode, letter, directory)
    assert status == 0, said.decode(errors="replace")
    mail = gateway.upstream.await_mail(letter.subject, seconds=60)
    assert (mail.sender, mail.recipients) == (letter.sender, (letter.recipient,))
    return mail, message_from_bytes(mail.content, policy=policy.default)


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
@pytest.mark.parametrize("program", PROGRAMS, ids=name)
def test_a_program_logs_in_and_its_mail_arrives(program, mode, gateway, tmp_path):
    letter = Letter(token(), TEXT)
    mail, message = hand_in(program, gateway, mode, letter, tmp_path)
    assert b"\twith ESMTPSA (TLSv1." in mail.content
    assert message.get_content().replace("\r\n", "\n").rstrip("\n") == TEXT.rstrip("\n")
    assert letter.recipient in message["To"] and letter.sender in message["From"]
    (accepted,) = gateway.await_events("accepted")
    assert (accepted["user"], accepted["auth_method"]) == (USER, PROGRAMS[program])


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
@pytest.mark.parametrize("program", [programs.curl, programs.smtplib], ids=name)
def test_a_program_that_knows_utf_8_addresses_uses_them(program, mode, gateway, tmp_path):
    letter = Letter(token(), "Grüße\n", "jürgen@example.org", "用户@example.net")
    mail, message = hand_in(program, gateway, mode, letter, tmp_path)
    assert b"\twith UTF8SMTPSA (TLSv1." in mail.content
    assert message["To"] == letter.recipient and message["From"] == letter.sender


@pytest.mark.parametrize("mode, program", [("starttls", programs.mutt), ("implicit", programs.phpmailer)])
def test_an_attachment_of_20_mb_arrives_as_it_was(mode, program, gateway, tmp_path):
    attachment = tmp_path / "scan.bin"
    attachment.write_bytes(random.Random(20).randbytes(ATTACHMENT_OCTETS))
    _, message = hand_in(program, gateway, mode, Letter(token(), TEXT, attachment=attachment), tmp_path)
    (arrived,) = message.iter_attachments()
    assert arrived.get_filename() == "scan.bin"
    assert hashlib.sha256(arrived.get_content()).digest() == hashlib.sha256(attachment.read_bytes()).digest()
