"""`scripts/check-events` refuses what breaks a shipped event, and nothing else."""

import contextlib
import copy
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

SCRIPTS = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, SCRIPTS)

from checks import events  # noqa: E402

ORDER = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:florin:event:shop:order_placed:v1",
    "title": "shop.order_placed.v1",
    "description": "An order was placed.",
    "type": "object",
    "required": ["user_id", "kind", "total", "lines"],
    "properties": {
        "user_id": {"type": "string", "format": "uuid", "description": "The user."},
        "kind": {"type": "string", "enum": ["web", "shop"]},
        "note": {"type": "string", "maxLength": 100, "minLength": 2},
        "code": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "free": {"type": "string"},
        "count": {"type": "integer", "minimum": 1, "maximum": 10},
        "total": {
            "type": "object", "required": ["amount"],
            "properties": {"amount": {"type": "string", "maxLength": 20}, "currency": {"type": "string"}}},
        "lines": {"type": "array", "items": {
            "type": "object", "required": ["name"], "properties": {"name": {"type": "string", "maxLength": 20}}}},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "additionalProperties": True,
}


def changed(change):
    schema = copy.deepcopy(ORDER)
    change(schema, schema["properties"])
    return schema


def put(container, *path_and_value):
    *path, last, value = path_and_value
    for key in path:
        container = container[key]
    container[last] = value


def drop(container, *path):
    for key in path[:-1]:
        container = container[key]
    del container[path[-1]]


class CompareTests(unittest.TestCase):
    def faults(self, change):
        return events.compare(events.canonical(ORDER), changed(change))

    def test_what_breaks_is_refused_and_named(self):
        cases = {
            "a required field is removed": (
                lambda s, p: (drop(p, "kind"), s["required"].remove("kind")), "kind", "gone"),
            "an optional field is removed": (lambda s, p: drop(p, "note"), "note", "gone"),
            "a field of an object is removed": (
                lambda s, p: drop(p, "total", "properties", "currency"), "total.currency", "gone"),
            "a field of a list's objects is removed": (
                lambda s, p: (drop(p, "lines", "items", "properties", "name"), put(p, "lines", "items", "required", [])),
                "lines[].name", "gone"),
            "a type is another": (lambda s, p: put(p, "count", {"type": "string"}), "count", "type was integer"),
            "a type of elements is another": (
                lambda s, p: put(p, "tags", "items", "type", "integer"), "tags[]", "type was string"),
            "a list is no list any more": (lambda s, p: put(p, "tags", {"type": "string"}), "tags", "type was array"),
            "a field becomes required": (lambda s, p: s["required"].append("note"), "note", "become required"),
            "a new field is required": (
                lambda s, p: (put(p, "added", {"type": "string"}), s["required"].append("added")), "added", "new and required"),
            "a new field of an object is required": (
                lambda s, p: (put(p, "total", "properties", "tax", {"type": "string"}),
                              put(p, "total", "required", ["amount", "tax"])), "total.tax", "new and required"),
            "a field is no longer required": (lambda s, p: s["required"].remove("kind"), "kind", "no longer required"),
            "a value of an enumeration is removed": (
                lambda s, p: put(p, "kind", "enum", ["web"]), "kind", "value shop is gone"),
            "an enumeration appears": (lambda s, p: put(p, "free", "enum", ["a"]), "free", "is an enumeration"),
            "a pattern changes": (lambda s, p: put(p, "code", "pattern", "^[A-Z]{2}$"), "code", "pattern"),
            "a pattern appears": (lambda s, p: put(p, "free", "pattern", "^[a-z]{2}$"), "free", "pattern"),
            "a pattern goes": (lambda s, p: drop(p, "code", "pattern"), "code", "pattern"),
            "a format changes": (lambda s, p: put(p, "user_id", "format", "date"), "user_id", "format"),
            "a format goes": (lambda s, p: drop(p, "user_id", "format"), "user_id", "format"),
            "a length shrinks": (lambda s, p: put(p, "note", "maxLength", 99), "note", "maxLength"),
            "a length is limited": (lambda s, p: put(p, "free", "maxLength", 1000), "free", "maxLength"),
            "a length of an element shrinks": (
                lambda s, p: put(p, "lines", "items", "properties", "name", "maxLength", 19), "lines[].name", "maxLength"),
            "a least length grows": (lambda s, p: put(p, "note", "minLength", 3), "note", "minLength"),
            "a least length appears": (lambda s, p: put(p, "free", "minLength", 1), "free", "minLength"),
            "a minimum grows": (lambda s, p: put(p, "count", "minimum", 2), "count", "minimum"),
            "a maximum shrinks": (lambda s, p: put(p, "count", "maximum", 9), "count", "maximum"),
            "unknown fields are refused": (lambda s, p: put(s, "additionalProperties", False), "the event", "additionalProperties"),
            "the event is called otherwise": (lambda s, p: put(s, "$id", "urn:other"), "the event", "$id"),
            "a keyword nobody knows appears": (lambda s, p: put(p, "free", "const", "a"), "free", "const"),
        }
        for name, (change, field, words) in cases.items():
            with self.subTest(name):
                faults = self.faults(change)
                self.assertEqual([fault[0] for fault in faults], [field])
                self.assertIn(words, faults[0][1])

    def test_what_both_sides_can_read_is_allowed(self):
        cases = {
            "nothing": lambda s, p: None,
            "texts": lambda s, p: (put(s, "description", "Other."), put(p, "note", "description", "x"), drop(s, "title")),
            "the order of fields": lambda s, p: (put(s, "properties", dict(reversed(p.items()))), s["required"].reverse()),
            "the order of values": lambda s, p: put(p, "kind", "enum", ["shop", "web"]),
            "a new optional field": lambda s, p: put(p, "added", {"type": "string", "maxLength": 3}),
            "a new optional field of an object": lambda s, p: put(p, "total", "properties", "tax", {"type": "string"}),
            "a new optional object with required fields": lambda s, p: put(
                p, "added", {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}),
            "a new value of an enumeration": lambda s, p: p["kind"]["enum"].append("phone"),
            "an enumeration that opens": lambda s, p: drop(p, "kind", "enum"),
            "looser lengths and bounds": lambda s, p: (
                put(p, "note", "maxLength", 101), put(p, "note", "minLength", 1), put(p, "count", "minimum", 0),
                drop(p, "count", "maximum")),
        }
        for name, change in cases.items():
            with self.subTest(name):
                self.assertEqual(self.faults(change), [])

    def test_several_changes_are_all_named(self):
        faults = self.faults(lambda s, p: (drop(p, "note"), put(p, "code", "pattern", "^x$"), put(p, "count", "minimum", 5)))
        self.assertEqual(sorted(fault[0] for fault in faults), ["code", "count", "note"])


