"""The charts of each command's page: one module a command, found by its name.

A module has `charts(report) -> list[Chart]`.
"""
