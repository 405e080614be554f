# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""Several upstreams: which of them gets what, who takes over, and what an admin sees of it."""

from gateway import eventually
from messages import message, token
from upstreams import ScriptedUpstream


def two(open_upstream):
    return open_upstream(ScriptedUpstream, "none"), open_upstream(ScriptedUpstream, "none")


def with_spare(spare, **more):
    return {"upstream.office": {"priority": 10}, "upstream.spare": {**spare.settings(), "priority": 20}, **more}


def state(gateway, name):
    (upstream,) = [each for each in gateway.status()["upstreams"] if each["name"] == name]
    return upstream["state"], upstream.get("reason")


def test_the_next_upstream_takes_over_and_is_standby_again(open_upstream, make_gateway):
    office, spare = two(open_upstream)
    gateway = make_gateway(office, with_spare(spare))
    first = token()
    gateway.submit(message(first))
    office.await_mail(first)
    assert state(gateway, "office") == ("ok", None) and state(gateway, "spare") == ("standby", None)
    # Neither the connection that is open nor another one.
    office.answers["MAIL"] = None
    office.close()
    second = token()
    gateway.submit(message(second))
    spare.await_mail(second)
    assert state(gateway, "office") == ("unreachable", None) and state(gateway, "spare") == ("ok", None)
    office.answers["MAIL"] = "250 2.1.0 sender"
    office.open()
    gateway.postern("resume", "upstream", "office")
    # The mail that shows that it works is some of this.
    eventually(lambda: probe(gateway) or state(gateway, "spare") == ("standby", None), what="the first one again")
    third = token()
    gateway.submit(message(third))
    office.await_mail(third)


def probe(gateway):
    """Mail makes it look."""
    gateway.submit(message(token()))


def test_what_one_upstream_finds_too_large_the_next_one_is_asked_for_at_once(open_upstream, make_gateway):
    office, spare = two(open_upstream)
    office.answers["DATA"] = "552 5.3.4 too large for us"
    gateway = make_gateway(office, with_spare(spare))
    subject = token()
    id = gateway.submit(message(subject))
    spare.await_mail(subject)
    gateway.await_empty_queue()
    (rerouted,) = gateway.events("rerouted")
    assert (rerouted["upstream"], rerouted["smtp_code"], rerouted["queue_id"]) == ("office", 552, id)
    (sent,) = [event for event in gateway.events("sent") if event["queue_id"] == id]
    assert (sent["upstream"], sent["attempt"]) == ("spare", 1)
    assert not gateway.events("deferred") and not gateway.events("failed")

    spare.answers["DATA"] = "451 4.3.0 later"
    id = gateway.submit(message(token()))
    gateway.await_state(id, "deferred")
    shown = gateway.message(id)
    assert [recipient["upstream"] for recipient in shown["recipients"]] == ["spare"]
    assert [(each["upstream"], each["reply"]) for each in shown["sent_on"]] == [("office", "552 5.3.4 too large for us")]
    (why,) = gateway.json("why", id)
    assert why["reasons"][0].startswith("office answered 552 5.3.4 too large for us at ")
    assert any(reason.startswith("spare answered 451 4.3.0 later at ") for reason in why["reasons"])


def test_routes_split_one_message_and_tell_it_before(open_upstream, make_gateway):
    office, spare = two(open_upstream)
    routes = [{"to": "@shop.example", "via": "spare"}, {"from": "news@example.org", "via": ["spare", "office"]}]
    gateway = make_gateway(office, with_spare(spare, route=routes))
    subject = token()
    gateway.submit(message(subject), recipients=["a@shop.example", "b@other.example", "c@shop.example"])
    assert spare.await_mail(subject).recipients == ("a@shop.example", "c@shop.example")
    assert office.await_mail(subject).recipients == ("b@other.example",)
    (test,) = gateway.json("route", "test", "--from", "x@example.org", "--to", "z@shop.example")
    assert (test["route"], test["way"]) == (1, "spare")
    (test,) = gateway.json("route", "test", "--from", "news@example.org", "--to", "z@other.example")
    assert (test["route"], test["way"], [each["carries"] for each in test["upstreams"]]) == (
        2, "spare, then office", [True, False])
    (test,) = gateway.json("route", "test", "--from", "x@example.org", "--to", "z@other.example")
    assert "route" not in test and test["way"] == "office, then spare"


def test_paused_by_hand_fails_over_and_a_reload_moves_what_waits(open_upstream, make_gateway):
    office, spare = two(open_upstream)
    gateway = make_gateway(office, with_spare(spare, route=[{"to": "@shop.example", "via": "office"}]))
    gateway.postern("pause", "upstream", "office")
    subject, waiting = token(), token()
    gateway.submit(message(subject))
    gateway.submit(message(waiting), recipients=["a@shop.example"])
    spare.await_mail(subject)
    assert state(gateway, "office") == ("paused", "admin")
    # What only one of them may carry waits for that one.
    for name, waits in (("office", "1 message waiting"), ("spare", "no message waits")):
        (why,) = gateway.json("why", name)
        assert waits in why["reasons"], why
    gateway.configure({"route": [{"to": "@shop.example", "via": ["office", "spare"]}]})
    gateway.postern("reload")
    spare.await_mail(waiting)


def test_a_sender_that_an_upstream_refuses_is_rewritten_or_bounced(open_upstream, make_gateway):
    office, spare = two(open_upstream)
    account = "gate@example.com"
    gateway = make_gateway(
        office, {"upstream.office": {"senders": [account], "rewrite": account}})
    subject = token()
    gateway.submit(message(subject))
    mail = office.await_mail(subject)
    assert mail.sender == account
    assert b"From: gate@example.com" in mail.content or b"<gate@example.com>" in mail.content
    assert b"Reply-To:" in mail.content
    gateway.configure({"upstream.office": {"senders": [account], "rewrite": ""}})
    gateway.postern("reload")
    refused = token()
    id = gateway.submit(message(refused))
    eventually(lambda: not [each for each in gateway.queue() if each["id"] == id], what="a refused message")
    assert all(refused.encode() not in mail.content or mail.sender == "" for mail in office.mails)
