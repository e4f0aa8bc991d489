"""Run a user's server command; end all of it with the lifeline: `-m asapbench.workers.guard CMD`.

The command gets a process group of its own. Its pid is the first line of output; when it ends, the
guard ends with its exit code.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress

PATIENCE = 3.0


def main() -> None:
    """Start the command, wait for its end or for that of the parent."""
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
    threading.Thread(target=_end_with_parent, args=(pid,), daemon=True).start()
    _, status = os.waitpid(pid, 0)
    _end_group(pid)
    os._exit(_exit_code(status))


def _end_with_parent(pid: int) -> None:
    while os.read(0, 1024):
        pass
    _end_group(pid)
    os._exit(0)


def _end_group(group: int) -> None:
    """Ask the whole group to end, then insist."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            time.sleep(0.05)
            os.killpg(group, 0)
        os.killpg(group, signal.SIGKILL)


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    main()
