"""Whether a page of the gateway needs nobody else, can be read by everybody, and shows what it is to show."""

import html.parser
import re

# How far text stands out from what is behind it (WCAG 2.2, 1.4.3).
CONTRAST = 4.5
TEXT_COLOURS = ("ink", "soft", "link", "get", "post", "patch", "delete")
GROUNDS = ("paper", "wash")


class Page(html.parser.HTMLParser):
    """What a page is made of."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.labels, self.views, self.scripts = [], [], {}, []
        self._open, self._view, self._raw = [], None, None
        self.text = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), tuple(self._open)))
        if tag in ("script", "style"):
            self._raw = []
        if tag not in ("meta", "input", "br"):
            self._open.append(tag)
        if tag == "details":
            self._view = dict(attributes).get("id")
            self.views[self._view] = []
        if self._view is not None and dict(attributes).get("href"):
            self.views[self._view].append(dict(attributes)["href"])

    def handle_endtag(self, tag):
        if tag in self._open:
            while self._open.pop() != tag:
                pass
        if tag == "details":
            self._view = None
        if tag == "script":
            self.scripts.append("".join(self._raw))
        if tag in ("script", "style"):
            self._raw = None

    def handle_data(self, data):
        if self._raw is not None:
            self._raw.append(data)
            return
        self.text.append(data)
        if self._view is not None:
            self.views[self._view].append(data)

    def all(self, *tags):
        return [(tag, attributes, inside) for tag, attributes, inside in self.elements if tag in tags]

    @property
    def ids(self):
        return [attributes["id"] for _, attributes, _ in self.elements if "id" in attributes]


def faults(text):
    """What is wrong with the markup of a page, in sentences."""
    page = Page(text)
    found = []

    def need(holds, what):
        if not holds:
            found.append(what)

    need(text.startswith("<!DOCTYPE html>"), "has no doctype")
    need(any(attributes.get("lang") for _, attributes, _ in page.all("html")), "does not say its language")
    need(any(attributes.get("name") == "viewport" for _, attributes, _ in page.all("meta")), "is not for small screens")
    need(len(page.all("title")) == 1, "has no title")
    need(len(page.all("main")) == 1, "has no main part")
    levels = [int(tag[1]) for tag, _, inside in page.all("h1", "h2", "h3", "h4") if "nav" not in inside]
    need(levels.count(1) == 1 and levels[:1] == [1], "does not begin with one heading")
    need(all(below <= above + 1 for above, below in zip(levels, levels[1:])), "leaves out a level of headings")
    need(len(page.ids) == len(set(page.ids)), "has two elements of one id")
    need(all(attributes.get("scope") for _, attributes, _ in page.all("th")), "has a table whose heads say nothing")
    named = {attributes.get("for") for _, attributes, _ in page.all("label")}
    need(all(attributes.get("id") in named or "label" in inside for _, attributes, inside in page.all("input")),
         "has a field without a label")
    for tag, attributes, _ in page.elements:
        for name, value in attributes.items():
            if name in ("href", "src", "action", "srcset", "data", "poster"):
                need(re.match(r"[/#](?!/)", value or ""), f"leads elsewhere by <{tag} {name}={value}>")
            need(not name.startswith("on"), f"has a script in <{tag} {name}>")
        target = attributes.get("href", "")
        need(not target.startswith("#") or target[1:] in page.ids, f"leads to {target}, which is not there")
    need("url(" not in text and "@import" not in text, "has a style that is elsewhere")
    return found + faint_colours(text)


def faint_colours(text):
    """Colours of a page's palettes that cannot be read."""
    found = []
    for palette in re.findall(r":root \{([^}]*)\}", text):
        colours = dict(re.findall(r"--([a-z]+): #([0-9a-f]+)", palette))
        for one in TEXT_COLOURS:
            for ground in GROUNDS:
                if one in colours and ground in colours and contrast(colours[one], colours[ground]) < CONTRAST:
                    found.append(f"has {one} on {ground} that is too faint")
    return found


def contrast(first, second):
    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    digits = colour if len(colour) == 6 else "".join(digit * 2 for digit in colour)
    parts = [int(digits[at:at + 2], 16) / 255 for at in (0, 2, 4)]
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def missing(text, document):
    """What the page of the contract does not show of it."""
    page = Page(text)
    views = {name: "\n".join(parts) for name, parts in page.views.items()}
    found = []
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            view = views.get(operation["operationId"], "")
            shown = [path, verb, operation["summary"].replace("`", ""), *operation["responses"]]
            shown += [parameter["name"] for parameter in operation["parameters"] if "name" in parameter]
            shown += ['"'] if "requestBody" in operation and "application/json" in operation["requestBody"]["content"] else []
            found += [f"{operation['operationId']}: {part}" for part in shown if part not in view]
    found += [f"the schema {name}" for name in document["components"]["schemas"] if f"schema-{name}" not in views]
    links = {attributes.get("href") for _, attributes, _ in page.all("a")}
    found += [f"the problem {name}" for name, value in document["x-problems"].items() if value["type"] not in links]
    text = "\n".join(page.text)
    found += [f"the header field {value['name']}" for value in document["components"]["parameters"].values()
              if value["name"] not in text]
    return found
