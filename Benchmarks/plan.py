# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""What is measured, in which order, against what."""
from typing import Any, Callable, NamedTuple

import scenarios
from budgets import at_least, at_most, no_more_than, times_postfix, times_sink
from relays import NO_HISTORY, NO_SYNC, POSTERN, POSTFIX, SINK, TUNED

# What a figure is called where it has no column of its own, and how it is written.
MORE = {
    "served": "{:,.0f} sessions served", "recipient_us": "{:.1f} us a recipient", "mib_us": "{:,.0f} us a MiB",
    "connections": "{:,.0f} connections out", "turns": "{:.2f} round trips", "all_turns": "{:.2f} with connecting",
    "found_s": "back after {:.1f} s", "empty_s": "empty after {:.1f} s", "grown_mb": "{:.1f} MB more than idle",
    "cpu_ms_minute": "{:.1f} ms CPU a minute", "start_ms": "banner after {:,.0f} ms",
    "octets": "{:.0f} octets a message",
    "due_ms": "all due {:,.0f} ms", "lease_ns": "lease {:,.0f} ns", "reload_ms": "reload {:,.0f} ms"}
FIRST_ACCEPT = "accept, 20 sessions"


class Scenario(NamedTuple):
    name: str
    measure: Callable
    kinds: tuple
    options: dict[str, Any] = {}
    more: tuple = ()  # keys of MORE
    headline: str = "rate"  # what the ratio to Postfix is of
    budgets: tuple = ()
    limit: Callable = lambda physical, medians, everything: "-"


# What the machine allows, for the row of postern: given what tools/phys.c found, and the medians of this scenario and
# of all.


def by_sync(physical, medians, everything):
    return f"{physical['append']:,.0f} syncs/s, {_sink(medians, everything)}"


def by_group_commit(records):
    def limit(physical, medians, everything):
        together = physical[f"append_{records}"] * records
        return f"{together:,.0f}/s in groups of {records}, {_sink(medians, everything)}"

    return limit


def by_large_writes(physical, medians, everything):
    return f"{physical['append_1m']:,.0f} MiB/s synced, {_sink(medians, everything)}"


def by_handshake(physical, medians, everything):
    return f"handshake {physical['handshake_us']:,.0f} us, {_sink(medians, everything)}"


def by_two_hops(physical, medians, everything):
    return f"{_sink(medians, everything)}, and that twice"


def by_delay(connections, turns=1):
    allowed = f"{connections * 1000 / 50 / turns:,.0f}/s at {turns} round trip{'s'[:turns - 1]}"
    return lambda physical, medians, everything: allowed


def by_own_sink(key, unit):
    def limit(physical, medians, everything):
        value = medians.get(SINK.name, {}).get(key)
        return "-" if value is None else f"{SINK.name} {value:,.1f} {unit}"

    return limit


def _sink(medians, everything):
    """Without a relay, in this scenario or in that of 20 sessions."""
    of_sink = medians.get(SINK.name) or everything.get(FIRST_ACCEPT, {}).get(SINK.name)
    return f"{SINK.name} {of_sink['rate']:,.0f}/s" if of_sink else f"{SINK.name} not measured"


def plan(is_quick):
    many = 100_000 if is_quick else 1_000_000
    return [*accepting(), *relaying(), *at_rest(many), *growing(many)]


def accepting():
    peers = (POSTERN, POSTFIX, SINK)
    with_tls = {"tls": "starttls"}
    return [
        Scenario("accept, 1 session", scenarios.accept, peers, {"sessions": 1},
                 budgets=(times_postfix(5),), limit=by_sync),
        Scenario(FIRST_ACCEPT, scenarios.accept, (POSTERN, POSTFIX, NO_SYNC, SINK),
                 budgets=(at_most("cpu_us", 70, "CPU us"), times_postfix(20)), limit=by_group_commit(16)),
        Scenario("accept, 100 sessions", scenarios.accept, peers, {"sessions": 100},
                 budgets=(times_postfix(40), no_more_than(FIRST_ACCEPT, "cpu_us", "CPU")), limit=by_group_commit(64)),
        Scenario("accept, 500 sessions", scenarios.accept, peers, {"sessions": 500}, ("served",),
                 budgets=(no_more_than(FIRST_ACCEPT, "cpu_us", "CPU"),), limit=by_group_commit(64)),
        Scenario("accept, 10 KiB", scenarios.accept, peers, {"size": 10 * 1024}, limit=by_large_writes),
        Scenario("accept, 1 MiB", scenarios.accept, peers, {"size": 2**20}, ("mib_us",),
                 budgets=(times_postfix(3), times_sink("mib_us", 2, "CPU")), limit=by_large_writes),
        Scenario("accept, 1 MiB, TLS+AUTH", scenarios.accept, peers, {"size": 2**20, **with_tls}, ("mib_us",),
                 budgets=(times_postfix(3), times_sink("mib_us", 2, "CPU")), limit=by_large_writes),
        Scenario("accept, TLS+AUTH, kept", scenarios.accept, peers, with_tls, limit=by_group_commit(16)),
        Scenario("accept, TLS+AUTH, each anew", scenarios.accept, peers, {"per_session": 1, **with_tls},
                 budgets=(at_most("cpu_us", 1200, "CPU us"),), limit=by_handshake),
    ]


