"""The table of problems: Libs/Contracts/problems.json becomes Swift and the registry of the OpenAPI document."""

import json
import re

from .descriptors import GeneratorError
from .swift_text import string

SOURCE = "Libs/Contracts/problems.json"
REQUEST_ID = "019aa1b2-0000-7000-8000-000000000001"
MEMBERS = ("code", "status", "title", "text", "remedy")


def load(root):
    """The entries in the order of their codes."""
    entries = json.loads((root / SOURCE).read_text())
    for entry in entries:
        if tuple(entry) != MEMBERS:
            raise GeneratorError(f"{SOURCE}: an entry has the members {', '.join(MEMBERS)}, not {', '.join(entry)}")
        if not re.fullmatch("[a-z][a-z0-9_]*", entry["code"]):
            raise GeneratorError(f"{SOURCE}: {entry['code']} is not in snake case")
        if not 400 <= entry["status"] <= 599 or not entry["title"] or not all(
                entry[name].endswith(".") for name in ("text", "remedy")):
            raise GeneratorError(f"{SOURCE}: {entry['code']} has a status of 400 to 599, a title, and sentences as text and remedy")
    codes = [entry["code"] for entry in entries]
    if codes != sorted(set(codes)):
        raise GeneratorError(f"{SOURCE}: codes are unique and sorted")
    return entries


def example(entry):
    """A problem as a client reads it."""
    result = {
        "type": f"/problems/{entry['code']}", "title": entry["title"], "status": entry["status"],
        "detail": entry["text"], "instance": "/v1/expenses", "code": entry["code"], "request_id": REQUEST_ID,
    }
    if entry["code"] in ("service_unavailable", "timeout"):
        result["dependency"] = "expense"
    if entry["code"] == "validation_failed":
        result["detail"] = "amount.currency is required."
        result["errors"] = [{"field": "amount.currency", "code": "required", "message": "is required"}]
    if entry["code"] == "invalid_request":
        result["detail"] = "colour is not a parameter of this request."
        result["errors"] = [{"field": "colour", "code": "unknown_field", "message": "is not a parameter of this request"}]
    return result


def swift(entries):
    lines = [
        f"ProblemEntry(code: {string(entry['code'])}, status: {entry['status']}, "
        f"title: {string(entry['title'])}, text: {string(entry['text'])}, remedy: {string(entry['remedy'])}, "
        f"example: {string(json.dumps(example(entry), indent=2, ensure_ascii=False))}),\n"
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
            "description": entry["text"], "remedy": entry["remedy"],
        }
        for entry in entries
    }
