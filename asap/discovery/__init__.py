"""How agents find out about each other."""
