"""Long simulations of what a verdict promises: `make prove`."""
