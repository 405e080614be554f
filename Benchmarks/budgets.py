# SPDX-FileCopyrightText: 2026 The Postern Authors
# SPDX-License-Identifier: Apache-2.0
"""What postern may cost at most, or has to reach, and whether it does. A budget is asked with the medians of all relays
of a scenario, by name; it answers None if what it compares with was not measured."""
from typing import Callable, NamedTuple

# Flat: measured twice, the same thing differs by so much on a machine that is not quiet.
FLAT = 1.25


class Budget(NamedTuple):
    text: str
    is_met: Callable


def at_most(key, value, what):
    return Budget(f"{what} ≤ {value:,}", lambda medians, _: _reaches(value, _of(medians, "postern", key)))


def at_least(key, value, what):
    return Budget(f"{what} ≥ {value:,}", lambda medians, _: _reaches(_of(medians, "postern", key), value))


def times_postfix(factor):
    def is_met(medians, _):
        other = _of(medians, "Postfix", "rate")
        return _reaches(_of(medians, "postern", "rate"), other and factor * other)

    return Budget(f"≥ {factor} × Postfix", is_met)


def times_sink(key, factor, what):
    """No more than so many times what clients, kernel and TLS cost by themselves."""
    def is_met(medians, _):
        other = _of(medians, "sink alone", key)
        return _reaches(other and factor * other, _of(medians, "postern", key))

    return Budget(f"{what} ≤ {factor} × sink", is_met)


def no_more_than(scenario, key, what):
    """Growth: the cost is that of a smaller scenario."""
    def is_met(medians, all_medians):
        other = _of(all_medians.get(scenario, {}), "postern", key)
        return _reaches(other and FLAT * other, _of(medians, "postern", key))

    return Budget(f"{what} ≤ {FLAT} × {scenario}", is_met)


def _of(medians, name, key):
    return medians.get(name, {}).get(key)


def _reaches(value, other):
    return None if value is None or other is None else value >= other
