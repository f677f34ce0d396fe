"""The table of problems: Libs/Contracts/problems.json becomes Swift and the registry of the OpenAPI document."""

import json
import re

from .descriptors import GeneratorError
from .swift_text import string

SOURCE = "Libs/Contracts/problems.json"
MEMBERS = ("code", "status", "title", "text")


def load(root):
    """The entries in the order of their codes."""
    entries = json.loads((root / SOURCE).read_text())
    for entry in entries:
        if tuple(entry) != MEMBERS:
            raise GeneratorError(f"{SOURCE}: an entry has the members {', '.join(MEMBERS)}, not {', '.join(entry)}")
        if not re.fullmatch("[a-z][a-z0-9_]*", entry["code"]):
            raise GeneratorError(f"{SOURCE}: {entry['code']} is not in snake case")
        if not 400 <= entry["status"] <= 599 or not entry["title"] or not entry["text"].endswith("."):
            raise GeneratorError(f"{SOURCE}: {entry['code']} has a status of 400 to 599, a title, and sentences as text")
    codes = [entry["code"] for entry in entries]
    if codes != sorted(set(codes)):
        raise GeneratorError(f"{SOURCE}: codes are unique and sorted")
    return entries


def swift(entries):
    lines = [
        f"ProblemEntry(code: {string(entry['code'])}, status: {entry['status']}, "
        f"title: {string(entry['title'])}, text: {string(entry['text'])}),\n"
        for entry in entries
    ]
    return (
        "extension ProblemEntry {\n"
        "    /// Every problem of the API, in the order of the codes.\n"
        f"    package static let all: [ProblemEntry] = [\n{''.join(lines)}]\n"
        "}\n")


def registry(entries):
    """What the OpenAPI document says of each code."""
    return {
        entry["code"]: {
            "type": f"/problems/{entry['code']}", "status": entry["status"], "title": entry["title"],
            "description": entry["text"],
        }
        for entry in entries
    }
