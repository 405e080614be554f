# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Messages to send, and what must have become of them on the way: what we add in front, and not an octet else."""
import itertools
import re
from email.utils import parsedate_to_datetime
from typing import NamedTuple

DATE = b"Date: Fri, 20 Nov 2026 10:00:00 +0100\r\n"
MESSAGE_ID = b"Message-ID: <made.by.the.client@client.test>\r\n"
ID = r"[0-9A-HJKMNP-TV-Z]{9}"

_numbers = itertools.count(1)


class Mail(NamedTuple):
    """What an upstream took: envelope and content, dots unstuffed, without the final dot."""

    sender: str
    recipients: tuple
    content: bytes


def token():
    """A name that no other message of this run has."""
    return f"mail-{next(_numbers)}-end"


def message(subject=None, body=b"hello\r\n", fields=DATE + MESSAGE_ID):
    subject = (subject or token()).encode()
    return b"From: alice@example.org\r\nTo: bob@example.net\r\nSubject: %s\r\n%s\r\n%s" % (subject, fields, body)


def fields_of(header):
    """Name and unfolded value of each field of a header block."""
    assert re.fullmatch(rb"(?:[!-9;-~]+:[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)*", header), header
    unfolded = re.sub(rb"\r\n([ \t])", rb"\1", header).decode("ascii")
    return [tuple(part.strip() for part in line.split(":", 1)) for line in unfolded.splitlines()]


def check_delivered(mail, sent, added=(), recipients=1, protocol=None):
    """Holds what arrived against what was sent: a Received field, the fields named in `added`, then octet for octet."""
    assert mail.content.endswith(sent), f"content differs: {mail.content[:2000]!r}"
    prefix = fields_of(mail.content[: len(mail.content) - len(sent)])
    names = [name for name, _ in prefix]
    assert names[0] == "Received" and sorted(names[1:]) == sorted(added), names
    assert max(len(line) for line in mail.content[: len(mail.content) - len(sent)].split(b"\r\n")) <= 78
    check_received(prefix[0][1], recipients, protocol)
    for name, value in prefix[1:]:
        if name == "Date":
            assert parsedate_to_datetime(value).tzinfo is not None, value
        else:
            assert re.fullmatch(r"<[^<>@\s]+@gate\.test>", value), value


def check_received(value, recipients, protocol):
    """RFC 5321 section 4.4: from, by, with, id, for (only when alone), a date with a numeric zone."""
    without_comments = value
    while "(" in without_comments:
        without_comments, changed = re.subn(r"\([^()]*\)", " ", without_comments)
        assert changed, f"unbalanced comment: {value}"
    stamp, date = without_comments.rsplit(";", 1)
    words = stamp.split()
    clauses = dict(zip(words[::2], words[1::2]))
    assert list(clauses) == ["from", "by", "with", "id"] + (["for"] if recipients == 1 else []), value
    assert clauses["by"] == "gate.test", value
    assert re.fullmatch(ID, clauses["id"]), value
    assert clauses["with"] == protocol if protocol else clauses["with"] in ("SMTP", "ESMTP", "ESMTPS", "ESMTPSA"), value
    assert re.search(r"\[(127\.0\.0\.\d|IPv6:::1)\]", value), value
    assert ("TLS" in value) == clauses["with"].startswith("ESMTPS"), value
    assert re.fullmatch(r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", date.strip()), value
