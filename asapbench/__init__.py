"""Benchmarks for agents that speak ASAP, with a verdict that can be trusted."""

__version__ = "0.1.0"