class TreeTests(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)
        self.write(ORDER)

    def write(self, schema, major=1):
        folder = os.path.join(self.root, "events/shop-events/order_placed")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, f"v{major}.schema.json"), "w", encoding="utf-8") as file:
            json.dump(schema, file)

    def run_script(self, *arguments):
        return subprocess.run(
            [os.path.join(SCRIPTS, "check-events"), "--root", self.root, *arguments], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, universal_newlines=True, check=False)

    def test_what_was_never_shipped_is_free(self):
        self.assertIn("not shipped yet", self.run_script().stdout)
        self.write(changed(lambda s, p: drop(p, "note")))
        self.assertEqual(self.run_script().returncode, 0)

    def test_a_shipped_event_is_kept(self):
        self.assertIn("events/shipped/shop.order_placed.v1.json written", self.run_script("--ship").stdout)
        quiet = self.run_script()
        self.assertEqual((quiet.returncode, quiet.stdout, quiet.stderr), (0, "", ""))
        self.write(changed(lambda s, p: drop(p, "note")))
        for arguments in ([], ["--ship"]):
            refused = self.run_script(*arguments)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("events/shop-events/order_placed/v1.schema.json: note: it is gone", refused.stderr)
        self.write(ORDER)
        self.assertEqual(self.run_script().returncode, 0)

    def test_what_has_grown_and_is_shipped_again_is_kept_too(self):
        self.run_script("--ship")
        self.write(changed(lambda s, p: put(p, "added", {"type": "string"})))
        self.assertIn("has grown", self.run_script().stdout)
        self.run_script("--ship")
        self.write(ORDER)
        self.assertIn("added: it is gone", self.run_script().stderr)

    def test_a_new_major_stands_beside_the_old_one(self):
        self.run_script("--ship")
        second = changed(lambda s, p: (drop(p, "note"), put(s, "$id", "urn:florin:event:shop:order_placed:v2")))
        self.write(second, major=2)
        self.assertEqual(self.run_script().returncode, 0)
        os.remove(os.path.join(self.root, "events/shop-events/order_placed/v1.schema.json"))
        self.assertIn("has no schema any more", self.run_script().stderr)


class RepositoryTests(unittest.TestCase):
    def test_the_events_of_this_repository_hold(self):
        with contextlib.redirect_stdout(io.StringIO()):
            faults, _ = events.check()
        self.assertEqual(faults, [])

    def test_every_shipped_event_would_be_missed(self):
        """Removing any one field, or any one event, is noticed."""
        schemas = events.present()
        self.assertTrue(schemas)
        for path, schema in schemas.items():
            for name in schema["properties"]:
                smaller = copy.deepcopy(schema)
                del smaller["properties"][name]
                with self.subTest(f"{path} {name}"):
                    self.assertIn((name, "it is gone"), events.compare(events.canonical(schema), smaller))


if __name__ == "__main__":
    unittest.main()
