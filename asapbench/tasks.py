"""What the requests of a plan are: the skill that they name, its input, how they are sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Protocol

from pydantic import AfterValidator, Field

from asapbench.model import Seconds, Server
from asapbench.offer import Endpoint, Offer


class Tasks(Protocol):
    """A plan of whose options requests are made."""

    @property
    def skill(self) -> str: ...
    @property
    def input(self) -> Path | None: ...
    @property
    def header(self) -> tuple[str, ...]: ...
    @property
    def insecure(self) -> bool: ...
    @property
    def timeout(self) -> float: ...
    @property
    def seed(self) -> int: ...


def read_input(file: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises ValueError saying what is wrong with it."""
    try:
        content = json.loads(file.read_bytes())
        json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    except OSError as error:
        raise ValueError(f"{str(file)!r} cannot be read: {error.strerror}") from error
    except RecursionError as error:
        raise ValueError(f"{str(file)!r} is nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"{str(file)!r} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{str(file)!r} holds no JSON object")  # noqa: TRY004 - for pydantic
    return content


def _is_json_object(value: Path | None) -> Path | None:
    if value is not None:
        read_input(value)
    return value


# options of every plan whose requests ask an agent for something
SkillName = Annotated[
    str,
    Field(
        min_length=1,
        json_schema_extra={"panel": "Load", "metavar": "NAME"},
        description="The skill that requests name",
    ),
]
InputFile = Annotated[
    Path | None,
    AfterValidator(_is_json_object),
    Field(
        description="The input of requests (a JSON object; {n} becomes a counter)",
        json_schema_extra={"panel": "Load"},
    ),
]
Timeout = Annotated[
    Seconds,
    Field(
        gt=0,
        le=3600,
        description="A request without an answer by then has failed",
        json_schema_extra={"panel": "Load"},
    ),
]


def offer_of(plan: Tasks, server: Server, endpoints: tuple[Endpoint, ...]) -> Offer:
    """What a generator is told once: these kinds of requests, to this server."""
    given: dict[str, Any] = {"input": read_input(plan.input)} if plan.input else {}
    return Offer(
        url=server.url,
        endpoints=endpoints,
        skill=plan.skill,
        recipient=server.agent,
        headers=plan.header,
        verify_tls=not plan.insecure,
        timeout=plan.timeout,
        seed=plan.seed,
        **given,
    )
