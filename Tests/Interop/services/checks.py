"""Runs named checks and tells of each: "ok NAME" or "FAIL NAME: why" in lines, last "N checks"."""

import sys
import time
import traceback

PATIENCE = 90


class Checks:
    def __init__(self):
        self._checks = []

    def add(self, function):
        """Registers a check, by decoration; checks run in the order of their registration."""
        self._checks.append(function)
        return function

    def run(self, subject):
        """Runs all on the subject; returns the exit status."""
        failed = 0
        for check in self._checks:
            try:
                check(subject)
            except Exception as error:
                failed += 1
                place = traceback.extract_tb(error.__traceback__)[-1]
                why = str(error).replace("\n", " ")
                print(f"FAIL {check.__name__}: {type(error).__name__} {why:.600} ({place.filename}:{place.lineno})")
            else:
                print(f"ok {check.__name__}")
        print(f"{len(self._checks)} checks")
        sys.stdout.flush()
        return 1 if failed else 0


def eventually(read, holds, what):
    """Reads until it holds; returns what was read last."""
    end = time.monotonic() + PATIENCE
    while True:
        value = read()
        if holds(value):
            return value
        assert time.monotonic() < end, f"still waiting for {what}; last: {value!r:.300}"
        time.sleep(0.05)
