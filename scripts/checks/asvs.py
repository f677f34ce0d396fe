"""Checks docs/security/asvs.md: every requirement of levels 1 and 2 that it is to answer is there once, and every test that it
names exists.

A line's last cell says how the requirement is met: by tests (`Suite.test` in backquotes), or it begins with one of the words of
`REASONS`. Links and paths must exist.
"""

import os
import re

from . import sources

DOCUMENT = "docs/security/asvs.md"
REASONS = ("Document:", "Does not apply:", "Deviation:", "Open:")
# OWASP ASVS 5.0.0, levels 1 and 2: how many requirements each section begins with. Those of level 3 come last in each section but
# where the numbers are listed.
SECTIONS = {
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4,
    "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2,
    "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1,
    "9.1": 3, "9.2": 4,
    "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3,
    "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1,
    # What touches identity.
    "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3,
}
LINE = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([12]) \| (.+?) \| (.+) \|$")
TEST = re.compile(r"`([A-Z]\w*)\.(\w+)`")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
SUITE = re.compile(r"\b(?:struct|class|actor|enum|extension) (\w+)")
FUNCTION = re.compile(r"\bfunc (\w+)")


def required():
    return {f"{section}.{number}" for section, count in SECTIONS.items() for number in range(1, count + 1)}


def tests(root):
    """The functions in the same file as each suite: `Suite.function`."""
    found = set()
    for path in sources.files(root):
        if path.startswith("Tests/") and path.endswith(".swift"):
            text = sources.read(path, root)
            functions = FUNCTION.findall(text)
            found.update(f"{suite}.{name}" for suite in SUITE.findall(text) for name in functions)
    return found


def check(root=sources.ROOT):
    """Faults, and how many requirements are deviated from or open."""
    text = sources.read(DOCUMENT, root)
    faults, seen, reserved = [], [], []
    known = tests(root)
    for number, line in enumerate(text.splitlines(), 1):
        faults += [
            f"{DOCUMENT}:{number}: there is no {path}" for path in LINK.findall(line)
            if "://" not in path and not os.path.exists(os.path.join(root, os.path.dirname(DOCUMENT), path))]
        match = LINE.match(line)
        if not match:
            if re.match(r"^\| \d", line):
                faults.append(f"{DOCUMENT}:{number}: not of the form | number | level | requirement | answer |")
            continue
        seen.append(match[1])
        answer = match[4]
        named = [f"{suite}.{name}" for suite, name in TEST.findall(answer)]
        faults += [f"{DOCUMENT}:{number}: there is no test {name}" for name in named if name not in known]
        if not named and not answer.startswith(REASONS):
            faults.append(f"{DOCUMENT}:{number}: {match[1]} names neither a test nor a reason")
        if answer.startswith(("Deviation:", "Open:")):
            reserved.append(match[1])
    faults += [f"{DOCUMENT}: {name} is there twice" for name in sorted({name for name in seen if seen.count(name) > 1})]
    faults += [f"{DOCUMENT}: {name} is missing" for name in sorted(required() - set(seen))]
    faults += [f"{DOCUMENT}: {name} is none that it is to answer" for name in sorted(set(seen) - required())]
    return faults, reserved
