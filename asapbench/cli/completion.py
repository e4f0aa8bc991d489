"""What a shell offers for the value of an option."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from asapbench import store
from asapbench.commands import names, outline
from asapbench.model import Metric

Offer = Callable[[str], list[str]]


def values_of(field: FieldInfo, extra: Mapping[str, Any]) -> Offer | None:
    """The choices of a field, or what it says of its `values`; None: what the shell does itself."""
    choices = list(_choices(field.annotation))
    source = _SOURCES[extra["values"]] if "values" in extra else lambda: iter(choices)
    return _offer(source) if choices or "values" in extra else None


def _offer(source: Callable[[], Iterator[str]]) -> Offer:
    def offer(incomplete: str) -> list[str]:
        return [value for value in source() if value.startswith(incomplete)]

    return offer


def _choices(annotation: Any) -> Iterator[str]:
    """The words of each Literal in a type."""
    if get_origin(annotation) is Literal:
        yield from map(str, get_args(annotation))
    else:
        yield from chain.from_iterable(map(_choices, get_args(annotation)))


def _runs() -> Iterator[str]:
    """The newest first."""
    folders = store.kept()
    yield from ["last"] if folders else []
    yield from (folder.name for folder in reversed(folders))


def _results() -> Iterator[str]:
    """What can be compared."""
    yield from sorted(file.stem for file in store.BASELINES.glob("*.json"))
    yield from _runs()


def _benches() -> Iterator[str]:
    return (name for name in names() if outline(name).measures)


def _metrics() -> Iterator[str]:
    """Those of the newest run that has any."""
    for folder in reversed(store.kept()):
        try:
            metrics = json.loads((folder / store.REPORT).read_bytes())["metrics"]
            found = [Metric.model_validate(metric).key for metric in metrics]
        except (OSError, ValueError, LookupError, TypeError):
            continue
        if found:
            yield from found
            return


_SOURCES: Mapping[str, Callable[[], Iterator[str]]] = {
    "runs": _runs,
    "results": _results,
    "benches": _benches,
    "metrics": _metrics,
}
