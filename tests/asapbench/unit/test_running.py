"""A command, from its options to its exit."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import asap
from asapbench import cli
from asapbench.cli.running import measured
from asapbench.commands import benches
from asapbench.errors import Interrupted, UsageError
from asapbench.model import Report
from asapbench.outputs import Outputs

README = Path(__file__).parents[3] / "README.md"


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        (Outputs(), "; the run is kept: `asapbench report last` shows it"),
        (Outputs(no_save=True), ""),
    ],
)
def test_ctrl_c_while_the_report_is_written_says_that_and_where_the_run_is(
    make_report: Callable[..., Report], monkeypatch: pytest.MonkeyPatch, outputs: Outputs, said: str
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("asapbench.engine.execute", lambda *_, **__: make_report())
    monkeypatch.setattr("asapbench.cli.running._put", interrupted)
    load = benches()["load"]
    with pytest.raises(Interrupted) as caught:
        measured(load, load.plan(), None, outputs)
    assert str(caught.value) == f"interrupted while the report was written{said}"


def test_beside_the_asap_of_others_it_says_how_the_readme_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(asap, "__implementation__")
    with pytest.raises(UsageError, match="from its folder") as caught:
        cli._refuse_foreign_asap()
    ways = re.findall(r"(?:pipx|uv tool) install \S+", str(caught.value))
    assert len(ways) == 2
    assert all(way.rstrip(",") in README.read_text() for way in ways)
