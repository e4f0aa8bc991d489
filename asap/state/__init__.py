"""How the state of a task may change."""
