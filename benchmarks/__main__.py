"""`make bench`: every benchmark once, or those named; what is seen goes to docs/evidence.md."""

from __future__ import annotations

import importlib
import sys

from benchmarks.evidence import record

ALL = {
    "server_vs_hello": "The server against a bare ASGI hello",
    "generator": "The generator against locust's users",
    "split_cost": "What the split of a request's time costs",
    "page": "The HTML page in a browser",
    "micro_truth": "micro against what is known: equals, planted slow-downs",
}


def main() -> None:
    """Measure and record; a name that is no benchmark is refused."""
    names = sys.argv[1:] or list(ALL)
    unknown = [name for name in names if name not in ALL]
    if unknown:
        sys.exit(f"{unknown[0]!r} is no benchmark; there are {', '.join(ALL)}")
    for name in names:
        seen = importlib.import_module(f"benchmarks.{name}").measure()
        record(ALL[name], seen)
        print(f"{ALL[name]}: {seen}")


if __name__ == "__main__":
    main()
