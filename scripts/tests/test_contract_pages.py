"""The checker of pages finds what is wrong with one, and nothing else."""

import os
import sys
import unittest

SCRIPTS = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, SCRIPTS)

import check_pages  # noqa: E402
from contract import pages  # noqa: E402

WHOLE = """<!DOCTYPE html>
<html lang="en"><head><meta name="viewport" content="width=device-width"><title>A</title>
<style>:root { --ink: #111; --paper: #fff }</style></head>
<body><nav><h2>Contents</h2><a href="#b">B</a></nav>
<main><h1>A</h1><h2 id="b">B</h2><table><tr><th scope="col">C</th></tr></table>
<label for="d">D</label><input id="d"><a href="/e">E</a></main></body></html>
"""


class PageTests(unittest.TestCase):
    def test_a_whole_page_has_no_faults(self):
        self.assertEqual(pages.faults(WHOLE), [])

    def test_each_fault_is_found(self):
        for old, new, fault in (
                ("<!DOCTYPE html>\n", "", "has no doctype"),
                (' lang="en"', "", "does not say its language"),
                ('name="viewport"', 'name="other"', "is not for small screens"),
                ("<title>A</title>", "", "has no title"),
                ("<main>", "<div>", "has no main part"),
                ("<h1>A</h1>", "<h2>A</h2>", "does not begin with one heading"),
                ('<h2 id="b">', '<h3 id="b">', "leaves out a level of headings"),
                ('id="d"', 'id="b"', "has two elements of one id"),
                (' scope="col"', "", "has a table whose heads say nothing"),
                ('for="d"', 'for="x"', "has a field without a label"),
                ('"/e"', '"https://example.org/"', "leads elsewhere by <a href=https://example.org/>"),
                ('"/e"', '"//example.org/"', "leads elsewhere by <a href=//example.org/>"),
                ('"/e"', '"#f"', "leads to #f, which is not there"),
                ('<a href="/e"', '<a onclick="f()" href="/e"', "has a script in <a onclick>"),
                ("</style>", "body { background: url(a.png) }</style>", "has a style that is elsewhere"),
                ("--ink: #111", "--ink: #999", "has ink on paper that is too faint")):
            self.assertIn(old, WHOLE)
            self.assertIn(fault, pages.faults(WHOLE.replace(old, new)), fault)

    def test_what_a_page_does_not_show_is_found(self):
        document = {
            "paths": {"/a": {"get": {"operationId": "getA", "summary": "One `A`", "responses": {"200": {}}, "parameters": []}}},
            "components": {"schemas": {"A": {}}, "parameters": {}}, "x-problems": {"p": {"type": "/problems/p"}},
        }
        shown = ('<details id="getA">get /a One A 200</details><details id="schema-A"></details>'
                 '<a href="/problems/p">p</a>')
        self.assertEqual(pages.missing(shown, document), [])
        for part, what in (("200", "getA: 200"), ("schema-A", "the schema A"), ("/problems/p", "the problem p")):
            self.assertEqual(pages.missing(shown.replace(part, "x"), document), [what])

    def test_a_policy_lets_in_the_one_script(self):
        closed = "default-src 'none'; frame-ancestors 'none'"
        self.assertEqual(check_pages.policy_faults(closed, []), [])
        self.assertTrue(check_pages.policy_faults(closed, ["f()"]))
        self.assertTrue(check_pages.policy_faults(closed + "; script-src 'unsafe-inline'", ["f()"]))
        self.assertTrue(check_pages.policy_faults("default-src *; frame-ancestors 'none'", []))


if __name__ == "__main__":
    unittest.main()
