"""The program: takes a job, tells what it found, ends."""

from __future__ import annotations

import gc
import os
import sys
import threading
import traceback
from collections.abc import Callable
from time import monotonic

from asapbench.catalogue import Job, Said
from asapbench.suite import Benchmark
from asapbench.workers.operations import seeing
from asapbench.workers.operations.find import find, reference
from asapbench.workers.operations.passes import failed, in_words, time
from asapbench.workers.operations.setting import Ready, ready

_STDOUT = 1
_PARENT_GONE = 1  # exit code

_QUIET = 1.0  # s after which the parent is told again what is being done

_DO: dict[str, Callable[[str, Ready, Job, Callable[[], None]], Said]] = {
    "calibrate": seeing.calibrate,
    "memory": seeing.memory,
}


def main() -> None:
    """Do the job on the first line of standard input."""
    tell = _telling()
    job = Job.model_validate_json(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # what httpx imports for a command line of its own, rich and more, is a tenth of a start
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    try:
        found = find(job.suite)
    except BaseException as error:  # a module that is imported may do anything, exit among it
        traceback.print_exc()
        tell(Said(what="refused", error=in_words(error)))
        return
    if job.do == "list":
        for one in found.values():
            tell(Said(what="entry", entry=one.entry))
    else:
        _work(job, found | reference(), tell)
    tell(Said(what="ended"))


def _work(job: Job, found: dict[str, Benchmark], tell: Callable[[Said], None]) -> None:
    if job.do == "calibrate":
        tell(Said(what="about", about=_about()))
    gc.collect()
    gc.freeze()  # what was imported need not be looked at in each collection
    if not job.collect:
        gc.disable()
    if job.do == "time":
        time(job, found, tell)
        return
    for key in job.keys:
        tell(Said(what="began", key=key))
        try:
            with ready(found[key], job.agent) as operation:
                said = _DO[job.do](key, operation, job, _still(key, tell))
        except Exception as error:
            said = failed(key, error, job)
        tell(said)


def _still(key: str, tell: Callable[[Said], None]) -> Callable[[], None]:
    """To be called before each run of an operation: many long ones are no worker that hangs."""
    told = monotonic()

    def still() -> None:
        nonlocal told
        if monotonic() - told > _QUIET:
            told = monotonic()
            tell(Said(what="began", key=key))

    return still


def _about() -> dict[str, str | int | float]:
    """What pyperf knows of this machine and interpreter, for its file."""
    import pyperf  # only once a run

    run = pyperf.Run([1.0], collect_metadata=True)
    known: dict[str, str | int | float] = run.get_metadata()
    return {name: value for name, value in known.items() if isinstance(value, str | int | float)}


def _telling() -> Callable[[Said], None]:
    """Lines to the parent; what benchmarks print goes to standard error instead."""
    out = os.dup(_STDOUT)
    os.dup2(2, _STDOUT)

    def tell(said: Said) -> None:
        try:
            os.write(out, said.model_dump_json(exclude_defaults=True).encode() + b"\n")
        except BrokenPipeError:
            os._exit(_PARENT_GONE)

    return tell


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os._exit(_PARENT_GONE)
