# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""How mail leaves: through servers that others wrote, and through one that misbehaves in each way we must survive."""
import shutil
import subprocess
import threading

import pytest

from certificates import make_certificate
from gateway import eventually, submit
from messages import check_delivered, message, token
from upstreams import Aiosmtpd, ScriptedUpstream, SmtpSink

TROUBLED = ("paused", "unreachable")
RECIPIENTS = ("good@example.net", "bad@example.net", "fine@example.net")


def answer_for(recipient, reply):
    """An answer to RCPT: this reply for that recipient, 250 for all others."""
    return lambda line, _: reply if recipient.encode() in line else "250 2.1.5 recipient"


def settled(gateway, condition, what):
    return eventually(lambda: condition(gateway.office()), what=what)


# Servers that others wrote


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
@pytest.mark.parametrize("mechanism", ["plain", "login"])
def test_mail_leaves_over_verified_tls_with_a_login(mode, mechanism, open_upstream, make_gateway):
    upstream = open_upstream(Aiosmtpd, mode, mechanism)
    gateway = make_gateway(upstream)
    subject = token()
    content = message(subject)
    gateway.submit(content)
    check_delivered(upstream.await_mail(subject), content)
    gateway.await_empty_queue()
    assert upstream.logins == [mechanism.upper()]


@pytest.mark.parametrize("mechanism", ["plain", "login"])
def test_the_mechanism_can_be_chosen(mechanism, open_upstream, make_gateway):
    upstream = open_upstream(Aiosmtpd, "starttls")
    gateway = make_gateway(upstream, {"upstream.office": {**upstream.settings(), "auth": mechanism}})
    subject = token()
    gateway.submit(message(subject))
    upstream.await_mail(subject)
    assert upstream.logins == [mechanism.upper()]


def test_postfix_gets_many_messages_over_few_connections(open_upstream, make_gateway):
    sink = open_upstream(SmtpSink)
    settings = {**sink.settings(), "max_connections": 2, "max_per_connection": 0}
    gateway = make_gateway(sink, {"upstream.office": settings})
    sent = {token(): None for _ in range(50)}
    with gateway.client() as session:
        for subject in sent:
            sent[subject] = message(subject, b".dot\r\n" + subject.encode() * 40 + b"\r\n")
            submit(session, sent[subject], ("bob@example.net", "carol@example.net"))
    gateway.await_empty_queue()
    for subject, content in sent.items():
        mail = sink.await_mail(subject)
        assert (mail.sender, mail.recipients) == ("alice@example.org", ("bob@example.net", "carol@example.net"))
        check_delivered(mail, content, recipients=2)
    gateway.stop()
    eventually(lambda: sink.count("mesg") == 50 and 1 <= sink.count("sess") <= 2, what="one or two sessions")


# Connections


