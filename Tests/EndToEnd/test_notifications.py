# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""What senders are told of mail that does not arrive: once, by a message that Python's email package and mutt can read."""
import email
import email.policy
import os
import pty
import random
import re
import select
import subprocess
import time
from typing import NamedTuple

import pytest

from gateway import eventually
from messages import message, token
from upstreams import NoUpstream, ScriptedUpstream

SENDER = "alice@example.org"
REFUSAL = "550 5.1.1 no such user here"
LARGE = b"0123456789" * 7 + b"\r\n"


class Report(NamedTuple):
    mail: email.message.EmailMessage
    text: str
    about: dict  # the fields of the message
    recipients: list  # the fields of each recipient
    returned: email.message.EmailMessage  # the third part; None if there is none


def refuse(*names, reply=REFUSAL):
    """An answer to RCPT: this reply for these recipients, 250 for all others."""
    return lambda line, _: reply if any(name.encode() in line for name in names) else "250 2.1.5 recipient"


def reports(upstream, subject=None):
    """The notifications that the upstream took, of one message or of all."""
    found = [mail for mail in upstream.mails if mail.sender == ""]
    return [mail for mail in found if subject is None or subject.encode() in mail.content]


def read(mail):
    """Holds a notification to RFC 3464, RFC 3834 and RFC 6522, and takes it apart."""
    assert mail.sender == ""
    assert re.fullmatch(rb"(?:[\x01-\x09\x0b\x0c\x0e-\x7f]{0,998}\r\n)+", mail.content), "7-bit, lines of 998 at most"
    parsed = email.message_from_bytes(mail.content, policy=email.policy.default)
    assert not parsed.defects and not any(part.defects for part in parsed.walk())
    assert parsed.get_content_type() == "multipart/report"
    assert parsed.get_param("report-type") == "delivery-status"
    assert parsed["Auto-Submitted"] == "auto-replied"
    assert parsed["From"].addresses[0].addr_spec == "MAILER-DAEMON@gate.test"
    assert [address.addr_spec for address in parsed["To"].addresses] == list(mail.recipients)
    assert parsed["Date"].datetime.tzinfo and parsed["Message-ID"].endswith("@gate.test>")
    text, status, *returned = parsed.iter_parts()
    assert (text.get_content_type(), status.get_content_type()) == ("text/plain", "message/delivery-status")
    about, *recipients = [dict(block.items()) for block in status.get_payload()]
    assert about["Reporting-MTA"] == "dns; gate.test" and about["Arrival-Date"]
    assert all({"Final-Recipient", "Action", "Status"} <= set(each) for each in recipients)
    return Report(parsed, " ".join(text.get_content().split()), about, recipients, *(returned or [None]))


def await_report(upstream, subject, seconds=20):
    """The one notification about the message with this subject."""
    (mail,) = eventually(lambda: reports(upstream, subject), seconds, f"a notification about {subject}")
    return read(mail)


# Failures


