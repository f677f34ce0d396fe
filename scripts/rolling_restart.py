#!/usr/bin/python3
"""Restarts every process under load: see `scripts/rolling_restart.py --help` and docs/reliability.md."""

import sys

sys.dont_write_bytecode = True

from rolling.suite import main  # noqa: E402  (no bytecode files in the source tree)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
