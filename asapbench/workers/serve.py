"""Serve an ASGI app on a socket that the parent has bound: `-m asapbench.workers.serve FD`.

`… FD MODULE:APP` serves another app than that of `asap`, `… FD MODULE:APP traced` tells what grows
in it. The parent can ask what the process holds (`asapbench.leak.meters`); nothing of that can be
reached over the network.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from time import monotonic, sleep
from typing import Any

import uvicorn

from asapbench.leak.asked import answer_until_the_end, private_output
from asapbench.leak.meters import Meters
from asapbench.offer import SPLIT_HEADER
from asapbench.workers.folder import import_from_folder

_APP = "asap.transport.server:app"
_LINGER = 4.0  # seconds for an end in good order, of which the app's own shutdown is a part


def main() -> None:
    """Run until the lifeline on standard input ends."""
    descriptor, name, *traced = (*sys.argv[1:], *(_APP,)[: 3 - len(sys.argv)])
    ready: Future[Callable[[str], str]] = Future()
    answers = private_output()
    # before the app is imported: that may hang too
    threading.Thread(target=_answer, args=(answers, ready), daemon=True).start()
    listener = socket.socket(fileno=int(descriptor))
    app = _imported(name)
    server = uvicorn.Server(
        uvicorn.Config(
            split(app),
            interface="asgi3",
            access_log=False,
            log_level="warning",
            lifespan="auto",
            timeout_graceful_shutdown=1,
        )
    )
    meters = Meters(idle=lambda: not server.server_state.tasks)
    # from here on: what the imports made does not grow, and would make each snapshot slow
    ready.set_result(_tracing(meters) if traced else meters.answer)
    server.run(sockets=[listener])


def split(app: Any) -> Any:
    """Let an ASGI app tell, in each answer, when it got the request and began the answer."""

    # plain functions that pass on what is to be awaited: a coroutine more for each message would
    # cost as much as all the rest of this
    def stamping(scope: Any, receive: Any, send: Any) -> Any:
        arrived = monotonic()

        def stamp(message: Any) -> Any:
            if message["type"] == "http.response.start":
                times = b"%.9f %.9f" % (arrived, monotonic())
                # a new message: the app may send the same one again
                message = {
                    **message,
                    "headers": [*message.get("headers", ()), (SPLIT_HEADER, times)],
                }
            return send(message)

        return app(scope, receive, stamp)

    return stamping


def _imported(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(import_from_folder(module), attribute or "app")


def _tracing(meters: Meters) -> Callable[[str], str]:
    from asapbench.leak.trace import Tracer  # only where asked for: the server is to be lean

    return Tracer(meters.drain).answer


def _answer(answers: int, ready: Future[Callable[[str], str]]) -> None:
    """Answer as soon as that can be done; at the end of the lifeline end the process."""
    answer_until_the_end(answers, lambda question: ready.result()(question))
    os.kill(os.getpid(), signal.SIGTERM)
    sleep(_LINGER)
    # uvicorn waits for the app's startup and shutdown without end, and there may be no parent left
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
