"""Programs run with `python -m`, one job each; nothing imports them."""
