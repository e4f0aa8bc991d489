"""Shows that the instrument is right: runs against servers whose truth is known.

A row is what is started, what is true, what was read, and whether that is right.
"""
