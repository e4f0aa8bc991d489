"""Serve an ASGI app on a socket that the parent has bound: `-m asapbench.workers.serve FD`."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from time import monotonic
from typing import Any

import uvicorn

from asap.transport.server import app
from asapbench.offer import SPLIT_HEADER


def main() -> None:
    """Run until the lifeline on standard input ends."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    server = uvicorn.Server(
        uvicorn.Config(
            split(app),
            interface="asgi3",
            access_log=False,
            log_level="warning",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
    )
    threading.Thread(target=_end_with_parent, daemon=True).start()
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


def _end_with_parent() -> None:
    # a raw read, not sys.stdin: a buffered reader cannot be finalised while a thread is in it
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
