"""What all users of a generator share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from secrets import randbelow
from typing import Any

from asapbench.offer import Event, Offer
from asapbench.workers.generate.agenda import Agenda
from asapbench.workers.generate.clock import PERIOD, Clock
from asapbench.workers.generate.endpoints import exchanges_of
from asapbench.workers.generate.exchange import Exchange
from asapbench.workers.generate.origin import Origin, origin_of
from asapbench.workers.generate.records import Records


@dataclass
class Scene:
    """`pause` is the closed loop's: seconds between an answer and the next request, from and to.

    It is None where requests are sent at planned times, or not at all. `open` is how many requests
    are open now.
    """

    loop: Any
    agenda: Agenda
    origin: Origin
    exchanges: Sequence[Exchange]
    weights: Sequence[int]
    numbers: Iterator[int]
    users: Iterator[int]
    records: Records
    seed: int
    timeout: float
    pause: tuple[float, float] | None = None
    open: int = 0


def scene_of(
    offer: Offer, loop: Any, row: Callable[..., None], tell: Callable[[Event], None]
) -> Scene:
    """Prepare all that an offer asks for.

    Raises ValueError for an offer that cannot be met, OSError for a host that is not found.
    """
    origin = origin_of(offer.url, offer.verify_tls)
    clock = Clock()
    agenda = Agenda(loop)
    agenda.every(PERIOD, clock.tick)
    return Scene(
        loop=loop,
        agenda=agenda,
        origin=origin,
        exchanges=exchanges_of(offer, origin, clock),
        weights=[endpoint.weight for endpoint in offer.endpoints],
        # of 16 digits, and from a random one on: unique in other generators' requests too
        numbers=count(10**15 + randbelow(8 * 10**15)),
        users=count(offer.index, offer.workers),  # not those of another worker
        records=Records(row, [endpoint.name for endpoint in offer.endpoints], tell),
        seed=offer.seed,
        timeout=offer.timeout,
    )
