"""Judges what processes wrote to standard error.

  judge.py RUNBOOK SOURCES FILE...

FILE holds the log of a process. Each of its lines has to be a JSON object of at most 4096 bytes that begins with what all lines
have; each field has to stand in a table of RUNBOOK below "Log lines", and what stands in the first of these has to be in a file
below SOURCES. Writes a line for each fault; ends with 1 where there are some.
"""

import json
import pathlib
import re
import sys

FIRST = ["time", "level", "service", "message"]
LEVELS = {"trace", "debug", "info", "notice", "warning", "error", "critical"}
FORMS = {
    "time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
    "trace_id": re.compile(r"[0-9a-f]{32}"),
    "request_id": re.compile(r"[0-9A-Za-z._:-]{1,128}"),
    "user_id": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
}
SECTIONS = ("## Log lines", "## The access log")


def documented(runbook, title):
    """The fields in the tables of a section, each with a row of its own or with others in one."""
    section = pathlib.Path(runbook).read_text().split(f"\n{title}\n", 1)[1].split("\n## ", 1)[0]
    rows = (line.split("|")[1] for line in section.splitlines() if line.startswith("| `"))
    return {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}


def members(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError("a field is there twice")
    return dict(pairs)


def faults_of_line(line, fields):
    if len(line.encode()) > 4095:
        yield "is too long"
    try:
        entry = json.loads(line, object_pairs_hook=members)
    except ValueError as error:
        yield f"is no JSON object: {error}"
        return
    if list(entry)[: len(FIRST)] != FIRST or entry["level"] not in LEVELS:
        yield "does not begin as all lines do"
    yield from (f"{name} is not in the runbook" for name in entry if name not in fields)
    for name, form in FORMS.items():
        if name in entry and not (isinstance(entry[name], str) and form.fullmatch(entry[name])):
            yield f"{name} is {entry[name]!r}"


def main(runbook, sources, *files):
    common, access = (documented(runbook, title) for title in SECTIONS)
    code = "".join(path.read_text() for path in sorted(pathlib.Path(sources, "Libs/Observability").rglob("*.swift")))
    faults = [f"{name}: is in the runbook and nowhere else" for name in common | access if f'"{name}' not in code]
    for file in files:
        lines = pathlib.Path(file).read_text().split("\n")
        # The last one may be incomplete, or is empty.
        found = {f"{line[:300]}: {fault}" for line in lines[:-1] for fault in faults_of_line(line, common | access)}
        if len(lines) < 5:
            found.add("hardly anything is told")
        faults += [f"{pathlib.Path(file).name}: {fault}" for fault in sorted(found)]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
