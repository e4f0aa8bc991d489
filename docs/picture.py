"""Draw what a command prints on a terminal as SVG: `python docs/picture.py FILE COMMAND …`."""

from __future__ import annotations

import io
import os
import pty
import shlex
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 112


def main() -> None:
    """Run the command on a terminal of its own; its progress on standard error is left out."""
    file, *command = sys.argv[1:]
    os.environ |= {"COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
    shown = io.BytesIO()

    def read(fd: int) -> bytes:
        data = os.read(fd, 65536)
        shown.write(data)
        return data

    pty.spawn(["sh", "-c", shlex.join(command) + " 2>/dev/null"], read)
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text(f"$ {shlex.join(command)}\n", "bold"))
    console.print(Text.from_ansi(shown.getvalue().decode().replace("\r\n", "\n")))
    Path(file).write_text(console.export_svg(title=" "))


if __name__ == "__main__":
    main()
