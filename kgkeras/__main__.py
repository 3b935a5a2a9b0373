"""`python -m kgkeras`: the command line."""

import sys

from kgkeras.cli import main

if __name__ == "__main__":
    sys.exit(main())
