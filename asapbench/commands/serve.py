"""Serve the embedded agent alone, for other tools, until it is interrupted.

It prints one line, with its URL, once it answers. It has the echo skill and no rate limit.
"""

from __future__ import annotations

import time

from pydantic import Field

from asapbench.errors import BrokenRun, Exit, ServerDied, UsageError
from asapbench.model import Command, Value
from asapbench.outputs import say
from asapbench.scratch import scratch_folder


class ServeOptions(Value):
    """Where, and by how many processes."""

    host: str = Field("127.0.0.1", min_length=1, description="The address to listen at")
    port: int = Field(8000, ge=0, le=65535, description="The port; 0: one that is free")
    workers: int = Field(1, ge=1, le=64, description="Processes that share the port")


def run(options: ServeOptions) -> tuple[str, Exit]:
    """Serve until Ctrl-C. Raises UsageError for an address that cannot be had."""
    from asapbench.system import Access, Address, embedded, why_not  # psutil: not for --help

    at = Address(options.host, options.port)
    with scratch_folder() as folder:
        log = folder / "server.log"
        try:
            with embedded("serve", Access(), log, (), at, options.workers) as system:
                say(_where(system.server.url, everywhere=at.everywhere))
                while True:
                    system.check()
                    time.sleep(0.5)
        except BrokenPipeError:
            raise  # of the reader of that line; the command line knows what to do
        except OSError as error:
            raise UsageError(
                f"--host {options.host} --port {options.port}: cannot be listened at: "
                f"{why_not(error)}; give another, or --port 0 for one that is free"
            ) from error
        except ServerDied as error:  # there was nothing to be judged
            raise BrokenRun(str(error)) from error
        except KeyboardInterrupt:
            return "", Exit.PASS


def _where(url: str, *, everywhere: bool) -> str:
    said = f"listening at {url}\n"
    if everywhere:
        said += "and at every other address of this machine, for all who can reach it\n"
    return said


COMMAND = Command(
    name="serve",
    options=ServeOptions,
    run=run,
    doc=__doc__,
    examples=(
        ("asapbench serve", "at http://127.0.0.1:8000"),
        ("asapbench serve --port 0 --workers 2", "two processes, at a port that is free"),
    ),
    own_exits={Exit.PASS: "it was interrupted, which is how it ends"},
)
