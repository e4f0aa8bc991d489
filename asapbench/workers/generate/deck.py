"""Draws endpoints at their weights, exactly: every deck holds each as often as its weight says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from math import gcd
from random import Random


def deck(weights: Sequence[int], seed: int) -> Iterator[int]:
    """Yield indexes into `weights` for ever, in an order that the seed decides."""
    smallest = gcd(*weights)
    cards = [index for index, weight in enumerate(weights) for _ in range(weight // smallest)]
    return repeat(cards[0]) if len(cards) == 1 else _deal(cards, Random(seed))  # noqa: S311 - a load, not a secret


def _deal(cards: list[int], random: Random) -> Iterator[int]:
    while True:
        random.shuffle(cards)
        yield from cards
