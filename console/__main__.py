"""`python -m console`: the command line, where no entry point is installed."""

from console.cli import main

main()
