"""The checkers of `make lint` find what they are for, and nothing else."""

import os
import subprocess
import sys
import tempfile
import textwrap
import unittest

SCRIPTS = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, SCRIPTS)

from checks import layers, python_sources, sources, tidiness  # noqa: E402


def swift(text):
    return textwrap.dedent(text).lstrip("\n")


class MaskTests(unittest.TestCase):
    def test_comments_and_texts_become_blanks(self):
        text = swift('''
            let a = "try! \\(call("x" + ")")) as!" // try!
            /* try! /* nested */ try! */ let b = #"a"b\\(c)"# + #"\\#("try!")"#
            let c = """
                try! " quote \\(f("}"))
                """ + d
            ''')
        masked = sources.Masked(text).masked
        self.assertEqual(len(masked), len(text))
        self.assertEqual(masked.count("\n"), text.count("\n"))
        self.assertNotIn("try!", masked)
        self.assertNotIn("as!", masked)
        for word in ("let a", "let b", "let c", "+ d"):
            self.assertIn(word, masked)


class FunctionTests(unittest.TestCase):
    def functions(self, text):
        return sources.swift_functions(sources.Masked(swift(text)).masked)

    def test_every_kind_with_a_body_is_found(self):
        found = self.functions('''
            struct A {
                let stored: Int = 3
                var closure: () -> Void = { }
                var computed: Int {
                    1
                }
                init(
                    a: Int = { 3 }()
                ) throws {
                    self.init(a: 3)
                }
                deinit { }
                subscript(i: Int) -> Int { i }
                static func == (l: A, r: A) -> Bool { true }
                func generic<T>(_ t: T) async throws
                    -> T where T: Sendable
                {
                    if true { return t }
                    return t
                }
            }
            protocol P {
                var x: Int { get }
                func f() -> Int
                func g(a: Int)
                init(b: Int)
                func h()
            }
            func last() { let s = "}" }
            ''')
        self.assertEqual(
            [(name, last - first + 1) for name, first, last in found],
            [("computed", 3), ("init", 5), ("deinit", 1), ("subscript", 1), ("==", 1), ("generic", 6), ("x", 1), ("last", 1)])

    def test_long_functions_are_measured(self):
        self.assertEqual(tidiness.swift_lengths("func ok() {\n" + "    work()\n" * 68 + "}\n"), {})
        self.assertEqual(tidiness.swift_lengths("func long() {\n" + "    work()\n" * 69 + "}\n"), {"long": 71})
        self.assertEqual(tidiness.python_lengths("def long():\n" + "    work()\n" * 70), {"long": 71})


