#!/usr/bin/env python3
"""Checks that openapi.json, or the file that is named, tells all that a client has to know; see contract/completeness.py.

Needs jsonschema: run it by .venv/bin/python. Exit status 0 when nothing is missing.
"""

import json
import pathlib
import sys

sys.dont_write_bytecode = True

from contract.completeness import Completeness  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main(arguments):
    path = pathlib.Path(arguments[0]) if arguments else ROOT / "openapi.json"
    problems = json.loads((ROOT / "Libs/Contracts/problems.json").read_text())
    faults = Completeness(json.loads(path.read_text()), problems).check()
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