def test_a_connection_is_reused_and_renewed_after_as_many_messages_as_configured(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    settings = {**upstream.settings(), "max_connections": 1, "max_per_connection": 5}
    gateway = make_gateway(upstream, {"upstream.office": settings})
    with gateway.client() as session:
        for _ in range(15):
            submit(session, message())
    gateway.await_empty_queue()
    assert [len([line for line in conversation.commands if line.startswith(b"MAIL")])
            for conversation in upstream.conversations] == [5, 5, 5]


def test_never_more_connections_than_configured(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream, "none", login=False)
    open_now, most, lock, gate = set(), [0], threading.Lock(), threading.Event()

    def hold(content, conversation):
        with lock:
            open_now.add(conversation)
            most[0] = max(most[0], len(open_now))
        gate.wait(10)
        with lock:
            open_now.discard(conversation)
        return "250 2.0.0 taken"

    upstream.answers["."] = hold
    gateway = make_gateway(upstream, {"upstream.office": {**upstream.settings(), "max_connections": 3}})
    for _ in range(12):
        gateway.submit(message())
    eventually(lambda: len(open_now) == 3, what="three deliveries at once")
    gate.set()
    gateway.await_empty_queue()
    assert most == [3]


@pytest.mark.parametrize("offered", [True, False])
def test_commands_are_pipelined_exactly_when_the_upstream_offers_it(offered, open_upstream, make_gateway):
    extensions = ["8BITMIME", "SIZE 100000000"] + ["PIPELINING"] * offered
    upstream = open_upstream(ScriptedUpstream, "none", extensions, login=False)
    ahead = []

    def look_ahead(line, conversation):
        ahead.append(conversation.has_more(3 if offered else 0.5))
        return "250 2.0.0 ok"

    upstream.answers["MAIL"] = upstream.answers["RCPT"] = look_ahead
    gateway = make_gateway(upstream)
    subject = token()
    gateway.submit(message(subject), RECIPIENTS)
    upstream.await_mail(subject)
    assert ahead == [offered] * 4


def test_size_is_announced_where_it_is_offered(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    content = message(body=b"x" * 70 + b"\r\n")
    gateway.submit(content)
    (line,) = eventually(lambda: upstream.commands("MAIL"), what="MAIL at the upstream")
    (size,) = [int(word[5:]) for word in line.split() if word.startswith(b"SIZE=")]
    assert len(content) < size < len(content) + 2000


# Recipients


def test_a_refused_recipient_fails_alone(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["RCPT"] = answer_for("bad@", "550 5.1.1 no such user here")
    gateway = make_gateway(upstream)
    subject = token()
    content = message(subject)
    id = gateway.submit(content, RECIPIENTS)
    mail = upstream.await_mail(subject)
    assert mail.recipients == ("good@example.net", "fine@example.net")
    check_delivered(mail, content, recipients=3)
    (failed,) = gateway.await_events("failed", queue_id=id)
    assert (failed["to"], failed["smtp_code"], failed["dsn"]) == ("bad@example.net", 550, "5.1.1")
    assert "no such user here" in failed["reply"]
    gateway.await_empty_queue()
    assert len([mail for mail in upstream.mails_about(subject) if mail.sender]) == 1


@pytest.mark.parametrize("verb, reply, code", [
    ("MAIL", "550 5.7.1 not from you", 550), ("DATA", "554 5.3.0 not now", 554), (".", "552 5.3.4 too much", 552)])
def test_a_refused_message_fails_and_the_next_one_leaves(verb, reply, code, open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    usual, upstream.answers[verb] = upstream.answers[verb], reply
    gateway = make_gateway(upstream)
    id = gateway.submit(message(), RECIPIENTS)
    failed = gateway.await_events("failed", 3, queue_id=id)
    assert [each["smtp_code"] for each in failed] == [code] * 3
    upstream.answers[verb] = usual
    subject = token()
    gateway.submit(message(subject))
    upstream.await_mail(subject)


@pytest.mark.parametrize("verb, reply", [
    ("MAIL", "451 4.3.0 later"), ("RCPT", "450 4.2.1 later"), ("DATA", "451 4.3.0 later"), (".", "452 4.3.1 later")])
def test_a_deferred_message_is_tried_again_until_it_leaves(verb, reply, open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    usual, upstream.answers[verb] = upstream.answers[verb], reply
    gateway = make_gateway(upstream)
    subject = token()
    content = message(subject)
    id = gateway.submit(content, RECIPIENTS)
    deferred = eventually(
        lambda: (message := gateway.message(id))["recipients"][0]["attempts"] >= 2 and message, what="a second attempt")
    assert {each["code"] for each in deferred["recipients"]} == {int(reply[:3])}
    assert upstream.mails_about(subject) == []
    upstream.answers[verb] = usual
    mail = upstream.await_mail(subject)
    assert mail.recipients == RECIPIENTS
    check_delivered(mail, content, recipients=3)
    gateway.await_empty_queue()


def test_each_recipient_goes_its_own_way(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    replies = {b"bad@": "550 5.1.1 never", b"fine@": "450 4.2.1 later"}
    upstream.answers["RCPT"] = lambda line, _: next((replies[key] for key in replies if key in line), "250 2.1.5 yes")
    gateway = make_gateway(upstream)
    subject = token()
    id = gateway.submit(message(subject), RECIPIENTS)
    assert upstream.await_mail(subject).recipients == ("good@example.net",)
    eventually(lambda: {each["to"]: each["state"] for each in gateway.message(id)["recipients"]}["fine@example.net"]
               == "deferred", what="the deferral of one recipient")
    del replies[b"fine@"]
    gateway.await_empty_queue()
    deliveries = [mail.recipients for mail in upstream.mails_about(subject) if mail.sender]
    assert deliveries == [("good@example.net",), ("fine@example.net",)]
    (failed,) = gateway.await_events("failed", queue_id=id)
    assert failed["to"] == "bad@example.net"


# Trouble of the upstream itself: it waits, and nothing bounces


def test_a_rejected_login_pauses_the_upstream_until_the_credential_is_right(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream, start=False)
    gateway.write_credential("outdated-secret-3")
    gateway.add_secret(upstream.username, "outdated-secret-3")
    gateway.start()
    subjects = [token() for _ in range(3)]
    ids = [gateway.submit(message(subject)) for subject in subjects]
    office = settled(gateway, lambda office: office["state"] == "paused" and office, "a paused upstream")
    assert office["reason"] == "login"
    assert "535" in office["reply"]
    assert gateway.status()["health"] == "degraded"
    for id in ids:
        recipients = gateway.message(id)["recipients"]
        assert [each["state"] in ("queued", "deferred") for each in recipients] == [True], recipients
    gateway.postern("flush", "--all")
    assert len(upstream.commands("AUTH")) <= 2, "a rejected login is not tried again and again"
    assert upstream.commands("MAIL") == []

    gateway.write_credential(upstream.password)
    gateway.postern("reload")
    for subject in subjects:
        upstream.await_mail(subject)
    settled(gateway, lambda office: office["state"] == "ok", "a healthy upstream")
    gateway.await_empty_queue()


@pytest.mark.parametrize("verb, reply", [
    ("greeting", "554 5.3.2 go away"), ("EHLO", "550 5.7.1 not you"), ("STARTTLS", "454 4.7.0 no TLS now"),
    ("AUTH", "454 4.7.0 try later"), ("MAIL", "421 4.3.2 closing"), ("MAIL", "530 5.7.0 log in first"),
    ("greeting", None), ("EHLO", None), ("MAIL", None), ("DATA", None), ("EHLO", "250"), ("greeting", "hello"),
    ("MAIL", "2xx what")])
def test_trouble_with_the_upstream_fails_no_message(verb, reply, open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    usual, upstream.answers[verb] = upstream.answers[verb], reply
    gateway = make_gateway(upstream)
    subject = token()
    id = gateway.submit(message(subject))
    eventually(lambda: upstream.conversations, what="a connection to the upstream")
    eventually(
        lambda: gateway.office()["state"] in TROUBLED or gateway.message(id)["recipients"][0]["attempts"],
        what="trouble")
    assert gateway.message(id)["state"] != "failed"
    upstream.answers[verb] = usual
    # A changed upstream is tried at once, however long the pause.
    gateway.configure({"upstream.office": {"max_connections": 3}})
    gateway.postern("reload")
    upstream.await_mail(subject)
    gateway.await_empty_queue()


def test_a_connection_lost_behind_the_dot_means_sending_again(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    lost = []

    def lose_the_first(content, _):
        if lost:
            return "250 2.0.0 taken"
        lost.append(content)
        return None

    upstream.answers["."] = lose_the_first
    gateway = make_gateway(upstream)
    subject = token()
    content = message(subject)
    gateway.submit(content)
    check_delivered(upstream.await_mail(subject, 60), content)
    assert subject.encode() in lost[0]
    gateway.await_empty_queue()
    # The log says that there may be two of it, at the attempt whose answer did not come and at all later ones.
    for name in ("deferred", "sent"):
        (event,) = gateway.await_events(name)
        assert event["dup_possible"] == 1 and ", dup_possible=1, status=" in event["message"]


# TLS is never given up


def nothing_was_told(upstream):
    """No command but those that any stranger may hear, and nothing behind them."""
    told = {line.split()[0].upper() for line in upstream.commands()}
    return told <= {b"EHLO", b"STARTTLS", b"QUIT"} and not upstream.mails


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_a_certificate_with_another_name_gets_no_credential_and_no_mail(
        mode, open_upstream, make_gateway, foreign_certificate):
    upstream = open_upstream(ScriptedUpstream, mode, certificate=foreign_certificate)
    gateway = make_gateway(upstream)
    id = gateway.submit(message())
    office = settled(gateway, lambda office: office["state"] in TROUBLED and office, "trouble")
    assert (office["state"], office.get("reason")) == ("paused", "tls")
    assert nothing_was_told(upstream), upstream.commands()
    assert gateway.message(id)["state"] in ("queued", "deferred")


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_a_certificate_of_an_unknown_authority_gets_no_credential_and_no_mail(
        mode, open_upstream, make_gateway, foreign_certificate):
    upstream = open_upstream(ScriptedUpstream, mode)
    gateway = make_gateway(upstream, {"upstream.office": {**upstream.settings(), "ca_file": foreign_certificate.chain}})
    id = gateway.submit(message())
    office = settled(gateway, lambda office: office["state"] in TROUBLED and office, "trouble")
    assert (office["state"], office.get("reason")) == ("paused", "tls")
    assert nothing_was_told(upstream), upstream.commands()
    assert gateway.message(id)["state"] in ("queued", "deferred")


@pytest.mark.parametrize("answers", [
    {"EHLO": "250-relay.test\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME"},
    {"STARTTLS": "502 5.5.1 what is that"},
    {"STARTTLS": "454 4.7.0 not now"},
], ids=["not offered", "refused", "refused for now"])
def test_where_starttls_is_stripped_nothing_goes_in_clear(answers, open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers |= answers
    gateway = make_gateway(upstream)
    id = gateway.submit(message())
    settled(gateway, lambda office: office["state"] in TROUBLED, "trouble")
    assert nothing_was_told(upstream), upstream.commands()
    assert not any(conversation.encrypted for conversation in upstream.conversations)
    assert gateway.message(id)["state"] in ("queued", "deferred")


def test_a_reply_injected_behind_starttls_is_never_taken_for_one_of_the_session(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    upstream.answers["STARTTLS"] = "220 2.0.0 go on\r\n250-relay.test\r\n250 AUTH PLAIN"
    gateway = make_gateway(upstream)
    gateway.submit(message())
    settled(gateway, lambda office: office["state"] in TROUBLED, "trouble")
    assert nothing_was_told(upstream), upstream.commands()


def test_the_client_sends_nothing_in_clear_behind_starttls(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream)
    subject = token()
    gateway.submit(message(subject))
    upstream.await_mail(subject)
    assert not any(conversation.sent_early for conversation in upstream.conversations)


def test_the_capture_upstream_writes_a_maildir(tmp_path, open_upstream, make_gateway):
    gateway = make_gateway(start=False)
    capture = tmp_path / "capture"
    gateway.tables["upstream.office"] = {"provider": "capture", "capture_directory": capture}
    gateway.configure({})
    gateway.start()
    subject = token()
    content = message(subject)
    gateway.submit(content)
    (path,) = eventually(lambda: list((capture / "new").glob("*")), what="a file in the Maildir")
    written = path.read_bytes().replace(b"\r\n", b"\n")
    assert written.endswith(content.replace(b"\r\n", b"\n"))
    gateway.await_empty_queue()
    assert list((capture / "tmp").iterdir()) == []


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "unknown"])
def test_without_ca_file_the_authorities_of_the_system_decide(
        is_known, tmp_path, certificate, open_upstream, make_gateway):
    authorities = tmp_path / "authorities"
    authorities.mkdir()
    # A store is never empty on a real system; what is in it besides does not matter.
    other = make_certificate(authorities, "other.test", "DNS:other.test")
    other.key.unlink()
    if is_known:
        shutil.copy(certificate.chain, authorities / "relay.pem")
    subprocess.run(["openssl", "rehash", authorities], check=True)
    upstream = open_upstream(ScriptedUpstream)
    gateway = make_gateway(upstream, start=False)
    del gateway.tables["upstream.office"]["ca_file"]
    gateway.configure({})
    gateway.start({"SSL_CERT_DIR": str(authorities), "SSL_CERT_FILE": "/nonexistent"})
    subject = token()
    gateway.submit(message(subject))
    if is_known:
        upstream.await_mail(subject)
    else:
        settled(gateway, lambda office: (office["state"], office.get("reason")) == ("paused", "tls"), "a refusal")
        assert upstream.commands("AUTH") == []
