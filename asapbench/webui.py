"""Options that show locust's own page instead of measuring, and what is refused beside them."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import Field

from asapbench.errors import UsageError
from asapbench.model import Plan, option_name


class WebPlan(Plan):
    """A plan whose load can be explored by hand; that is no measurement, so it is not stored."""

    web_ui: bool = Field(
        False,
        exclude=True,
        json_schema_extra={"panel": "By hand"},
        description="Measure nothing: explore by hand, on locust's page, until Ctrl-C",
    )
    web_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        exclude=True,
        json_schema_extra={"panel": "By hand", "metavar": "N"},
        description="The port of that page [8089, or a free one where that is taken]",
    )


_ALWAYS = {"web_ui", "web_port", "host", "serve", "header", "insecure", "seed"}


def refuse_beside_page(plan: WebPlan, used: Collection[str], given: Collection[str]) -> None:
    """Raise UsageError for an option on the command line that counts only in a measurement."""
    if not plan.web_ui:
        if "web_port" in given:
            raise UsageError("--web-port is of no use without --web-ui: give both, or neither")
        return
    useless = [option_name(name) for name in given if name not in _ALWAYS and name not in used]
    if useless:
        raise UsageError(
            f"--web-ui and {' and '.join(useless)} exclude each other: exploring by hand measures "
            f"and judges nothing; leave {'it' if len(useless) == 1 else 'them'} out"
        )
