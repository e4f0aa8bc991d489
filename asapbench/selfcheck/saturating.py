"""Saturates a server before a run, by clients of its own: what it then answers is its capacity.

The instrument has no part in it, neither the generator nor the windows of a run.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from math import nan
from statistics import linear_regression
from time import monotonic
from urllib.parse import urlsplit

from asapbench.cores import CorePlan
from asapbench.engine import Start
from asapbench.model import Plan
from asapbench.store import Recording
from asapbench.system import System

_SECONDS = 2.0
_BEGUN = 0.2  # of the answers: until all clients are there, and the same at the end
_GAP = 0.25  # seconds without an answer, between the saturation and what follows
_REQUEST = b"GET /.well-known/asap/manifest.json HTTP/1.1\r\nhost: truth\r\n\r\n"
_MOST = 65_536  # bytes of an answer, which comes at once


def saturated(start: Start, clients: int) -> Start:
    """The same server, saturated once by so many clients before anything is measured."""

    @contextmanager
    def first(plan: Plan, recording: Recording, cores: CorePlan) -> Iterator[System]:
        with start(plan, recording, cores) as system:
            saturate(system.server.url, clients)
            yield system

    return first


def saturate(url: str, clients: int) -> None:
    """Ask one request after the other, by each of so many clients, for two seconds."""
    place, until = urlsplit(url), monotonic() + _SECONDS
    address = (place.hostname or "", place.port or 80)
    with ThreadPoolExecutor(clients) as pool:
        for asked in [pool.submit(_ask, address, until) for _ in range(clients)]:
            asked.result()


def _ask(address: tuple[str, int], until: float) -> None:
    with socket.create_connection(address, timeout=_SECONDS) as connection:
        while monotonic() < until:
            connection.sendall(_REQUEST)
            connection.recv(_MOST)


def rate_of(left: Sequence[float]) -> float:
    """Answers a second of the longest time without a gap; NaN of none.

    By a line through their count, since those of equal slots leave together.
    """
    stretch = max(_stretches(sorted(left)), key=len, default=[])
    edge = int(len(stretch) * _BEGUN)
    middle = stretch[edge : len(stretch) - edge]
    return linear_regression(middle, range(len(middle))).slope if len(middle) > 1 else nan


def _stretches(times: Sequence[float]) -> Iterator[Sequence[float]]:
    ends = [index for index, (one, more) in enumerate(pairwise(times), 1) if more - one > _GAP]
    for begin, end in pairwise([0, *ends, len(times)]):
        yield times[begin:end]
