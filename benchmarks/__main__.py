"""`make bench`: the benchmarks that take minutes, or those named; docs/evidence.md keeps them."""

from __future__ import annotations

import importlib
import sys

from benchmarks.evidence import record
from benchmarks.limits import missed

ALL = {
    "server_vs_hello": "The server against a bare ASGI hello",
    "generator": "The generator against locust's users",
    "split_cost": "What the split of a request's time costs",
    "cost_of_trust": "The generator against the one before gates, pulse and split",
    "page": "The HTML page in a browser",
    "command_line": "How soon the command line answers",
}
LONG = {  # only when named
    "micro_truth": "micro against what is known: equals, planted slow-downs",
}


def main() -> None:
    """Measure and record all, then exit with 1 where a limit is missed.

    A name that is no benchmark is refused.
    """
    names = sys.argv[1:] or list(ALL)
    known = ALL | LONG
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"{unknown[0]!r} is no benchmark; there are {', '.join(known)}")
    late: list[str] = []
    for name in names:
        seen = importlib.import_module(f"benchmarks.{name}").measure()
        record(known[name], seen)
        print(f"{known[name]}: {seen}")
        late += [f"{known[name]}: {one}: {seen[one]}" for one in missed(seen)]
    if late:
        sys.exit("\n".join(late))


if __name__ == "__main__":
    main()
