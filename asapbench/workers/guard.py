"""Run a user's server command; end all of it with the lifeline: `-m asapbench.workers.guard CMD`.

The command's pid is the first line of output; when it ends, the guard ends with its exit code. All
that it started ends with it, also what has a session of its own or whose parent is gone: on Linux
such orphans become children of the guard. Elsewhere only the command's process group is known.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from contextlib import suppress

import psutil

PATIENCE = 3.0  # seconds after asking; who started the guard has more of it
_INSISTING = 1.0
_EVERY = 0.05
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_LEFT = (
    "the command ended and left its server in the background, which is ended too: keep it in the "
    "foreground (no & or daemon, `exec` in scripts)"
)


def main() -> None:
    """Start the command, wait for its end or for that of the parent."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        pid = os.posix_spawnp(
            sys.argv[1],
            sys.argv[1:],
            os.environ,
            setpgroup=0,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, 2, 1),  # what it prints goes to the log, not to the parent
            ],
        )
    except OSError as error:
        sys.exit(f"{sys.argv[1]}: {error.strerror}")
    print(pid, flush=True)  # noqa: T201 - the answer to the parent
    asked = threading.Event()
    threading.Thread(target=_end_with_parent, args=(pid, asked), daemon=True).start()
    code = _exit_code_of(pid)
    if _end_all(pid) and not code and not asked.is_set():
        print(_LEFT, file=sys.stderr, flush=True)  # noqa: T201 - among the command's last words
    os._exit(code)


def _end_with_parent(pid: int, asked: threading.Event) -> None:
    while os.read(0, 1024):
        pass
    asked.set()
    _end_all(pid)
    os._exit(0)


def _exit_code_of(pid: int) -> int:
    """Wait for the command, and for the orphans that end before it."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _end_all(group: int) -> bool:
    """Ask all that was started to end, then insist; say whether there was anything."""
    found = _left(group)
    for process in found:
        _tell(process, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while _left(group) and time.monotonic() < deadline:
        time.sleep(_EVERY)
    deadline = time.monotonic() + _INSISTING
    while (stubborn := _left(group)) and time.monotonic() < deadline:
        for process in stubborn:
            _tell(process, signal.SIGKILL)
        time.sleep(_EVERY)
    return bool(found)


def _tell(process: psutil.Process, number: signal.Signals) -> None:
    with suppress(psutil.Error):
        process.send_signal(number)


def _left(group: int) -> list[psutil.Process]:
    # a second look: one that ends while it is looked at hides those below it
    return _running(group) or _running(group)


def _running(group: int) -> list[psutil.Process]:
    found = psutil.Process().children(recursive=True)
    if sys.platform != "linux":
        found += [other for other in psutil.process_iter() if _group_of(other) == group]
    return [process for process in found if _runs(process)]


def _group_of(process: psutil.Process) -> int | None:
    with suppress(OSError):
        return os.getpgid(process.pid)
    return None


def _runs(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


if __name__ == "__main__":
    main()
