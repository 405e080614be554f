# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""What a sender asks to be told (RFC 3461), from MAIL and RCPT to the upstream and to the reports, and mail in UTF-8."""
import email
import email.policy
import re
import time

import pytest

from gateway import eventually
from mailservers import Postfix, unusable
from messages import message, token
from test_notifications import await_report, refuse, reports
from upstreams import Aiosmtpd, ScriptedUpstream

WISHES = ("RET=HDRS", "ENVID=QQ+2B314159")
# Of five recipients, each with another wish.
ASKED = {
    "silent@example.net": "NOTIFY=NEVER",
    "all@example.net": "NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;first+2Bname@elsewhere.example",
    "failures@example.net": "NOTIFY=FAILURE",
    "success@example.net": "NOTIFY=SUCCESS",
    "usual@example.net": "",
}


LINE = b"0123456789" * 7 + b"\r\n"


def submit(gateway, content, recipients, options=(), sender="alice@example.org"):
    """One message with parameters for each recipient; returns its id."""
    with gateway.client() as session:
        assert session.docmd(f"MAIL FROM:<{sender}> {' '.join(options)}")[0] == 250
        for address, parameters in recipients.items():
            code, reply = session.docmd(f"RCPT TO:<{address}> {parameters}")
            assert code == 250, reply
        code, reply = session.data(content)
        assert code == 250, reply
        return re.search(rb"queued as ([0-9A-Z]{9})\b", reply)[1].decode()


def by_kind(upstream, subject):
    """The reports about a message: for each action the final recipients, in order."""
    told = {}
    for mail in reports(upstream, subject):
        status = list(email.message_from_bytes(mail.content, policy=email.policy.default).iter_parts())[1]
        for block in status.get_payload()[1:]:
            told.setdefault(block["Action"], []).append(block["Final-Recipient"].split()[1])
    return told


def test_an_upstream_with_dsn_gets_what_was_asked_and_nothing_else_and_has_the_duty(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream, extensions=("PIPELINING", "8BITMIME", "DSN"))
    upstream.answers["RCPT"] = refuse("failures@")
    gateway = make_gateway(upstream)
    subject = token()
    id = submit(gateway, message(subject), ASKED, WISHES)
    await_report(upstream, subject)
    gateway.await_empty_queue()
    (mail,) = [line for line in upstream.commands("MAIL") if b"alice" in line]
    assert mail.endswith(b"> RET=HDRS ENVID=QQ+2B314159"), mail
    recipients = [line.decode() for line in upstream.commands("RCPT") if b"alice" not in line]
    assert recipients == [f"RCPT TO:<{address}> {asked}".rstrip() for address, asked in ASKED.items()]
    assert by_kind(upstream, subject) == {"failed": ["failures@example.net"]}
    assert [event["status"] for event in gateway.events("notified")] == ["failed"]
    assert len(gateway.events("sent")) == 4 + 1 and gateway.events("sent")[0]["queue_id"] == id


def test_postfix_gets_it_and_tells_the_sender_by_it(certificate, make_gateway):
    if reason := unusable():
        pytest.skip(reason)
    server = Postfix(certificate)
    try:
        gateway = make_gateway(server.entrance("starttls"))
        id = submit(
            gateway, message(token()),
            {"bob@example.net": "NOTIFY=SUCCESS ORCPT=rfc822;first+2Bname@elsewhere.example",
             "good@example.net": "NOTIFY=FAILURE", "fine@example.net": "NOTIFY=NEVER",
             "nobody@example.net": "NOTIFY=FAILURE"},
            WISHES, sender="alice@example.net")
        mailbox = server.root.path / "var/mail/alice/new"
        eventually(lambda: mailbox.exists() and len(list(mailbox.glob("*"))) == 2, what="two reports")
        told = [file.read_text() for file in mailbox.glob("*")]
        (ours,) = [text for text in told if "MAILER-DAEMON@gate.test" in text]
        (theirs,) = [text for text in told if text != ours]
        # The recipient that it took is its business, the one that it refused is ours.
        assert theirs.count("\nFinal-Recipient:") == 1 and "\nAction: delivered\n" in theirs
        assert "\nFinal-Recipient: rfc822; bob@example.net\n" in theirs
        assert "\nOriginal-Envelope-Id: QQ+314159\n" in theirs
        assert "\nOriginal-Recipient: rfc822;first+name@elsewhere.example\n" in theirs
        assert "\nFinal-Recipient: rfc822; nobody@example.net\nAction: failed\n" in ours
        assert "\nOriginal-Envelope-Id: QQ+314159\n" in ours
        gateway.await_empty_queue()
        assert [(event["queue_id"], event["status"]) for event in gateway.events("notified")] == [(id, "failed")]
    finally:
        server.close()


