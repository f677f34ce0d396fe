"""The files that the checks read, and Swift sources without their comments and texts."""

import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


def files(root=ROOT):
    """Paths, relative to the root, of everything that git knows or would add."""
    listed = subprocess.run(
        ["git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        stdout=subprocess.PIPE, check=True).stdout.decode()
    return sorted(path for path in set(listed.split("\0")) if path and os.path.isfile(os.path.join(root, path)))


def is_generated(path):
    return "/Generated/" in path or path.startswith("Libs/CContracts/")


def read(path, root=ROOT):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


# What can begin neither a comment nor a string, and so is taken in one piece.
PLAIN = re.compile(r'[^/"#]+')
QUOTES = re.compile(r'(#*)("""|")')
IN_STRING = re.compile(r'[^"\\\n]+')
IN_INTERPOLATION = re.compile(r'[^"#()]+')


class Masked:
    """A Swift source in which comments and the contents of strings are blanks; lines and columns stay."""

    def __init__(self, text):
        self.text = text
        self.code = []
        self.position = 0
        while self.position < len(text):
            self.step()
        self.masked = "".join(self.code)

    def keep(self, count=1):
        self.code.append(self.text[self.position:self.position + count])
        self.position += count

    def blank_until(self, end):
        self.code.append(re.sub(r"[^\n]", " ", self.text[self.position:end]))
        self.position = end

    def step(self):
        text, position = self.text, self.position
        plain = PLAIN.match(text, position)
        if plain:
            self.keep(plain.end() - position)
        elif text.startswith("//", position):
            end = text.find("\n", position)
            self.blank_until(len(text) if end < 0 else end)
        elif text.startswith("/*", position):
            self.blank_until(end_of_block_comment(text, position))
        else:
            opening = QUOTES.match(text, position)
            if opening:
                self.string(opening.group(1), opening.group(2))
            else:
                self.keep()

    def string(self, hashes, quotes):
        start = self.position
        end = end_of_string(self.text, start + len(hashes) + len(quotes), hashes, quotes)
        self.keep(len(hashes) + len(quotes))
        closing = len(quotes) + len(hashes)
        self.blank_until(max(self.position, end - closing))
        self.keep(end - self.position)


def end_of_block_comment(text, position):
    """The position after a block comment; they nest."""
    depth = 0
    for match in re.compile(r"/\*|\*/").finditer(text, position):
        depth += 1 if match.group() == "/*" else -1
        if depth == 0:
            return match.end()
    return len(text)


def end_of_string(text, position, hashes, quotes):
    """The position after the closing quotes; interpolations may hold further strings."""
    closing = quotes + hashes
    escape = "\\" + hashes
    while position < len(text):
        skipped = IN_STRING.match(text, position)
        if skipped:
            position = skipped.end()
            continue
        if text.startswith(closing, position):
            return position + len(closing)
        if text.startswith(escape + "(", position):
            position = end_of_interpolation(text, position + len(escape) + 1)
        elif text.startswith(escape, position):
            position += len(escape) + 1
        elif text[position] == "\n" and quotes == '"':
            return position
        else:
            position += 1
    return len(text)


def end_of_interpolation(text, position):
    depth = 1
    while position < len(text) and depth:
        skipped = IN_INTERPOLATION.match(text, position)
        if skipped:
            position = skipped.end()
            continue
        opening = QUOTES.match(text, position)
        if opening:
            position = end_of_string(text, opening.end(), opening.group(1), opening.group(2))
            continue
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        position += 1
    return position


def swift_functions(masked):
    """(name, first line, last line) of every function, initialiser, subscript and computed property with a body."""
    pattern = re.compile(
        r"(?<![.\w`])(?:func\s+(?P<func>[^\s(<]+(?:\s*(?=[(<]))?)|(?P<init>init)[?!]?\s*(?=[(<])|(?P<deinit>deinit)\b"
        r"|(?P<subscript>subscript)\s*(?=[(<])|var\s+(?P<var>\w+)\s*:)")
    found = []
    for match in pattern.finditer(masked):
        body = body_start(masked, match.end(), is_property=match.group("var") is not None)
        if body is not None:
            name = next(value for value in match.groups() if value).strip()
            end = matching_brace(masked, body)
            found.append((name, masked.count("\n", 0, match.start()) + 1, masked.count("\n", 0, end) + 1))
    return found


NO_BODY = re.compile(
    r"\s*(?:[})=]|(?:@|package|public|private|fileprivate|internal|static|class|mutating|nonisolated|func|init|deinit|"
    r"var|let|case|struct|enum|actor|extension|protocol|subscript|typealias|associatedtype|if|for|guard|return|while|"
    r"switch|#)\b)")


def body_start(masked, position, is_property):
    """The position of the brace that opens the body; None for a requirement of a protocol or a stored property."""
    depth = 0
    while position < len(masked):
        character = masked[position]
        if character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
            if depth < 0:
                return None
        elif depth == 0 and character == "{":
            return position
        elif depth == 0 and character in "};":
            return None
        elif depth == 0 and character == "=" and is_property and masked[position + 1] != "=":
            return None
        elif depth == 0 and character == "\n" and NO_BODY.match(masked, position):
            return None
        position += 1
    return None


def matching_brace(masked, position):
    depth = 0
    for match in re.compile(r"[{}]").finditer(masked, position):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return match.start()
    return len(masked) - 1
