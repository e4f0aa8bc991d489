"""How the truth server behaves, and what it writes down of each request."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from asapbench.series import Column, Layout

# Both times are the monotonic clock: when the request arrived, and when the answer was written.
SERVED = Layout(
    "served",
    (
        Column("arrived", "s", "d"),
        Column("left", "s", "d"),
        Column("connection", "1", "I"),
        Column("failed", "1", "B"),
    ),
)


class Behaviour(BaseModel):
    """How long an answer takes, from arrival to departure (seconds), and what it says.

    `steps` are (delay, weight), drawn at random; `exponential` draws from that distribution with
    the mean of `steps`. At most `slots` requests are worked on at a time, those that come first; 0
    is no limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: tuple[tuple[float, float], ...] = Field(((0.0, 1.0),), min_length=1)
    shape: Literal["steps", "exponential"] = "steps"
    errors: bool = False
    slots: int = Field(0, ge=0)
    seed: int = 0


def delays(behaviour: Behaviour) -> Iterator[float]:
    """The delay of one request after the other; the seed decides them all."""
    random = Random(behaviour.seed)  # noqa: S311 - a load, not a secret
    values = [delay for delay, _ in behaviour.steps]
    weights = [weight for _, weight in behaviour.steps]
    mean = sum(delay * weight for delay, weight in behaviour.steps) / sum(weights)
    while True:
        if behaviour.shape == "exponential":
            yield random.expovariate(1 / mean)
        else:
            yield random.choices(values, weights)[0]
