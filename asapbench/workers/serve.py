"""Serve an ASGI app on a socket that the parent has bound: `-m asapbench.workers.serve FD`."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading

import uvicorn

APP = "asap.transport.server:app"


def main() -> None:
    """Run until the lifeline on standard input ends."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    server = uvicorn.Server(
        uvicorn.Config(
            APP, access_log=False, log_level="warning", lifespan="off", timeout_graceful_shutdown=1
        )
    )
    threading.Thread(target=_end_with_parent, daemon=True).start()
    server.run(sockets=[listener])


def _end_with_parent() -> None:
    # a raw read, not sys.stdin: a buffered reader cannot be finalised while a thread is in it
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
