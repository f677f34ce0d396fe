"""What `scripts/tidy` checks: lengths with a ratchet, banned calls, proofs of `@unchecked Sendable`, documentation of what
crosses a target, unfinished work."""

import ast
import json
import re

from . import sources

LONGEST_FUNCTION = 70
LONGEST_FILE = 600
RATCHET = "scripts/checks/ratchet.json"

# pattern -> what to do instead; in Libs/ and Services/, outside of test kits.
BANNED = {
    r"\bfatalError\s*\(": "throw, or preconditionFailure with the reason for our own faults",
    r"\btry!": "handle the error",
    r"\bas!": "use as? and handle nil",
    r"(?<![.\w])print\s*\(": "use Logger",
    r"\bThread\.sleep\b": "wait for a condition, or use EventLoop.sleep",
    r"\b(?:usleep|nanosleep)\s*\(|\bGlibc\.sleep\b": "wait for a condition, or use EventLoop.sleep",
    r"\bcatch\s*\{\s*\}": "handle the error, or say in a comment why it does not matter",
}
# In every Swift file.
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|HACK)\b")
PERSONAL = re.compile(
    r'LogKey\("[^"]*(?:email|e_mail|password|passwd|secret|token|authorization|cookie|phone|display_name|first_name|'
    r'last_name|ip_address|iban|card)[^"]*"\)')
PACKAGE_TYPE = re.compile(
    r"^[ \t]*(?:@\w+(?:\([^)\n]*\))?\s+)*package\s+(?:(?:final|indirect)\s+)*(?:struct|enum|class|actor|protocol)\s+(\w+)",
    re.MULTILINE)
# A function, a subscript, a type alias, a computed property or a static constant. Stored properties and initializers are
# told by their names and by what stands above their type.
PACKAGE_MEMBER = re.compile(
    r"^[ \t]*(?:@\w+(?:\([^)\n]*\))?\s+)*package\s+(?:(?!let\b|var\b|func\b)\w+(?:\([a-z]+\))?\s+)*?"
    r"(?:func\s+(?P<function>\w+)|(?P<subscript>subscript)\b|typealias\s+(?P<alias>\w+)|"
    r"var\s+(?P<computed>\w+)[^\n={]*\{(?!\s*(?:didSet|willSet))|(?<=static )(?:let|var)\s+(?P<constant>\w+))",
    re.MULTILINE)
ONE_LINE_DECLARATION = re.compile(r"\s*(?:@\w+(?:\([^)]*\))?\s+)*package\s.*[^{(,]$")
PROTOCOL = re.compile(r"\bprotocol\s+\w+[^{]*\{")
REQUIREMENT = re.compile(r"\b(?:func|var|associatedtype)\s+(\w+)")
# Requirements of the standard library's protocols: their meaning is documented there.
STANDARD_REQUIREMENTS = frozenset((
    "appendLiteral", "asyncIterator", "customMirror", "debugDescription", "description", "encode", "endIndex", "hash",
    "index", "makeAsyncIterator", "makeIterator", "next", "rawValue", "startIndex", "unownedExecutor", "Element", "Failure"))
UNCHECKED = re.compile(r"@unchecked\s+Sendable")


def swift_faults(path, text, requirements=STANDARD_REQUIREMENTS):
    """Faults of a Swift file but for lengths, as (line, text). What implements a requirement needs no documentation."""
    masked = sources.Masked(text).masked
    lines = text.split("\n")
    faults = []
    if path.startswith(("Libs/", "Services/")) and "Testing/" not in path:
        for pattern, instead in BANNED.items():
            for match in re.finditer(pattern, masked):
                # A comment inside an empty catch is a reason.
                if not re.search(r"/[/*]", text[match.start():match.end()]):
                    faults.append((line_of(masked, match.start()), f"{match.group().strip()} is banned: {instead}"))
    for match in UNCHECKED.finditer(masked):
        line = line_of(masked, match.start())
        if not re.match(r"\s*//(?!/)", line_above(lines, line)):
            faults.append((line, "@unchecked Sendable without its proof in a comment on the line above"))
    for match in PACKAGE_TYPE.finditer(masked):
        line = line_of(masked, match.start(1))
        if not re.match(r"\s*//", line_above(lines, line)):
            faults.append((line, f"{match[1]} crosses a target and has no documentation"))
    for match in PACKAGE_MEMBER.finditer(masked):
        name = next(name for name in match.groups() if name)
        line = line_of(masked, match.start(match.lastindex))
        if name not in requirements and not is_told(lines, line):
            faults.append((line, f"{name} crosses a target and has no documentation"))
    for match in PERSONAL.finditer(text):
        faults.append((line_of(text, match.start()), "a log key for personal data or secrets"))
    return faults + unfinished(text)


