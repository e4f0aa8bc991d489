"""Run the program."""

from asapbench.workers.operations.program import main

if __name__ == "__main__":
    main()
