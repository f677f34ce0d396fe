"""The patterns of schemas, translated to the TextPattern of the Swift runtime."""

import re

from .descriptors import GeneratorError


class Patterns:
    """The patterns of all schemas, translated to TextPattern."""

    def __init__(self):
        self._names = {}

    def name(self, pattern):
        if pattern not in self._names:
            self._names[pattern] = (f"pattern{len(self._names) + 1}", PatternReader(pattern).parts())
        return "." + self._names[pattern][0]

    def swift(self):
        text = "extension TextPattern {\n"
        for pattern, (name, parts) in self._names.items():
            text += f"    /// `{pattern}`\n    static let {name} = TextPattern(parts: {parts})\n"
        return text + "}\n"


class PatternReader:
    """Translates `^…$` of character classes with counts and optional groups; refuses the rest."""

    def __init__(self, pattern):
        if not (pattern.startswith("^") and pattern.endswith("$")):
            raise GeneratorError(f"pattern {pattern}: has to be anchored")
        self._pattern = pattern
        self._rest = pattern[1:-1]

    def parts(self):
        return self._sequence("")[0]

    def _sequence(self, end):
        parts, open_ends = [], []
        first_of_all = None
        while self._rest and not (end and self._rest.startswith(end)):
            if self._rest.startswith("("):
                self._rest = self._rest[1:]
                inner, first = self._sequence(")")
                if not self._rest.startswith(")?"):
                    raise GeneratorError(f"pattern {self._pattern}: a group has to be optional")
                self._rest = self._rest[2:]
                if self._rest:
                    raise GeneratorError(f"pattern {self._pattern}: a group has to come last")
                parts.append(f".optional({inner})")
                characters, least, most = first, 0, 1
            else:
                characters = self._characters()
                least, most = self._count()
                ranges = ", ".join(f"{low}...{high}" for low, high in ranges_of(characters))
                parts.append(f".characters(ranges: [{ranges}], least: {least}, most: {most})")
            if any(earlier & characters for earlier in open_ends):
                raise GeneratorError(f"pattern {self._pattern}: neighbours accept the same character")
            open_ends = open_ends if least == 0 else []
            if least != most:
                open_ends = open_ends + [characters]
            first_of_all = first_of_all or characters
        return "[" + ", ".join(parts) + "]", first_of_all

    def _characters(self):
        if self._rest.startswith("["):
            close = self._rest.index("]")
            inside, self._rest = self._rest[1:close], self._rest[close + 1:]
            if inside.startswith("^") or "\\" in inside:
                raise GeneratorError(f"pattern {self._pattern}: this class is not supported")
            found = set()
            while inside:
                if len(inside) >= 3 and inside[1] == "-":
                    found |= {chr(code) for code in range(ord(inside[0]), ord(inside[2]) + 1)}
                    inside = inside[3:]
                else:
                    found.add(inside[0])
                    inside = inside[1:]
            return found
        if self._rest.startswith("\\"):
            character, self._rest = self._rest[1], self._rest[2:]
            if character.isalnum():
                raise GeneratorError(f"pattern {self._pattern}: \\{character} is not supported")
            return {character}
        character, self._rest = self._rest[0], self._rest[1:]
        if character in ".|*+?{}()[]^$":
            raise GeneratorError(f"pattern {self._pattern}: {character} is not supported here")
        return {character}

    def _count(self):
        match = re.match(r"\{(\d+)(,(\d*))?\}|[?*+]", self._rest)
        if not match:
            return 1, 1
        self._rest = self._rest[match.end():]
        text = match.group(0)
        if text in "?*+":
            return {"?": (0, 1), "*": (0, 65536), "+": (1, 65536)}[text]
        least = int(match.group(1))
        if match.group(2) is None:
            return least, least
        return least, int(match.group(3)) if match.group(3) else 65536


def ranges_of(characters):
    codes = sorted(ord(character) for character in characters)
    if codes[-1] > 127:
        raise GeneratorError("patterns are ASCII")
    ranges = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1] = (ranges[-1][0], code)
        else:
            ranges.append((code, code))
    return ranges
