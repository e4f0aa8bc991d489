"""Where the program begins: deaf to nothing while it is still being read in."""

from __future__ import annotations

import os
import signal
from typing import NoReturn

_INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line. Its imports take a while, in which there is nothing to clean up."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    from asapbench.cli import main as run  # takes a tenth of a second

    run()


def _leave(*_: object) -> NoReturn:
    os.write(2, b"asapbench: interrupted before anything was measured\n")
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