class TidyTests(unittest.TestCase):
    def faults(self, text, path="Libs/A/A.swift"):
        return [fault for _, fault in tidiness.swift_faults(path, swift(text))]

    def test_banned_calls(self):
        for text in ('fatalError("x")', "try! f()", "x as! Y", 'print("x")', "Thread.sleep(forTimeInterval: 1)",
                     "usleep(3)", "do { } catch { }"):
            with self.subTest(text):
                self.assertEqual(len(self.faults(text)), 1)
                self.assertEqual(self.faults(text, "Tests/A/A.swift"), [])
                self.assertEqual(self.faults(text, "Libs/ATesting/A.swift"), [])

    def test_look_alikes_are_allowed(self):
        for text in ("try? f()", "x as? Y", "log.print(1)", "try await loop.sleep(for: t)", "let fatalErrorCount = 1",
                     '// fatalError("x")', 'let s = "try! as! print("', "do { } catch { /* why */ }"):
            with self.subTest(text):
                self.assertEqual(self.faults(text), [])

    def test_unchecked_sendable_needs_its_proof(self):
        proof = "// Sendable: every member is immutable.\n"
        declaration = "final class A: @unchecked Sendable {}\n"
        self.assertEqual(len(self.faults(declaration)), 1)
        self.assertEqual(len(self.faults("/// Documentation.\n" + declaration)), 1)
        self.assertEqual(len(self.faults(proof + "\n" + declaration)), 1)
        self.assertEqual(self.faults(proof + declaration), [])
        self.assertEqual(self.faults(proof + "@safe\n" + declaration), [])
        self.assertEqual(self.faults("// A: @unchecked Sendable would be wrong.\n"), [])

    def test_types_that_cross_a_target_are_documented(self):
        for declaration in ("package struct A {}", "package final class A {}", "@safe package actor A {}", "package enum A {}"):
            with self.subTest(declaration):
                self.assertEqual(len(self.faults(f"import B\n\n{declaration}\n")), 1)
                self.assertEqual(self.faults(f"/// What it is.\n{declaration}\n"), [])
                self.assertEqual(self.faults(f"/// What it is.\n@safe\n{declaration}\n"), [])
        self.assertEqual(self.faults("struct A {}\nenum B {}\n"), [])

    def test_members_that_cross_a_target_are_documented(self):
        for declaration in (
                "package func f() {}", "@discardableResult package static func f() {}", "package mutating func f() {",
                "package var a: Int { 1 }", "package static let a = 1", "package nonisolated(unsafe) static var a = 1",
                "package typealias A = B", "package subscript(name: String) -> Int {"):
            with self.subTest(declaration):
                self.assertEqual(len(self.faults(f"}}\n\n{declaration}\n")), 1)
                self.assertEqual(self.faults(f"/// What it is.\n@inlinable @inline(__always)\n{declaration}\n"), [])
                self.assertEqual(self.faults(f"// The group.\npackage static let b = 1\n{declaration}\n"), [])
        for declaration in (
                "package init() {}", "package let a: Int", "package private(set) var a = 1", "package var a: Int = 1",
                "package var description: String { text }", "func f() {}",
                "package static func < (a: A, b: A) -> Bool {", "package var a = 1 { didSet { f() } }"):
            with self.subTest(declaration):
                self.assertEqual(self.faults(f"}}\n\n{declaration}\n"), [])

    def test_what_a_protocol_asks_for_is_documented_there(self):
        text = "protocol P: Q {\n    func f()\n    var a: Int { get }\n    associatedtype B\n}\nfunc g() {}\n"
        self.assertEqual(tidiness.protocol_requirements(text), {"f", "a", "B"})

    def test_unfinished_work_and_personal_keys(self):
        self.assertEqual(len(self.faults("// TODO: later")), 1)
        self.assertEqual(len(self.faults("// FIXME")), 1)
        self.assertEqual(self.faults('let todo = "todo"'), [])
        self.assertEqual(len(self.faults('let k = LogKey("user_email")')), 1)
        self.assertEqual(self.faults('let k = LogKey("user_id")'), [])

    def test_the_ratchet_only_shrinks(self):
        self.assertEqual(tidiness.ratchet_faults({"a.swift": 700}, {"a.swift": 700}), [])
        for found, allowed, word in (
                ({"a.swift:f": 71}, {}, "the limit is 70"), ({"a.swift": 601}, {}, "the limit is 600"),
                ({"a.swift": 701}, {"a.swift": 700}, "may not grow"), ({"a.swift": 699}, {"a.swift": 700}, "lower"),
                ({}, {"a.swift": 700}, "remove")):
            with self.subTest(word):
                faults = tidiness.ratchet_faults(found, allowed)
                self.assertEqual(len(faults), 1)
                self.assertIn(word, faults[0])

    def test_a_whole_tree(self):
        with tempfile.TemporaryDirectory() as root:
            subprocess.run(["git", "init", "-q", root], check=True)
            for path, text in (
                    ("Libs/A/A.swift", "try! f()\n"), ("Libs/A/Generated/G.swift", "try! f()\n"),
                    ("scripts/run", "#!/usr/bin/python3\n# TODO\n"), ("scripts/checks/ratchet.json", "{}"),
                    (".gitignore", "ignored/\n"), ("ignored/x.swift", "// TODO\n"),
                    ("Libs/A/Long.swift", "let a = 1\n" * 601)):
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            faults = tidiness.check(root)
        self.assertEqual([fault.split(":")[0] for fault in faults], ["Libs/A/A.swift", "scripts/run", "Libs/A/Long.swift"])


