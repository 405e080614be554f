# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""What we add to a message and what we take out; every other octet leaves as it came, whatever its size."""
import random

import pytest

from gateway import MUST_LOG_IN, USER
from messages import DATE, MESSAGE_ID, check_delivered, message, token
from upstreams import Aiosmtpd, ScriptedUpstream, SmtpSink

EIGHT_BIT = ["BODY=8BITMIME"]
MIB = 1 << 20


def body_of(octets):
    """A body of that many octets: lines of many lengths that say where they stand, many of them behind a dot."""
    if octets < 3:
        return b"x" * octets
    generator = random.Random(octets)
    body = bytearray()
    while len(body) < octets:
        start, fill = generator.choice([b"", b".", b"..", b"x"]), b"y" * generator.randrange(60)
        body += b"%s%d%s\r\n" % (start, len(body), fill)
    cut = bytes(body[: octets - 2])
    return (cut[:-1] + b"z" if cut.endswith(b"\r") else cut) + b"\r\n"


BODIES = {
    "empty": b"",
    "one empty line": b"\r\n",
    "dots": b".\r\n..\r\n...\r\n.a\r\n a.\r\n",
    "dot first and last": b".first\r\nmiddle\r\n.last\r\n",
    "a line of 998 octets": b"x" * 998 + b"\r\n",
    "a line of 5000 octets": b"x" * 5000 + b"\r\n",
    "a line longer than a chunk": b"x" * 70_000 + b"\r\n.\r\n",
    "8-bit": "Grüße aus Köln, 100 €\r\n".encode(),
    "every octet but CR, LF and NUL": bytes(set(range(1, 256)) - {10, 13}) + b"\r\n",
    "looks like a header": b"Received: from nowhere\r\nBcc: nobody@example.net\r\nDate: never\r\n",
    "trailing empty lines": b"text\r\n\r\n\r\n\r\n",
    "white space at line ends": b"text \t\r\n \r\n\t\r\n",
}


@pytest.mark.parametrize("name", BODIES)
def test_each_kind_of_body_arrives_octet_for_octet(name, open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    subject = token()
    content = message(subject, BODIES[name])
    gateway.submit(content, options=EIGHT_BIT)
    check_delivered(upstream.await_mail(subject), content)


# Around one chunk (64 KiB), around the buffer of a session, and beyond.
SIZES = [1, 2, 3, 100, 4096, 65_000, 65_535, 65_536, 65_537, 131_072, 131_073, MIB, 30 * MIB]


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_each_size_arrives_octet_for_octet(mode, open_upstream, make_gateway):
    upstream = open_upstream(Aiosmtpd, mode)
    gateway = make_gateway(upstream)
    for size in SIZES:
        subject = token()
        content = message(subject, body_of(size))
        gateway.submit(content, mode=mode, source=MUST_LOG_IN, user=USER)
        # DATA cannot carry content that does not end in CRLF: the client adds it.
        arrived = content if content.endswith(b"\r\n") else content + b"\r\n"
        check_delivered(upstream.await_mail(subject, 60), arrived)


@pytest.mark.parametrize("recipients", [1, 2, 99, 100])
def test_each_recipient_arrives_once_and_in_order(recipients, open_upstream, make_gateway):
    upstream = open_upstream(Aiosmtpd, "starttls")
    gateway = make_gateway(upstream)
    names = tuple(f"reader{number}@example.net" for number in range(recipients))
    subject = token()
    content = message(subject)
    gateway.submit(content, names)
    mail = upstream.await_mail(subject)
    assert mail.recipients == names
    check_delivered(mail, content, recipients=recipients)


@pytest.mark.parametrize("fields, added", [
    (DATE + MESSAGE_ID, []),
    (DATE, ["Message-ID"]),
    (MESSAGE_ID, ["Date"]),
    (b"", ["Date", "Message-ID"]),
    (b"dAtE : Fri, 20 Nov 2026 10:00:00 +0100\r\nmessage-id:\r\n <a@client.test>\r\n", []),
    (b"X-Date: Fri, 20 Nov 2026 10:00:00 +0100\r\nSubject2:\r\n Date: folded\r\n", ["Date", "Message-ID"]),
])
def test_date_and_message_id_are_added_only_where_they_are_missing(fields, added, open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    subject = token()
    content = message(subject, b"Date: in the body\r\nMessage-ID: <in@the.body>\r\n", fields)
    gateway.submit(content)
    check_delivered(upstream.await_mail(subject), content, added)


@pytest.mark.parametrize("bcc", [
    b"Bcc: secret@example.net\r\n",
    b"bcc:secret@example.net,\r\n other@example.net,\r\n\tthird@example.net\r\n",
    b"BCC : secret@example.net\r\n",
    b"Bcc:\r\nBcc: secret@example.net\r\n",
])
@pytest.mark.parametrize("padding", [b"", b"X-Padding: " + b"p" * 65_400 + b"\r\n"], ids=["", "across chunks"])
def test_bcc_is_removed_with_its_continuation_lines_and_nothing_else(bcc, padding, open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    subject = token()
    body = b"Bcc: this line is text\r\n"
    gateway.submit(message(subject, body, DATE + padding + bcc + MESSAGE_ID))
    check_delivered(upstream.await_mail(subject), message(subject, body, DATE + padding + MESSAGE_ID))


def test_a_message_without_any_octet_arrives_with_our_header_alone(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    with gateway.client() as session:
        session.mail("alice@example.org")
        session.rcpt("bob@example.net")
        session.docmd("DATA")
        code, reply = session.docmd(".")
        assert code == 250, reply
    mail = upstream.await_mail("Received: ")
    check_delivered(mail, b"", ["Date", "Message-ID"])


def test_the_null_sender_leaves_as_the_null_sender(open_upstream, make_gateway):
    upstream = open_upstream(SmtpSink)
    gateway = make_gateway(upstream)
    subject = token()
    content = message(subject)
    gateway.submit(content, sender="")
    mail = upstream.await_mail(subject)
    assert mail.sender == ""
    check_delivered(mail, content)
