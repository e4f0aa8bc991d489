"""Take all the CPU that can be had, until the lifeline on standard input ends."""

from __future__ import annotations

import os
import threading


def main() -> None:
    """Loop for ever."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        pass


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
