"""Starts the program, deaf to Ctrl-C from the first: what that means, the parent decides."""

import signal

signal.signal(signal.SIGINT, signal.SIG_IGN)

from asapbench.workers.generate.program import main  # noqa: E402 - it takes a second to import

main()