def relaying():
    return [
        Scenario("relay", scenarios.end_to_end, (POSTERN, POSTFIX, NO_HISTORY), more=("connections",),
                 budgets=(at_most("cpu_us", 150, "CPU us"), times_postfix(15)), limit=by_two_hops),
        Scenario("relay, TLS+AUTH both sides", scenarios.end_to_end, (POSTERN, POSTFIX, TUNED),
                 {"tls": "starttls", "per_session": 10}, ("connections",), budgets=(times_postfix(10),),
                 limit=by_handshake),
        *_far(1, 18, 2), *_far(20, 18, 2),
        Scenario("outage and catch-up", scenarios.outage, (POSTERN, POSTFIX),
                 more=("found_s", "empty_s", "grown_mb"), budgets=(at_most("grown_mb", 8, "MB queued"),),
                 limit=by_two_hops),
    ]


def _far(connections, pace, pace_of_postfix):
    """Postfix's pace is another, so it gets less mail for the same time."""
    more = ("turns", "all_turns")
    options = {"connections": connections}
    rate = (at_least("rate", 350, "rate"),) if connections == 20 else ()
    return [
        Scenario(f"50 ms away, {connections}", scenarios.far, (POSTERN, POSTFIX, TUNED),
                 {**options, "pace": {POSTERN: pace, POSTFIX: pace_of_postfix, TUNED: 3 * pace_of_postfix}}, more,
                 budgets=(*rate, at_most("turns", 1.01, "round trips")), limit=by_delay(connections)),
        Scenario(f"50 ms away, {connections}, no CHUNKING", scenarios.far, (POSTERN,),
                 {**options, "pace": pace / 2, "chunking": False}, more,
                 budgets=(at_most("turns", 2.01, "round trips"),), limit=by_delay(connections, 2)),
    ]


def at_rest(many):
    peers = (POSTERN, POSTFIX, SINK)
    limits = {0: 30, 10_000: 1_000, many: 10_000}
    return [
        Scenario("idle", scenarios.idle, peers, more=("cpu_ms_minute",), headline="memory_mb",
                 budgets=(at_most("memory_mb", 14, "MB"), at_most("cpu_ms_minute", 10, "ms CPU")),
                 limit=by_own_sink("memory_mb", "MB")),
        Scenario("1,000 TLS sessions", scenarios.idle_sessions, (POSTERN, POSTFIX, TUNED, SINK), {"sessions": 1000},
                 ("served",), headline="memory_mb",
                 budgets=(at_most("memory_mb", 64, "MB"), at_least("served", 1000, "served")),
                 limit=by_own_sink("memory_mb", "MB")),
        *(Scenario(f"start, {messages:,} queued", scenarios.start, (POSTERN,) if messages else peers,
                   {"messages": messages}, ("start_ms",), headline="start_ms",
                   budgets=(at_most("start_ms", limit, "ms"),), limit=by_own_sink("start_ms", "ms"))
          for messages, limit in limits.items()),
        *(Scenario(f"queue, {messages:,}, {routes} routes", scenarios.opened, (POSTERN,),
                   {"messages": messages, "routes": routes}, ("octets", "due_ms", "lease_ns", "reload_ms"),
                   headline="start_ms", budgets=(at_most("octets", 400, "octets"),) if messages == many else ())
          for messages in (10_000, many) for routes in (0, 20)),
    ]


def growing(many):
    """The same work on a larger scale. These rows are the last: they add mail to the spools that others only read."""
    queued = [10, 1_000, 100_000, *([many] if many > 100_000 else [])]
    recipients = [1, 10, 100]

    def grown(names, key, what):
        # The first row is what the others are held to.
        return [() if name == names[0] else (no_more_than(names[0], key, what),) for name in names]

    names = [f"growth, {count:,} queued" for count in queued]
    for name, count, budgets in zip(names, queued, grown(names, "cpu_us", "CPU")):
        spool = (lambda count: lambda bench: bench.spool(count))(count)
        yield Scenario(name, scenarios.accept, (POSTERN,), {"spool": spool}, budgets=budgets, limit=by_group_commit(16))
    names = [f"growth, {count} recipient{'s'[:count - 1]}" for count in recipients]
    for name, count, budgets in zip(names, recipients, grown(names, "recipient_us", "CPU a recipient")):
        yield Scenario(name, scenarios.accept, (POSTERN,), {"recipients": count}, ("recipient_us",), budgets=budgets,
                       limit=by_group_commit(16))
