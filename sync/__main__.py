"""Runs the command line as `python -m sync`, for a checkout that is not installed."""

from sync.cli import main

if __name__ == "__main__":
    main()
