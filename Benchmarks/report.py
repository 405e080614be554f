# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""The table: a row for each relay in each scenario, medians over the rounds, with the range where it matters."""
import statistics

from plan import MORE

HEAD = ("scenario", "server", "messages/s", "p50 ms", "p99 ms", "CPU us/message", "syncs/message", "PSS MB", "more",
        "to Postfix", "limit", "budget")
# Less of it is better.
COSTS = {"memory_mb", "start_ms"}


def medians(runs):
    """Of each figure that a run has."""
    keys = {key for run in runs for key in run}
    return {key: statistics.median(run[key] for run in runs if key in run) for key in keys}


def table(scenarios, results, failures, physical):
    """`results` are runs by scenario and server, `failures` what went wrong there; below the table stands how."""
    all_medians = {name: {server: medians(runs) for server, runs in servers.items() if runs}
                   for name, servers in results.items()}
    rows = [HEAD]
    for scenario in scenarios:
        for server, runs in results.get(scenario.name, {}).items():
            if (scenario.name, server) in failures:
                rows.append((scenario.name, server, "FAILED", *[""] * (len(HEAD) - 3)))
            if runs:
                rows.append(_row(scenario, server, runs, all_medians, physical))
    told = [f"FAILED {name}: {server}: {failure}" for (name, server), failure in failures.items()]
    return "\n".join([*_aligned(rows), *told])


def _row(scenario, server, runs, all_medians, physical):
    of_all = all_medians[scenario.name]
    middle = of_all[server]
    more = ", ".join(MORE[key].format(middle[key]) for key in scenario.more if key in middle)
    if "start_ms" in middle and "octets" in middle:
        more = f"open {middle['start_ms']:,.0f} ms, {more}"
    is_ours = server == "postern"
    return (
        scenario.name, server, _spread(runs, "rate"), _plain(middle.get("p50"), 2), _plain(middle.get("p99"), 2),
        _spread(runs, "cpu_us"), _plain(middle.get("syncs"), 2), _plain(middle.get("memory_mb"), 1), more,
        _ratio(scenario.headline, middle, of_all.get("Postfix", {})),
        scenario.limit(physical, of_all, all_medians) if is_ours else "",
        "; ".join(_judged(budget, of_all, all_medians) for budget in scenario.budgets) if is_ours else "")


def _judged(budget, of_all, all_medians):
    is_met = budget.is_met(of_all, all_medians)
    return f"{budget.text}: {'?' if is_met is None else 'met' if is_met else 'MISSED'}"


def _ratio(key, middle, of_postfix):
    """Above one is better than Postfix."""
    ours, other = middle.get(key), of_postfix.get(key)
    if not ours or not other:
        return ""
    return f"{other / ours if key in COSTS else ours / other:.2f}"


def _spread(runs, key):
    values = [run[key] for run in runs if key in run]
    if not values:
        return ""
    middle = statistics.median(values)
    digits = 0 if middle >= 1000 else 1
    text = f"{middle:,.{digits}f}"
    return text if len(values) == 1 else f"{text} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"


def _plain(value, digits):
    return "" if value is None else f"{value:,.{digits}f}"


def _aligned(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["| " + " | ".join(text.ljust(width) for text, width in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return lines
