"""Does a process grow with the requests that it serves? From readings between cycles of them.

Pure, but for what runs inside the process that is measured: `meters`, `asked` and `trace`.
"""