def test_where_the_upstream_has_no_dsn_we_tell_who_wants_to_hear_of_success(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    subject = token()
    id = submit(gateway, message(subject), ASKED, WISHES)
    report = await_report(upstream, subject)
    gateway.await_empty_queue()
    assert not any(b"NOTIFY" in line or b"RET=" in line for line in upstream.commands())
    assert report.mail["Subject"] == f"Mail was passed on: {subject}"
    assert report.about["Original-Envelope-Id"] == "QQ+314159"
    assert [each["Final-Recipient"] for each in report.recipients] == [
        "rfc822; all@example.net", "rfc822; success@example.net"]
    assert {(each["Action"], each["Status"]) for each in report.recipients} == {("relayed", "2.0.0")}
    assert report.recipients[0]["Original-Recipient"] == "rfc822; first+name@elsewhere.example"
    assert "Original-Recipient" not in report.recipients[1]
    assert report.returned.get_content_type() == "text/rfc822-headers"
    assert "does not report whether mail has arrived" in report.text
    (event,) = gateway.events("notified")
    assert (event["queue_id"], event["status"]) == (id, "relayed")
    assert f"{id}: sender relay notification: {event['notice_id']}" in gateway.log()


def test_failures_and_delays_are_told_to_who_wants_to_hear_of_them(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = refuse("@example.net", reply="451 4.3.0 later")
    gateway = make_gateway(upstream, {"queue": {"warn_after": "1s"}})
    subject = token()
    id = submit(gateway, message(subject), {**ASKED, "delays@example.net": "NOTIFY=DELAY"}, WISHES)
    gateway.await_state(id, "deferred")
    time.sleep(1.1)
    gateway.postern("flush", id)
    eventually(lambda: reports(upstream, subject), what="a notification of the delay")
    assert by_kind(upstream, subject) == {"delayed": ["all@example.net", "usual@example.net", "delays@example.net"]}
    shown = gateway.postern("show", id)
    assert "RET=HDRS, ENVID=QQ+314159" in shown and "NEVER" in shown
    assert "SUCCESS,FAILURE,DELAY for rfc822;first+name@elsewhere.example" in shown
    upstream.answers["RCPT"] = refuse("@example.net")
    gateway.postern("flush", id)
    gateway.await_empty_queue()
    told = by_kind(upstream, subject)
    assert told["failed"] == ["all@example.net", "failures@example.net", "usual@example.net"]
    assert len(reports(upstream, subject)) == 2


@pytest.mark.parametrize("returned, part", [
    ("RET=FULL", "message/rfc822"), ("RET=HDRS", "text/rfc822-headers"), ("", "text/rfc822-headers")])
def test_as_much_goes_back_as_was_asked_for(returned, part, open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = refuse("bob@")
    gateway = make_gateway(upstream)
    subject = token()
    content = message(subject, LINE * 3000)
    submit(gateway, content, {"bob@example.net": ""}, [returned] if returned else [])
    assert await_report(upstream, subject).returned.get_content_type() == part


def test_who_is_killed_between_the_reply_and_the_report_tells_once(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    subject = token()
    submit(gateway, message(subject), {"bob@example.net": "NOTIFY=SUCCESS"})
    eventually(lambda: [mail for mail in upstream.mails_about(subject) if mail.sender], what="delivery")
    gateway.kill()
    gateway.start()
    await_report(upstream, subject)
    gateway.await_empty_queue()
    # It may have been sent twice, and it was told once.
    assert by_kind(upstream, subject) == {"relayed": ["bob@example.net"]}


# SMTPUTF8


GREETING = "Subject: Grüße {}\r\nFrom: Jürgen <jürgen@example.org>\r\n\r\nHello\r\n"
UTF8 = ("8BITMIME", "PIPELINING", "SMTPUTF8")


def submit_utf8(gateway, content, recipients, sender, is_offered=True):
    with gateway.client() as session:
        session.command_encoding = "utf-8"
        session.ehlo()
        assert session.has_extn("smtputf8") == is_offered
        assert session.docmd(f"MAIL FROM:<{sender}> SMTPUTF8 BODY=8BITMIME")[0] == 250
        for address in recipients:
            assert session.docmd(f"RCPT TO:<{address}>")[0] == 250
        assert session.data(content.encode())[0] == 250


def parts(mail):
    return re.findall(rb"^Content-Type: ([a-z0-9/-]+)", mail.content, re.MULTILINE)


def test_utf8_passes_where_the_upstream_takes_it_and_so_does_the_report(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream, extensions=UTF8)
    upstream.answers["RCPT"] = lambda line, _: "550 5.1.1 no such user" if "bö".encode() in line else "250 2.1.5 ok"
    gateway = make_gateway(upstream)
    subject = token()
    submit_utf8(gateway, GREETING.format(subject), ["用户@例子.example", "böb@example.net"], "jürgen@example.org")
    (report,) = eventually(lambda: reports(upstream, subject), what="a report")
    gateway.await_empty_queue()
    (mail,) = [mail for mail in upstream.mails_about(subject) if mail.sender]
    assert "Grüße".encode() in mail.content and b"with UTF8SMTP\r\n" in mail.content
    assert [line for line in upstream.commands("MAIL")] == [
        b"MAIL FROM:<" + "jürgen@example.org".encode() + b"> BODY=8BITMIME SMTPUTF8",
        b"MAIL FROM:<> BODY=8BITMIME SMTPUTF8"]
    assert parts(report) == [b"multipart/report", b"text/plain", b"message/global-delivery-status", b"message/global"]
    assert "\r\nTo: <jürgen@example.org>\r\n".encode() in report.content
    assert "\r\nFinal-Recipient: utf-8; böb@example.net\r\n".encode() in report.content


def test_where_utf8_is_not_offered_only_what_needs_it_fails_and_the_report_is_ascii(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    subject = token()
    # Asked for without need: one recipient gets it, and one address cannot be written.
    submit_utf8(
        gateway, f"Subject: {subject}\r\n\r\nHello\r\n", ["böb@example.net", "carol@example.net"], "alice@example.org")
    report = await_report(upstream, subject)
    (mail,) = [mail for mail in upstream.mails_about(subject) if mail.sender]
    assert mail.recipients == ("carol@example.net",)
    assert report.recipients[0]["Final-Recipient"] == "utf-8; b\\x{F6}b@example.net"
    assert (report.recipients[0]["Status"], report.recipients[0]["Action"]) == ("5.6.7", "failed")
    assert "The reason: 553 5.6.7 not sent: the address is not ASCII" in report.text and "böb@example.net" in report.text
    # A header in UTF-8 is needed by all of them. By now it is known what the upstream lacks; who asks has the same end.
    subject = token()
    submit_utf8(
        gateway, GREETING.format(subject), ["bob@example.net", "carol@example.net"], "alice@example.org",
        is_offered=False)
    (other,) = eventually(
        lambda: [mail for mail in reports(upstream) if b"5.6.7 not sent: the message needs" in mail.content], what="a report")
    gateway.await_empty_queue()
    assert not [mail for mail in upstream.mails_about(subject) if mail.sender]
    assert other.content.count(b"\r\nStatus: 5.6.7\r\n") == 2
    assert not any(b"SMTPUTF8" in line for line in upstream.commands())


def test_without_8bitmime_upstream_eight_bit_mail_fails_with_the_code_that_says_so(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream, extensions=("PIPELINING",))
    gateway = make_gateway(upstream)
    subject = token()
    gateway.submit(message(subject, "Grüße\r\n".encode()), options=["BODY=8BITMIME"])
    report = await_report(upstream, subject)
    assert report.recipients[0]["Status"] == "5.6.3" and "does not offer 8BITMIME" in report.text


def test_aiosmtpd_without_dsn_takes_it_and_the_sender_is_told(open_upstream, make_gateway):
    upstream = open_upstream(Aiosmtpd, "starttls")
    gateway = make_gateway(upstream)
    subject = token()
    submit(gateway, message(subject), ASKED, WISHES)
    eventually(lambda: len(upstream.mails) == 2, what="a report")
    gateway.await_empty_queue()
    (report,) = [mail for mail in upstream.mails if mail.sender != "alice@example.org"]
    assert report.recipients == ("alice@example.org",)
    assert report.content.count(b"\r\nAction: relayed\r\n") == 2


def test_an_upstream_that_takes_one_author_gets_the_report_from_him_and_from_nobody_in_the_envelope(
        open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = refuse("bob@")
    account = "gate@example.com"
    gateway = make_gateway(upstream, {"upstream.office": {"senders": [account], "rewrite": account}})
    subject = token()
    gateway.submit(message(subject))
    (report,) = eventually(lambda: reports(upstream, subject), what="a report")
    assert report.sender == "" and report.recipients == ("alice@example.org",)
    head = report.content.partition(b"\r\n\r\n")[0]
    assert b"\r\nFrom: Mail Delivery System <gate@example.com>" in head.replace(b"\r\n\t", b" ")
    assert b"\r\nReply-To: " in head
