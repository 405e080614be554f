# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""What the upstream announced last bounds what clients may hand in."""
import smtplib

import pytest

from gateway import eventually, submit
from messages import message, token
from upstreams import Aiosmtpd, ScriptedUpstream

MIB = 1 << 20
OURS = 50 * MIB


def offered(gateway, **client):
    """SIZE, and whether SMTPUTF8 is offered."""
    with gateway.client(**client) as session:
        return int(session.esmtp_features["size"]), session.has_extn("smtputf8")


def teach(gateway, upstream):
    """One message on a new connection: the gateway has heard the upstream then."""
    subject = token()
    gateway.submit(message(subject))
    upstream.await_mail(subject)
    gateway.await_empty_queue()


def lines(octets):
    return b"0123456789abcde\r\n" * (octets // 17)


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_an_oversize_scan_is_refused_at_mail_with_the_figures(mode, open_upstream, make_gateway):
    upstream = open_upstream(Aiosmtpd, mode, size=MIB)
    gateway = make_gateway(upstream)
    assert offered(gateway, mode=mode) == (OURS, True)
    assert "size_limit" not in gateway.status()["in"]
    with gateway.client() as early:
        teach(gateway, upstream)
        # A session that heard another figure hears this one now.
        assert early.mail("scan@example.org", ["SIZE=32000000"]) == (552, b"5.3.4 Too big: 31 MB, limit 1 MB")
        assert offered(gateway) == (MIB, False)
        assert early.mail("scan@example.org", [f"SIZE={MIB + 1}"])[0] == 552
        assert early.mail("scan@example.org", [f"SIZE={MIB}"])[0] == 250
    # Without a word about it beforehand, in DATA and in chunks.
    with gateway.client() as session:
        with pytest.raises(smtplib.SMTPResponseException) as refused:
            submit(session, message(token(), lines(1_200_000)))
        assert (refused.value.smtp_code, refused.value.smtp_error) == (552, b"5.3.4 Too big, limit 1 MB")
        session.mail("scan@example.org")
        session.rcpt("bob@example.net")
        chunk = lines(600_000)
        replies = []
        for last in (b"", b" LAST"):
            session.send(b"BDAT %d%s\r\n" % (len(chunk), last) + chunk)
            replies.append(session.getreply())
        assert replies[0][0] == 250 and replies[1] == (552, b"5.3.4 Too big, limit 1 MB")
        subject = token()
        submit(session, message(subject, lines(900_000)))
    upstream.await_mail(subject)

    (event,) = gateway.events("size-offered")
    assert event["level"] == "notice" and (event["upstream"], event["size"]) == ("office", MIB), event
    assert gateway.status()["in"]["size_limit"] == {"bytes": MIB, "upstream": "office"}
    assert "messages up to 1.0 MiB (SIZE of office)" in gateway.postern("status")
    shown = gateway.postern("upstream", "show", "office")
    assert f"SIZE {MIB}, 8BITMIME" in shown, shown


def test_the_last_word_counts_through_reloads_and_another_host_begins_anew(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream, extensions=("8BITMIME", "SIZE 1000000", "SMTPUTF8"))
    gateway = make_gateway(upstream, {"upstream.office": {"max_per_connection": 1}})
    teach(gateway, upstream)
    assert offered(gateway) == (1_000_000, True)
    gateway.postern("reload")
    assert offered(gateway) == (1_000_000, True)
    upstream.extensions = ("8BITMIME", "SIZE 2000000")
    teach(gateway, upstream)
    assert offered(gateway) == (2_000_000, False)
    with gateway.client() as session:
        session.command_encoding = "utf-8"
        assert session.docmd("MAIL FROM:<jürgen@example.org> SMTPUTF8")[0] == 550
        assert session.docmd("MAIL FROM:<alice@example.org> SMTPUTF8")[0] == 250
        code, text = session.docmd("RCPT TO:<jürgen@example.net>")
        assert code == 553 and text.startswith(b"5.6.7 Recipient is not ASCII"), text
        assert session.docmd("RCPT TO:<bob@example.net>")[0] == 250
    for limit in ("SIZE", "SIZE 0"):
        upstream.extensions = ("8BITMIME", limit)
        teach(gateway, upstream)
        assert offered(gateway)[0] == OURS
    upstream.extensions = ("8BITMIME", "SIZE 3000000")
    teach(gateway, upstream)
    assert offered(gateway)[0] == 3_000_000
    other = open_upstream(ScriptedUpstream)
    gateway.configure({"upstream.office": {"port": other.port}})
    gateway.postern("reload")
    assert eventually(lambda: offered(gateway) == (OURS, True), what="a limit that is forgotten")
    assert [event["size"] for event in gateway.events("size-offered")] == [1_000_000, 2_000_000, OURS, 3_000_000, OURS]


def test_what_one_route_takes_says_nothing_of_the_others(open_upstream, make_gateway):
    office = open_upstream(ScriptedUpstream, "none", extensions=("8BITMIME", "SIZE 1000000"))
    lists = open_upstream(ScriptedUpstream, "none", extensions=("8BITMIME", "SIZE 2000000"))
    gateway = make_gateway(office, {
        "upstream.lists": lists.settings(),
        "route": [{"to": "@list.example", "via": "lists"}, {"to": "@example.net", "via": "office"}]})
    subject = token()
    gateway.submit(message(subject), recipients=("all@list.example", "bob@example.net"))
    gateway.await_empty_queue()
    assert len(office.mails) == len(lists.mails) == 1
    with gateway.client() as session:
        assert session.esmtp_features["size"] == "2000000"
        assert session.mail("scan@example.org", ["SIZE=2000001"])[0] == 552
        assert session.mail("scan@example.org", ["SIZE=1500000"])[0] == 250
        assert session.rcpt("bob@example.net") == (552, b"5.3.4 Too big: 2 MB, limit 977 KB")
        assert session.rcpt("all@list.example")[0] == 250


def test_what_the_first_finds_too_large_the_next_may_take_and_its_limit_is_the_one(open_upstream, make_gateway):
    office = open_upstream(ScriptedUpstream, "none", extensions=("8BITMIME", "SIZE 1000000"))
    spare = open_upstream(ScriptedUpstream, "none", extensions=("8BITMIME", "SIZE 2000000"))
    gateway = make_gateway(office, {
        "upstream.office": {"priority": 10}, "upstream.spare": {**spare.settings(), "priority": 20}})
    teach(gateway, office)
    # The other one was not heard yet.
    assert offered(gateway)[0] == OURS
    subject = token()
    gateway.submit(message(subject, lines(1_500_000)))
    spare.await_mail(subject)
    assert offered(gateway)[0] == 2_000_000
    with gateway.client() as session:
        assert session.mail("scan@example.org", ["SIZE=2000001"]) == (552, b"5.3.4 Too big: 2000001 octets, limit 2000000")
        subject = token()
        session.rset()
        submit(session, message(subject, lines(1_500_000)))
    spare.await_mail(subject)
    gateway.await_empty_queue()
    assert not gateway.events("failed")
