"""The charts of each command's page: one module a command, found by its name.

A module has `charts(report) -> list[Chart]`. A command without one gets a page of verdicts, tables
and metrics.
"""
