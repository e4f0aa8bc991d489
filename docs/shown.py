"""What pages show of runs is a rendering of reports that are stored here.

`make reference` renders them anew. `python -m docs.shown NAME 'COMMAND …'` runs a command and
stores the report of it.
"""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from asapbench import store
from asapbench.baselines import of_report
from asapbench.commands import benches
from asapbench.comparison import compare
from asapbench.conclusion import conclude
from asapbench.doctor.machine import Machine
from asapbench.model import Report, Value
from asapbench.report.comparison import render_comparison
from asapbench.report.document import document
from asapbench.report.text import render_text
from docs.blocks import FOLDER

STORED = FOLDER / "reports"
WIDTH = 100
PICTURES = {"load.svg": "first-load"}
_ALLOWED = 0.05  # what `compare` allows when it is not told
_BLOCK = re.compile(
    r"^(<!-- shown: (?P<mark>.+) -->\n+```console\n\$ .+\n)(?:.*\n)*?(?=```$)", re.MULTILINE
)


class Stored(Value):
    """A report, and the command line that it is of."""

    line: str
    report: Report


def stored(name: str) -> Stored:
    """What is stored under a name."""
    return Stored.model_validate_json((STORED / f"{name}.json").read_bytes())


def rendered(mark: str, *, color: bool = False) -> str:
    """The output that a mark stands for: of a stored report, or of two, `OLD → NEW`, compared."""
    old, arrow, new = mark.partition(" → ")
    if not arrow:
        return render_text(stored(mark).report, width=WIDTH, color=color)
    before, after = (of_report(name, document(stored(name).report)) for name in (old, new))
    return render_comparison(compare(before, after, _ALLOWED), width=WIDTH, color=color)


def filled(page: str) -> str:
    """A page with every block that is shown rendered anew."""
    return _BLOCK.sub(lambda block: block[1] + rendered(block["mark"]), page)


def picture(name: str) -> str:
    """A terminal that shows a stored report, as SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text(f"$ {stored(name).line}\n", "bold"))
    console.print(Text.from_ansi(rendered(name, color=True)))
    return console.export_svg(title=" ")


def keep(name: str, line: str) -> None:
    """Store the report of the last run, but not on whose machine that was."""
    run = store.load(store.find("last"))
    report = conclude(benches()[run.story.command], run)
    nowhere = run.story.environment.model_copy(update={"hostname": "here", "machine": Machine()})
    facts = _without_about(run.story.facts)
    story = run.story.model_copy(update={"environment": nowhere, "facts": facts})
    details = _without_about(report.details)
    told = report.model_copy(update={"story": story, "details": details})
    content = Stored(line=line, report=told)
    text = content.model_dump_json().replace(sys.executable, "python")
    (STORED / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def _without_about(facts: dict[str, Any]) -> dict[str, Any]:
    """Without what pyperf tells of the machine: its name, and where Python was built."""
    return {name: value for name, value in facts.items() if name != "about"}


def main() -> None:
    """Run a command line, and keep what its report says."""
    name, line = sys.argv[1:]
    program, *arguments = shlex.split(line)
    subprocess.run([sys.executable, "-m", program, *arguments], check=False)
    keep(name, line)


if __name__ == "__main__":
    main()
