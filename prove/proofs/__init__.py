"""The proofs, one module each with a TITLE and `prove(seed)`: found, never listed."""
