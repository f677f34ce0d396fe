"""The checker of docs/security/asvs.md finds what is missing, and nothing else."""

import os
import subprocess
import sys
import tempfile
import unittest

SCRIPTS = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, SCRIPTS)

from checks import asvs  # noqa: E402


class AsvsTests(unittest.TestCase):
    def faults(self, change=lambda lines: None):
        """The faults of a document that was complete before a change."""
        lines = {name: f"| {name} | 1 | Something | `SomeTests.holds` |" for name in sorted(asvs.required())}
        change(lines)
        with tempfile.TemporaryDirectory() as root:
            subprocess.run(["git", "init", "-q", root], check=True)
            files = {
                asvs.DOCUMENT: "# Title\n\n" + "\n".join(lines.values()) + "\n",
                "Tests/Some/SomeTests.swift": "@Suite struct SomeTests { @Test func holds() {} }\n",
            }
            for path, text in files.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            return asvs.check(root)

    def one(self, change):
        faults, _ = self.faults(change)
        self.assertEqual(len(faults), 1, faults)
        return faults[0]

    def test_a_complete_document_has_no_fault(self):
        self.assertEqual(self.faults(), ([], []))

    def test_a_test_that_is_gone_is_named(self):
        for test in ("SomeTests.gone", "OtherTests.holds"):
            fault = self.one(lambda lines, test=test: lines.update({"6.1.1": f"| 6.1.1 | 1 | x | `{test}` |"}))
            self.assertIn(f"there is no test {test}", fault)

    def test_every_requirement_is_there_once(self):
        self.assertIn("9.1.2 is missing", self.one(lambda lines: lines.pop("9.1.2")))
        self.assertIn("9.1.2 is there twice", self.one(lambda lines: lines.update({"again": lines["9.1.2"]})))
        self.assertIn(
            "6.9.1 is none", self.one(lambda lines: lines.update({"6.9.1": "| 6.9.1 | 1 | x | Open: y |"})))

    def test_an_answer_is_a_test_or_a_reason(self):
        self.assertIn(
            "neither a test nor a reason", self.one(lambda lines: lines.update({"6.1.1": "| 6.1.1 | 1 | x | yes |"})))
        faults, reserved = self.faults(lambda lines: lines.update({"6.1.1": "| 6.1.1 | 1 | x | Open: later |"}))
        self.assertEqual((faults, reserved), ([], ["6.1.1"]))

    def test_links_lead_somewhere(self):
        fault = self.one(lambda lines: lines.update({"6.1.1": "| 6.1.1 | 1 | x | Document: [a](nowhere.md#b) |"}))
        self.assertIn("there is no nowhere.md", fault)


if __name__ == "__main__":
    unittest.main()