def test_of_three_recipients_two_get_the_message_and_the_sender_is_told_of_the_third(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = refuse("bad@")
    gateway = make_gateway(upstream)
    subject = token()
    content = message(subject)
    id = gateway.submit(content, ("good@example.net", "bad@example.net", "fine@example.net"))
    report = await_report(upstream, subject)
    gateway.await_empty_queue()
    (delivered,) = [mail for mail in upstream.mails_about(subject) if mail.sender]
    assert delivered.recipients == ("good@example.net", "fine@example.net")
    assert len(reports(upstream)) == 1

    assert report.mail["To"].addresses[0].addr_spec == SENDER
    assert report.mail["Subject"] == f"Undelivered mail: {subject}"
    assert report.mail["In-Reply-To"] == report.mail["References"] == "<made.by.the.client@client.test>"
    assert f'with the subject "{subject}" could not be delivered to: bad@example.net The other side said: ' in report.text
    assert "What you can do: look for a typing error" in report.text and "good@example.net" not in report.text
    assert report.about["X-Postern-Queue-ID"] == id
    (recipient,) = report.recipients
    assert recipient["Final-Recipient"] == "rfc822; bad@example.net"
    assert (recipient["Action"], recipient["Status"]) == ("failed", "5.1.1")
    assert recipient["Remote-MTA"] == "dns; localhost"
    assert recipient["Diagnostic-Code"] == f"smtp; {REFUSAL}"
    assert recipient["Last-Attempt-Date"]
    assert report.returned.get_content_type() == "message/rfc822"
    assert report.returned.get_payload()[0]["Subject"] == subject

    (event,) = gateway.events("notified")
    assert (event["queue_id"], event["status"], event["to"]) == (id, "failed", SENDER)
    assert event["notice_id"] in [sent["queue_id"] for sent in gateway.events("sent")]
    assert f"{id}: sender non-delivery notification: {event['notice_id']}" in gateway.log()
    assert {removed["queue_id"] for removed in gateway.events("removed")} == {id, event["notice_id"]}


def test_mutt_shows_the_parts_and_their_text(tmp_path, open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = refuse("bob@", reply="550 5.7.1 not with us")
    gateway = make_gateway(upstream)
    gateway.submit(message("=?utf-8?Q?Rechnung_f=C3=BCr_M=C3=A4rz?="))
    (mail,) = eventually(lambda: reports(upstream), what="a notification")
    shown = mutt(tmp_path, mail.content)
    titles = re.findall(r"\[-- Attachment #(\d): (.*?) --\]\n\[-- Type: (\S+?),", shown)
    assert titles == [
        ("1", "Notification", "text/plain"), ("2", "Delivery status", "message/delivery-status"),
        ("3", "Undelivered message", "message/rfc822")]
    assert 'subject "Rechnung für März"' in " ".join(shown.split())
    assert "Diagnostic-Code: smtp; 550 5.7.1 not with us" in shown
    assert "Subject: Undelivered mail: Rechnung für März" in shown and "hello" in shown


def mutt(directory, content):
    """What mutt shows of a message: it wants a terminal, and hands what it would show to a pager."""
    for folder in ("cur", "new", "tmp"):
        (directory / "mail" / folder).mkdir(parents=True)
    (directory / "mail/cur/1:2,S").write_bytes(content.replace(b"\r\n", b"\n"))
    shown = directory / "shown"
    settings = f"folder={directory} record= wait_key=no prompt_after=no charset=utf-8 pager=\"cp %s '{shown}'\""
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        ["mutt", "-n", "-F", "/dev/null", "-R", "-f", directory / "mail",
         "-e", f'set {settings}; push "<display-message><exit>"'],
        stdin=inside, stdout=inside, stderr=inside, env={**os.environ, "TERM": "xterm", "HOME": str(directory)})
    os.close(inside)
    try:
        deadline = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    os.read(terminal, 4096)
                except OSError:
                    break
        assert process.wait(5) == 0
    finally:
        process.kill()
        os.close(terminal)
    return shown.read_text()


def test_what_was_tried_for_its_whole_lifetime_is_given_up_and_told(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = refuse("bob@", reply="451 4.3.0 come back tomorrow")
    gateway = make_gateway(upstream, {"queue": {"lifetime": "2s"}})
    subject = token()
    gateway.submit(message(subject))
    report = await_report(upstream, subject)
    assert report.recipients[0]["Status"] == "4.4.7" and report.recipients[0]["Action"] == "failed"
    assert "What happened: delivery time expired; last reply: 451 4.3.0 come back tomorrow" in report.text
    gateway.await_empty_queue()
    assert len(reports(upstream)) == 1


def test_a_large_message_to_many_gives_one_small_notification(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = refuse("@example.net")
    gateway = make_gateway(upstream)
    subject = token()
    gateway.submit(message(subject, LARGE * (25_000_000 // len(LARGE))), [f"r{n}@example.net" for n in range(100)])
    report = await_report(upstream, subject, 60)
    gateway.await_empty_queue()
    (mail,) = reports(upstream)
    assert len(mail.content) < 64 << 10
    assert [each["Final-Recipient"] for each in report.recipients] == [f"rfc822; r{n}@example.net" for n in range(100)]
    assert "r49@example.net" in report.text and "r50@" not in report.text and "And 50 more recipients" in report.text
    assert report.returned.get_content_type() == "text/rfc822-headers"
    assert f"Subject: {subject}" in report.returned.get_content()


def test_an_eight_bit_message_goes_back_as_a_header_in_seven_bits(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = refuse("bob@", reply="550 5.1.1 kein Empf\u00e4nger dieses Namens")
    gateway = make_gateway(upstream)
    gateway.submit("Subject: Gr\u00fc\u00dfe\r\n\r\nSch\u00f6n.\r\n".encode())
    (mail,) = eventually(lambda: reports(upstream), what="a notification")
    report = read(mail)
    assert report.mail["Subject"] == "Undelivered mail"
    assert 'with the subject "Gr\u00fc\u00dfe"' in report.text
    assert "550 5.1.1 kein Empf\u00e4nger dieses Namens" in report.text
    assert report.recipients[0]["Diagnostic-Code"] == "smtp; 550 5.1.1 kein Empf?nger dieses Namens"
    returned = report.returned.get_payload(decode=True).decode()
    assert "Subject: Gr\u00fc\u00dfe\r\n" in returned and "Sch\u00f6n" not in returned


def test_a_message_that_the_disk_has_lost_is_reported_without_it(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.close()
    gateway = make_gateway(upstream)
    subject = token()
    id = gateway.submit(message(subject, LARGE * 3000))
    (segment,) = [path for path in (gateway.directory / "queue").iterdir() if subject.encode() in path.read_bytes()]
    with segment.open("r+b") as file:
        file.seek(segment.read_bytes().index(subject.encode()))
        file.write(b"X")
    # The relay finds the damage before it says a word to the upstream: an admin gives the message back.
    gateway.postern("bounce", id, "--yes")
    upstream.open()
    gateway.postern("flush", "--all")
    (mail,) = eventually(lambda: reports(upstream), what="a notification")
    report = read(mail)
    assert report.returned is None and report.about["X-Postern-Queue-ID"] == id
    assert "cannot be attached, because the gateway can no longer read it" in report.text
    assert [event["queue_id"] for event in gateway.events("spool-corrupt")] == [id]
    gateway.await_empty_queue()


# Delays


def test_a_delay_is_told_once_and_the_message_still_arrives(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = refuse("bob@", reply="450 4.2.2 mailbox full")
    gateway = make_gateway(upstream, {"queue": {"warn_after": "1s"}})
    subject = token()
    id = gateway.submit(message(subject))
    report = await_report(upstream, subject)
    assert report.mail["Subject"] == f"Mail is delayed: {subject}"
    assert "There is nothing for you to do; please do not send it again. We go on trying until" in report.text
    (recipient,) = report.recipients
    assert (recipient["Action"], recipient["Status"]) == ("delayed", "4.2.2")
    assert recipient["Will-Retry-Until"]
    assert report.returned.get_content_type() == "text/rfc822-headers"
    attempts = gateway.message(id)["recipients"][0]["attempts"]
    eventually(lambda: gateway.message(id)["recipients"][0]["attempts"] >= attempts + 2, what="two more attempts")
    gateway.kill()
    gateway.start()
    eventually(lambda: gateway.message(id)["recipients"][0]["attempts"] >= attempts + 3, what="one after the restart")
    upstream.answers["RCPT"] = "250 2.1.5 recipient"
    gateway.await_empty_queue()
    assert len(reports(upstream)) == 1
    assert [mail.recipients for mail in upstream.mails_about(subject) if mail.sender] == [("bob@example.net",)]
    assert [event["status"] for event in gateway.events("notified")] == ["delayed"]


def test_nobody_is_told_of_a_delay_where_the_admin_says_never(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = "450 4.2.2 mailbox full"
    gateway = make_gateway(upstream, {"queue": {"warn_after": "never"}})
    id = gateway.submit(message())
    eventually(lambda: gateway.message(id)["recipients"][0]["attempts"] >= 3, what="three attempts")
    assert [each["id"] for each in gateway.queue()] == [id]


# Who is told


@pytest.mark.parametrize("to, postmaster, told", [
    ("sender", "it@example.org", [SENDER]), ("postmaster", "it@example.org", ["it@example.org"]),
    ("both", "it@example.org", [SENDER, "it@example.org"]), ("both", "Alice@Example.ORG", [SENDER]),
    ("postmaster", "", ["postmaster@gate.test"])])
def test_the_admin_decides_who_is_told(to, postmaster, told, open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream, "none")
    upstream.answers["RCPT"] = refuse("bob@")
    gateway = make_gateway(upstream, {"bounce": {"to": to}, "": {"postmaster": postmaster}})
    subject = token()
    gateway.submit(message(subject, fields=b"Bcc: boss@example.org\r\n"), ("bob@example.net", "boss@example.org"))
    report = await_report(upstream, subject)
    (mail,) = reports(upstream)
    assert list(mail.recipients) == told
    assert b"boss" not in mail.content
    if told == [SENDER]:
        assert report.text.count("Your message of") == 1
        assert report.returned.get_content_type() == "message/rfc822"
    else:
        assert f"from {SENDER} " in report.text and "Your message" not in report.text
        assert report.returned.get_content_type() == "text/rfc822-headers"
    gateway.await_empty_queue()
    assert len(gateway.events("notified")) == 1


def test_a_notification_that_fails_ends_in_the_log(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = REFUSAL
    gateway = make_gateway(upstream)
    gateway.submit(message(), ("bob@example.net", "carol@example.net"))
    (event,) = gateway.await_events("double-bounced")
    gateway.await_empty_queue()
    assert (event["double_bounce"], event["to"], event["smtp_code"]) == (1, SENDER, 550)
    assert "double_bounce=1" in gateway.log()
    assert len(gateway.events("notified")) == len(gateway.events("double-bounced")) == 1
    assert not any(mail.recipients for mail in upstream.mails)


def test_nobody_is_told_where_there_was_no_sender(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = refuse("bob@")
    gateway = make_gateway(upstream)
    gateway.submit(message(), sender="")
    gateway.await_empty_queue()
    (event,) = gateway.await_events("double-bounced")
    assert event["to"] == "bob@example.net"
    assert gateway.events("notified") == []


# What must not go wrong


def test_killed_between_failure_and_notification_each_sender_is_told_once(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream, "none")
    upstream.answers["RCPT"] = refuse("bob@")
    gateway = make_gateway(upstream)
    generator = random.Random(20261121)
    subjects = []
    for _ in range(12):
        refused = len(upstream.commands("RCPT"))
        subjects.append(token())
        gateway.submit(message(subjects[-1]))
        eventually(lambda: len(upstream.commands("RCPT")) > refused, what="an attempt")
        time.sleep(generator.uniform(0, 0.03))
        gateway.kill()
        gateway.start()
    gateway.postern("flush", "--all", exit=(0, 1))
    gateway.await_empty_queue(60)
    for subject in subjects:
        # A kill between the upstream's 250 and our record of it repeats a delivery, but makes no second notification.
        assert len({read(mail).mail["Message-ID"] for mail in reports(upstream, subject)}) == 1


def test_a_message_that_goes_in_a_circle_stops_and_is_told_once(open_upstream, make_gateway):
    both = [make_gateway(open_upstream(NoUpstream), start=False) for _ in range(2)]
    for gateway, other, name in ((*both, "one"), (*reversed(both), "two")):
        gateway.configure({
            "": {"hostname": f"{name}.test"}, "upstream.office": {"port": other.plain_port},
            "client": [{"name": "other", "address": "127.0.0.0/8", "allow": ["no-auth", "plaintext"]}]})
    for gateway in both:
        gateway.start()
    both[0].submit(message())

    def events(name):
        return [event for gateway in both for event in gateway.events(name)]

    eventually(lambda: events("double-bounced"), what="the end of the notification, which goes in a circle too")
    for gateway in both:
        gateway.await_empty_queue()
    refused = [event for event in events("rejected") if event["dsn"] == "5.4.6"]
    assert [event["smtp_code"] for event in refused] == [554, 554]
    assert len(events("notified")) == len(events("double-bounced")) == 1
    # Five rounds of the message, five of the notification.
    assert len(events("accepted")) == 20
