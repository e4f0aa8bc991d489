"""Times operations: `-m asapbench.workers.operations`, one process a round."""
