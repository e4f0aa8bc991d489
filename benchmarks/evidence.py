"""What `make bench` and `make prove` saw, written to docs/evidence.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from asapbench.cores import CorePlan
from asapbench.environment import read_environment

PAGE = Path(__file__).parents[1] / "docs" / "evidence.md"
KEPT = 4
_HEAD = """# Evidence

What `make bench` and `make prove` saw: the latest runs of each, the newest first. Read ratios, not
absolutes: the machines are shared and noisy.
"""


def record(title: str, seen: Mapping[str, float | str], page: Path = PAGE) -> None:
    """Put a run at the head of its section; older runs beyond the last few are dropped."""
    sections = _sections(page.read_text() if page.exists() else "")
    sections[title] = [_entry(seen), *sections.get(title, [])][:KEPT]
    text = [_HEAD]
    for name in sorted(sections):
        text += [f"## {name}\n", *sections[name]]
    page.write_text("\n".join(text))


def _sections(text: str) -> dict[str, list[str]]:
    parts = re.split(r"^## (.+)\n\n", text, flags=re.MULTILINE)[1:]
    return {
        title: [
            f"### {entry.strip()}\n" for entry in re.split(r"^### ", body, flags=re.MULTILINE)[1:]
        ]
        for title, body in zip(parts[::2], parts[1::2], strict=True)
    }


def _entry(seen: Mapping[str, float | str]) -> str:
    found = read_environment(CorePlan())
    commit = (found.commit or "no commit")[:10]
    head = f"### {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {commit}\n"
    machine = f"{found.cpu}, {found.cores} CPUs, {found.python}, load {found.load_average:.1f}\n"
    rows = [f"| {name} | {_shown(value)} |" for name, value in seen.items()]
    return "\n".join([head, machine, "| | |", "|---|---|", *rows]) + "\n"


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,.4g}"
