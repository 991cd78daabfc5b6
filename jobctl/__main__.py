"""`python -m jobctl` is the command `jobctl`."""

import sys

from jobctl.cli import main

if __name__ == "__main__":
    sys.exit(main())
