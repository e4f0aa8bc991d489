"""Which request of the generator is which of the truth server's records.

A row has no name for a request that a server could know, so they are matched by time: each user has
one connection and one request at a time, and whatever the generator booked from `sent` to `done`
must enclose what the server saw from arrival to departure. A connection belongs to the user whose
requests enclose its records one by one. That is a check of the stamps too: where it cannot be done,
the generator's times are wrong.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from asapbench.model import Measurement
from asapbench.offer import Flag


@dataclass(frozen=True)
class Asked:
    """A request as the generator wrote it down, and whether it has no answer yet."""

    planned: float
    sent: float
    done: float
    open: bool = False


@dataclass(frozen=True)
class Served:
    """A request as the truth server wrote it down."""

    arrived: float
    left: float
    failed: bool = False


Pair = tuple[Asked, Served]


def pair(requests: Measurement, served: Measurement) -> list[Pair] | None:
    """Each answered request and its record, or None where a request has no record that fits."""
    connections = dict(_by_connection(served))
    pairs: list[Pair] = []
    for asked in _by_user(requests).values():
        fitting = [key for key, records in connections.items() if _encloses(asked, records)]
        if not fitting:
            return None
        key = min(fitting, key=lambda key: _slack(asked, connections[key]))
        pairs += _zipped(asked, connections.pop(key))
    return pairs


def _by_user(requests: Measurement) -> Mapping[float, list[Asked]]:
    names = ("user", "planned", "sent", "done", "flags")
    users: dict[float, list[Asked]] = defaultdict(list)
    for user, planned, sent, done, flags in zip(*_lists(requests, names), strict=True):
        if not math.isnan(sent):
            users[user].append(Asked(planned, sent, done, bool(int(flags) & Flag.CENSORED)))
    return {user: sorted(asked, key=lambda one: one.sent) for user, asked in users.items()}


def _by_connection(served: Measurement) -> Mapping[float, list[Served]]:
    names = ("connection", "arrived", "left", "failed")
    connections: dict[float, list[Served]] = defaultdict(list)
    for connection, arrived, left, failed in zip(*_lists(served, names), strict=True):
        connections[connection].append(Served(arrived, left, bool(failed)))
    return connections


def _lists(table: Measurement, names: Iterable[str]) -> list[list[float]]:
    return [table.columns[name].tolist() for name in names]


def _encloses(asked: Sequence[Asked], records: Sequence[Served]) -> bool:
    answered = [one for one in asked if not one.open]
    # one whose answer was on its way when the load ended may have a record, the last
    if not len(answered) <= len(records) <= len(asked):
        return False
    return all(
        one.sent <= record.arrived <= record.left <= one.done
        for one, record in _zipped(asked, records)
    )


def _slack(asked: Sequence[Asked], records: Sequence[Served]) -> float:
    return sum(
        (one.done - one.sent) - (record.left - record.arrived)
        for one, record in _zipped(asked, records)
    )


def _zipped(asked: Sequence[Asked], records: Sequence[Served]) -> list[Pair]:
    answered = [one for one in asked if not one.open]
    return list(zip(answered, records, strict=False))  # an open one's record has no partner
