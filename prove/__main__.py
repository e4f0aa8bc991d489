"""`make prove`: run the proofs, write down what they saw, fail where a promise is broken.

`make prove ONLY=gates SEED=7` runs those named, separated by commas, with other random numbers.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys

from benchmarks.evidence import record
from prove import proofs


def main() -> None:
    """Say by the exit code whether all that is promised holds."""
    names = [module.name for module in pkgutil.iter_modules(proofs.__path__)]
    options = argparse.ArgumentParser(prog="prove")
    options.add_argument("--seed", type=int, default=0, help="of the first case")
    options.add_argument("--only", default=",".join(names), help=f"of {', '.join(names)}")
    given = options.parse_args()
    broken = [line for name in given.only.split(",") for line in _prove(name, given.seed)]
    if broken:
        sys.exit("\n".join(broken))


def _prove(name: str, seed: int) -> list[str]:
    proof = importlib.import_module(f"prove.proofs.{name}")
    seen, broken = proof.prove(seed)
    record(proof.TITLE, seen)
    return list(broken)


if __name__ == "__main__":
    main()
