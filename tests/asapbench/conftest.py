"""Holds for all tests of asapbench."""

import tests.untimed  # noqa: F401 - what it loads
