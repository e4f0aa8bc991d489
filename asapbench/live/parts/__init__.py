"""What the live view of each command shows of its own: a module each, found by the command's name.

`gauges(seen)` are the numbers that count now. `HEAD` and `COLUMNS` are of the table of the ticks
that are kept: its first column, and of the others the most that fit.
"""
