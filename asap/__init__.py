"""ASAP, the Async Simple Agent Protocol: models, states, discovery and the JSON-RPC transport."""

__version__ = "0.1.0"

# The published package has the same import name: this is how asapbench tells them apart.
__implementation__ = "asapbench"
