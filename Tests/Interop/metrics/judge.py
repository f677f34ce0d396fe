"""Judges what processes answer at /metrics, with the parser of Prometheus' own client library.

  judge.py RUNBOOK SOURCES FILE...

FILE holds the answer of a process. It has to be of the text format 0.0.4 and to keep the rules that promtool knows; each
metric has to stand in the table of RUNBOOK, with its labels, and what stands there has to be in a file below SOURCES. Writes a
line for each fault; ends with 1 where there are some.
"""

import collections
import pathlib
import re
import sys

from prometheus_client.parser import text_string_to_metric_families

SERIES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
# Units that are not base units (https://prometheus.io/docs/practices/naming/).
UNITS = re.compile(r"_(ms|milliseconds|us|minutes|hours|kb|mb|kib|mib|percent)(_|$)")
TABLE = re.compile(r"^\| `([a-z_]+)`(?: \{([a-z_, ]*)\})? \|")


def faults_of_lines(text):
    """What the parser forgives: metadata that is missing, or there twice, and series that are there twice."""
    kinds, helps, series = collections.Counter(), collections.Counter(), collections.Counter()
    for line in text.splitlines():
        words = line.split(" ", 3)
        if line.startswith("# TYPE "):
            kinds[words[2]] += 1
        elif line.startswith("# HELP "):
            helps[words[2]] += len(words) == 4 and words[3] != ""
        elif not line.startswith("#"):
            series[line.rsplit(" ", 1)[0]] += 1
    yield from (f"{name}: has no help, or twice" for name in kinds if helps[name] != 1)
    yield from (f"{name}: has two types" for name, count in kinds.items() if count != 1)
    yield from (f"{name}: is there twice" for name, count in series.items() if count != 1)
    if not text.endswith("\n"):
        yield "the last line has no end"


def faults_of_family(name, family):
    """Rules of names and of samples."""
    if family.type not in SERIES:
        yield f"{name}: is of the type {family.type}"
        return
    if (family.type == "counter") != name.endswith("_total"):
        yield f"{name}: counters alone end with _total"
    if UNITS.search(name):
        yield f"{name}: is in no base unit"
    for sample in family.samples:
        stem = name.removesuffix("_total")
        if sample.name not in {stem + suffix for suffix in SERIES[family.type]}:
            yield f"{name}: has a sample {sample.name}"
        if family.type != "gauge" and not sample.value >= 0:
            yield f"{name}: is {sample.value}"
    if family.type == "histogram":
        yield from faults_of_histogram(name, family)


def faults_of_histogram(name, family):
    series = collections.defaultdict(list)
    totals = {}
    for sample in family.samples:
        labels = tuple(sorted(item for item in sample.labels.items() if item[0] != "le"))
        if sample.name.endswith("_bucket"):
            series[labels].append((float(sample.labels["le"]), sample.value))
        elif sample.name.endswith("_count"):
            totals[labels] = sample.value
    for labels, buckets in series.items():
        bounds, counts = zip(*buckets)
        if list(bounds) != sorted(set(bounds)) or bounds[-1] != float("inf") or list(counts) != sorted(counts):
            yield f"{name}{dict(labels)}: the buckets are not in order"
        if counts[-1] != totals.get(labels):
            yield f"{name}{dict(labels)}: the last bucket is not the count"


def labels_of(family):
    """The names of the labels, of any of its samples; all have the same."""
    return {frozenset(set(sample.labels) - {"le"}) for sample in family.samples}


def documented(runbook):
    """The names in the table, with their labels."""
    found = {}
    section = pathlib.Path(runbook).read_text().split("\n## Metrics\n", 1)[1].split("\n## ", 1)[0]
    for line in section.splitlines():
        match = TABLE.match(line)
        if match:
            found[match[1]] = frozenset(name.strip() for name in (match[2] or "").split(",") if name.strip())
    return found


def main(runbook, sources, *files):
    table = documented(runbook)
    code = "".join(path.read_text() for path in sorted(pathlib.Path(sources).rglob("*.swift")) if "Tests" not in path.parts)
    faults = [f"{name}: is in the table and nowhere else" for name in table if f'"{name}"' not in code]
    for file in files:
        text = pathlib.Path(file).read_text()
        found = list(faults_of_lines(text))
        families = list(text_string_to_metric_families(text))
        for family in families:
            name = family.name + ("_total" if family.type == "counter" else "")
            found += faults_of_family(name, family)
            if name not in table:
                found.append(f"{name}: is not in the table")
            elif labels_of(family) - {table[name]}:
                found.append(f"{name}: its labels are not those of the table")
        if len(families) < 5:
            found.append("hardly anything is told")
        faults += [f"{pathlib.Path(file).name}: {fault}" for fault in found]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
