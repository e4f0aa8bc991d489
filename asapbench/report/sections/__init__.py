"""What each command shows of its own on a terminal: a module each, found by the command's name.

`tables(report, console)` are drawn above the verdicts, `totals(report)` are the lines beside them
(label, value), `appendix(report)` comes below.
"""