class LayerTests(unittest.TestCase):
    def target(self, name, path, dependencies=(), kind="regular", **imports):
        target = layers.Target(name, kind, path, list(dependencies))
        for module, prefix in imports.items():
            *attributes, access = ("", *prefix.split())[-2:] if prefix else ("", "")
            target.imports[module] = [(f"{path}/A.swift", 1, access, " ".join(attributes))]
        return target

    def faults(self, *targets):
        return layers.check(list(targets))

    def test_a_sound_package_has_no_faults(self):
        self.assertEqual(self.faults(
            self.target("CX", "Libs/CX"), self.target("X", "Libs/X", ["CX"], CX="internal", Synchronization=""),
            self.target("Money", "Libs/Money"),
            self.target("AuthDomain", "Services/AuthService/Domain", ["Money"], Money=""),
            self.target("auth-service", "Services/AuthService/Main", ["AuthDomain"], AuthDomain=""),
            self.target("program", "Services/Program", kind="executable"),
            self.target("XTests", "Tests/XTests", ["X", "program"], "test", X="@testable ", Foundation="")), [])

    def test_each_rule(self):
        c = self.target("CX", "Libs/CX")
        x = self.target("X", "Libs/X", ["CX"], CX="")
        postgres = self.target("Postgres", "Libs/Postgres")
        cases = {
            "does not stand above": (self.target("A", "Libs/A", ["B"], B=""), self.target("B", "Libs/B")),
            "does not exist": (self.target("A", "Libs/A", ["B"]),),
            "does not declare": (self.target("A", "Libs/A"), self.target("B", "Libs/B", [], A="")),
            "does not import it": (self.target("A", "Libs/A"), self.target("B", "Libs/B", ["A"], Glibc="")),
            "do without": (self.target("A", "Libs/A", [], Foundation=""),),
            "is imported by X, Y": (c, x, self.target("Y", "Libs/Y", ["CX"], CX="")),
            "outside of Libs": (c, self.target("S", "Services/S", ["CX"], CX="")),
            "C stays inside": (c, self.target("X", "Libs/X", ["CX"], CX="package")),
            "a domain knows values": (
                postgres, self.target("AuthDomain", "Services/AuthService/Domain", ["Postgres"], Postgres="")),
            "a use case does not know": (
                postgres, self.target("AuthApplication", "Services/AuthService/Application", ["Postgres"], Postgres="")),
            "another one's code": (
                self.target("AuthAPI", "Services/AuthService/API"),
                self.target("ExpenseAPI", "Services/ExpenseService/API", ["AuthAPI"], AuthAPI="")),
            "@testable is for tests": (
                self.target("A", "Libs/A"), self.target("B", "Libs/B", ["A"], A="@testable internal")),
        }
        for words, targets in cases.items():
            with self.subTest(words):
                faults = self.faults(*targets)
                self.assertEqual(len(faults), 1, faults)
                self.assertIn(words, faults[0])

    def test_imports_are_read_as_swift_reads_them(self):
        text = swift('''
            import A
            internal import B
            @testable package import C
            import struct D.Thing
              @preconcurrency import E
            // import F
            let s = "import G"
            ''')
        found = {match["module"]: ((match["access"] or "").strip(), match["attributes"].strip())
                 for match in layers.IMPORT.finditer(sources.Masked(text).masked)}
        self.assertEqual(found, {
            "A": ("", ""), "B": ("internal", ""), "C": ("package", "@testable"), "D": ("", ""),
            "E": ("", "@preconcurrency")})


class PythonTests(unittest.TestCase):
    def test_faults_of_python_sources(self):
        for text, count in (
                ("import os\n", 1), ("import os\nos.getpid()\n", 0), ("def f(:\n", 1), ("x = y\n", 1),
                ("def f(a, *b, c=1, **d):\n    return a, b, c, d\n", 0), ("try:\n    pass\nexcept:\n    pass\n", 1),
                ("match 1:\n    case [a, *b]:\n        print(a, b)\n", 0),
                ("print([x for x in (1,)], f'{__file__}')\n", 0)):
            with self.subTest(text):
                self.assertEqual(len(python_sources.faults_of("a.py", text)), count)


if __name__ == "__main__":
    unittest.main()
