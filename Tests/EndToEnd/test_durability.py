# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""250 is a promise: kill -9 at any time loses nothing that was promised and delivers nothing that was refused."""
import random
import re
import smtplib
import threading
import time

from gateway import submit
from messages import check_delivered, message, token
from upstreams import NoUpstream, ScriptedUpstream

ROUNDS, SENDERS = 6, 8
# Outcomes are written as soon as the writer is free; the rest of this is for a slow machine.
UNWRITTEN_SECONDS_MAX = 1


def test_killed_between_250_and_delivery_each_message_is_delivered_exactly_once(open_upstream, make_gateway):
    upstream = open_upstream(ScriptedUpstream, "none", login=False)
    upstream.close()
    gateway = make_gateway(upstream)
    sent = {subject: message(subject, b"line\r\n" * size) for subject, size in zip(
        (token() for _ in range(9)), (0, 1, 10, 1000, 10_000, 20_000, 50_000, 200_000, 1_000_000))}
    ids = {gateway.submit(content) for content in sent.values()}
    gateway.kill()
    gateway.start()
    assert {message["id"] for message in gateway.queue()} == ids
    assert "may arrive twice" in gateway.events("recovered")[-1]["message"]
    gateway.stop()
    gateway.start()
    assert "dup_possible" not in gateway.events("recovered")[-1], "a gateway that ended by itself doubts nothing"
    gateway.kill()
    upstream.open()
    gateway.start()
    gateway.postern("flush", "--all")
    for subject, content in sent.items():
        check_delivered(upstream.await_mail(subject, 60), content)
    gateway.await_empty_queue()
    gateway.kill()
    gateway.start()
    assert gateway.queue() == []
    assert len(upstream.mails) == len(sent)


def test_killed_again_and_again_under_load_every_promise_is_kept(open_upstream, make_gateway, summary):
    upstream = open_upstream(ScriptedUpstream, "none", login=False)
    deliveries, kills = {}, []  # when each was taken, by subject; when the daemon was killed

    def take(content, _):
        subject = re.search(rb"Subject: (\S+)", content)[1].decode()
        deliveries.setdefault(subject, []).append(time.monotonic())
        return "250 2.0.0 taken"

    upstream.answers["."] = take
    gateway = make_gateway(upstream)
    generator = random.Random(20261121)
    promised, refused = set(), set()

    for _ in range(ROUNDS):
        ended = threading.Event()
        arguments = (ended, gateway, promised, refused)
        senders = [threading.Thread(target=send_until, args=arguments) for _ in range(SENDERS)]
        for sender in senders:
            sender.start()
        time.sleep(generator.uniform(0.2, 1.5))
        gateway.kill()
        kills.append(time.monotonic())
        ended.set()
        for sender in senders:
            sender.join(30)
        gateway.start()

    gateway.postern("flush", "--all", exit=(0, 1))
    gateway.await_empty_queue(120)
    assert len(promised) > ROUNDS * SENDERS, "the load was no load"
    assert promised <= set(deliveries), f"lost: {sorted(promised - set(deliveries))}"
    assert not refused & set(deliveries), f"refused and delivered: {sorted(refused & set(deliveries))}"
    # A kill may repeat what was under way, and what was delivered but not yet written down; nothing older.
    repeated = [moment for moments in deliveries.values() for moment in moments[:-1]]
    old = [moment for moment in repeated if not any(abs(kill - moment) < UNWRITTEN_SECONDS_MAX for kill in kills)]
    assert not old, f"{len(old)} of {len(repeated)} repeated although long delivered"
    summary.append(
        f"kill -9 under load, {ROUNDS} rounds: {len(promised)} promised, {len(refused)} refused, none lost, "
        f"{len(repeated)} repeated")


def send_until(ended, gateway, promised, refused):
    """Hands in one message after the other and notes what was answered; one without an answer is in neither set."""
    while not ended.is_set():
        try:
            with gateway.client() as session:
                while not ended.is_set():
                    subject = token()
                    try:
                        submit(session, message(subject, b"x" * random.choice((10, 1000, 100_000)) + b"\r\n"))
                        promised.add(subject)
                    except smtplib.SMTPResponseException:
                        refused.add(subject)
                        session.rset()
        except (OSError, smtplib.SMTPException):
            # The daemon was killed; what was in flight got no answer.
            pass


def test_mail_that_waits_survives_a_clean_restart(open_upstream, make_gateway):
    gateway = make_gateway(open_upstream(NoUpstream))
    ids = {gateway.submit(message()) for _ in range(3)}
    before = {id: gateway.message(id) for id in ids}
    gateway.stop()
    gateway.start()
    for id in ids:
        after = gateway.message(id)
        assert [after[key] for key in ("from", "size", "received")] == [
            before[id][key] for key in ("from", "size", "received")]
        # What passed while nothing ran does not count against the lifetime.
        assert before[id]["expires"] <= after["expires"]