def line_above(lines, line):
    """The line above that one, attributes on lines of their own left out; empty at the start of the file."""
    above = line - 2
    while above > 0 and re.fullmatch(r"\s*(?:@\w+(?:\([^)]*\))?\s*)+", lines[above]):
        above -= 1
    return lines[above] if above >= 0 else ""


def is_told(lines, line):
    """Whether a comment stands above that line, or above the declarations of one line each that it follows."""
    above = line_above(lines, line)
    while ONE_LINE_DECLARATION.match(above) and line > 1:
        line -= 1
        above = line_above(lines, line)
    return re.match(r"\s*//", above) is not None


def protocol_requirements(masked):
    """The names that the protocols of a file ask for."""
    names = set()
    for match in PROTOCOL.finditer(masked):
        depth, end = 1, match.end()
        while depth and end < len(masked):
            depth += {"{": 1, "}": -1}.get(masked[end], 0)
            end += 1
        names.update(REQUIREMENT.findall(masked, match.end(), end))
    return names


def unfinished(text):
    return [
        (line_of(text, match.start()), f"{match.group()}: finish it or open an issue")
        for match in UNFINISHED.finditer(text)]


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def swift_lengths(text):
    """name -> lines, of functions over the limit; of several with one name the longest."""
    result = {}
    for name, first, last in sources.swift_functions(sources.Masked(text).masked):
        if last - first + 1 > LONGEST_FUNCTION:
            result[name] = max(result.get(name, 0), last - first + 1)
    return result


def python_lengths(text):
    """The same for a Python file."""
    result = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = node.end_lineno - node.lineno + 1
            if length > LONGEST_FUNCTION:
                result[node.name] = max(result.get(node.name, 0), length)
    return result


def lengths(path, text, is_python):
    """"path" or "path:function" -> lines, for whatever is over its limit."""
    result = {}
    count = text.count("\n")
    if count > LONGEST_FILE:
        result[path] = count
    for name, length in (python_lengths(text) if is_python else swift_lengths(text)).items():
        result[f"{path}:{name}"] = length
    return result


def ratchet_faults(found, allowed):
    """What grew over its limit, and entries of the ratchet that are no longer needed: it may only shrink."""
    faults = []
    for place, length in sorted(found.items()):
        limit = LONGEST_FUNCTION if ":" in place else LONGEST_FILE
        if place not in allowed:
            faults.append(f"{place}: {length} lines, the limit is {limit}")
        elif length > allowed[place]:
            faults.append(f"{place}: {length} lines, it may not grow over {allowed[place]}")
        elif length < allowed[place]:
            faults.append(f"{place}: has shrunk to {length} lines; lower its entry in {RATCHET}")
    for place in sorted(set(allowed) - set(found)):
        faults.append(f"{place}: is within the limit or gone; remove its entry from {RATCHET}")
    return faults


def is_python(path, root):
    if path.endswith(".py"):
        return True
    if "." in path.rsplit("/", 1)[-1]:
        return False
    try:
        return sources.read(path, root).startswith(("#!/usr/bin/python3", "#!/usr/bin/env python3"))
    except UnicodeDecodeError:
        return False


def check(root=sources.ROOT):
    """All faults of the tree, as lines."""
    faults, found = [], {}
    requirements = set(STANDARD_REQUIREMENTS)
    for path in sources.files(root):
        if path.endswith(".swift"):
            requirements |= protocol_requirements(sources.Masked(sources.read(path, root)).masked)
    for path in sources.files(root):
        if sources.is_generated(path):
            continue
        if path.endswith(".swift"):
            text = sources.read(path, root)
            faults += [f"{path}:{line}: {fault}" for line, fault in swift_faults(path, text, requirements)]
            found.update(lengths(path, text, is_python=False))
        elif is_python(path, root):
            text = sources.read(path, root)
            # The checks themselves, and their tests, hold the words that they look for.
            if not path.startswith(("scripts/checks/", "scripts/tests/")):
                faults += [f"{path}:{line}: {fault}" for line, fault in unfinished(text)]
            found.update(lengths(path, text, is_python=True))
    return faults + ratchet_faults(found, json.loads(sources.read(RATCHET, root)))
