#!/usr/bin/env python3
"""Checks the pages of a gateway that runs at the given address; see contract/pages.py. Exit status 0 when nothing is wrong."""

import base64
import hashlib
import json
import pathlib
import re
import sys
import urllib.request

sys.dont_write_bytecode = True

from contract import pages  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def policy_faults(policy, scripts):
    """What the Content-Security-Policy lets in that it should not, or does not that it has to."""
    sources = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts]
    found = [] if sources.get("default-src") == "'none'" and sources.get("frame-ancestors") == "'none'" else [
        "has a policy that is open by default"]
    if sources.get("script-src", "").split() != hashes:
        found.append("has another script than its policy lets run")
    return found + [f"may load from {source}" for source in re.findall(r"https?:\S+|\*", policy)]


def main(arguments):
    document = json.loads((ROOT / "openapi.json").read_text())
    paths = ["/", "/docs", "/problems", "/verify", "/reset", *(value["type"] for value in document["x-problems"].values())]
    found = []
    for path in paths:
        with OPENER.open(arguments[0] + path, timeout=60) as answer:
            text = answer.read().decode()
            faults = pages.faults(text) + policy_faults(answer.headers["Content-Security-Policy"], pages.Page(text).scripts)
        if path == "/docs":
            faults += [f"does not show {what}" for what in pages.missing(text, document)]
        found += [f"{path} {fault}" for fault in faults]
    for fault in found:
        print(fault)
    print(f"{len(paths)} pages")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
