"""Take a picture of the page of a kept run: `python -m docs.screenshot IMAGE [RUN]`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.asapbench.browser import browser

WIDTH, HEIGHT = 1200, 1500


def main() -> None:
    """Write the page anew with `asapbench report`, draw the upper part of it."""
    image, *run = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder, browser() as page:
        file = Path(folder) / "page.html"
        command = [sys.executable, "-m", "asapbench", "report", *run, "--quiet"]
        subprocess.run([*command, "--html", str(file)], check=True, stdout=subprocess.DEVNULL)
        page.resize(WIDTH, HEIGHT).open(file).screenshot(Path(image))


if __name__ == "__main__":
    main()
