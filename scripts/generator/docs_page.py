"""The OpenAPI document as a page for people: whole without scripts, and without any other address."""

import html
import json

from .openapi_responses import COUNTED

STYLE = """
:root { color-scheme: light dark; --ink: #1d1d1b; --soft: #595955; --paper: #fff; --wash: #f4f4f1; --line: #d4d4ce; --link: #0b57a4;
    --get: #0b57a4; --post: #1f6a27; --patch: #864b00; --delete: #a61b1b }
@media (prefers-color-scheme: dark) { :root { --ink: #e9e9e4; --soft: #b3b3ab; --paper: #191918; --wash: #242422; --line: #44443f;
    --link: #8ab8f5; --get: #8ab8f5; --post: #86cf90; --patch: #f0b070; --delete: #f29a92 } }
* { box-sizing: border-box }
html { scroll-padding-top: 1rem }
body { font: 1rem/1.55 system-ui, sans-serif; margin: 0; color: var(--ink); background: var(--paper); display: grid;
    grid-template-columns: 17rem minmax(0, 1fr) }
a { color: var(--link) }
a:focus-visible, summary:focus-visible, input:focus-visible { outline: 3px solid var(--link); outline-offset: 2px }
.skip { position: absolute; left: -100rem } .skip:focus { left: 1rem; top: 1rem; background: var(--paper); padding: .5rem 1rem }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1.2rem 1rem; background: var(--wash); border-right: 1px solid var(--line) }
nav h2 { font-size: .8rem; letter-spacing: .05em; text-transform: uppercase; color: var(--soft); margin: 1.2rem 0 .3rem }
nav ul { list-style: none; margin: 0; padding: 0 } nav li a { display: grid; grid-template-columns: 3.6rem 1fr; padding: .12rem 0; line-height: 1.35; text-decoration: none; font-size: .92rem }
nav li a.plain { display: block } nav li a:hover { text-decoration: underline } nav .method { min-width: 0; font-size: .7rem; line-height: 1.8 }
nav input { font: inherit; width: 100%; padding: .35rem .5rem; border: 1px solid var(--line); border-radius: .3rem;
    background: var(--paper); color: var(--ink) }
main { padding: 1.5rem 2.5rem 5rem; max-width: 66rem }
h1 { font-size: 2rem; margin: 0 0 .2rem } h2 { margin: 3rem 0 .3rem; border-bottom: 2px solid var(--line) }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem } .soft { color: var(--soft) } p { max-width: 46rem }
.method { display: inline-block; min-width: 4.6rem; font: 700 .85rem/1.4 ui-monospace, monospace; text-transform: uppercase }
.get { color: var(--get) } .post { color: var(--post) } .patch, .put { color: var(--patch) } .delete { color: var(--delete) }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0; padding: 0 1rem }
details[open] { padding-bottom: 1rem } details:target { border-color: var(--link) }
summary { cursor: pointer; padding: .55rem 0; overflow-wrap: anywhere } summary .soft { margin-left: .6rem }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: .93rem }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line) }
th { color: var(--soft); font-weight: 600 } td p { margin: 0 }
pre { background: var(--wash); border-radius: .3rem; padding: .7rem .9rem; overflow: auto; font-size: .85rem; line-height: 1.45; margin: .3rem 0 }
code { font-family: ui-monospace, monospace; font-size: .92em }
[hidden] { display: none !important }
@media (max-width: 55rem) { body { display: block } nav { position: static; height: auto; max-height: 50vh } main { padding: 1rem } }
@media print { nav { display: none } body { display: block } }
"""
# Without it everything is there too: it opens what an address names, and finds operations by a word.
SCRIPT = """
const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target?.tagName !== "DETAILS") return;
    target.open = true;
    target.scrollIntoView();
};
const box = document.getElementById("find");
box.parentElement.hidden = false;
box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(" ").filter(Boolean);
    for (const item of document.querySelectorAll("nav li")) {
        const text = item.textContent.toLowerCase() + " " + (item.dataset.words ?? "");
        item.hidden = !words.every((word) => text.includes(word));
    }
});
addEventListener("hashchange", open);
open();
"""


def escaped(text):
    return html.escape(str(text), quote=True)


def marked(text):
    """Text for HTML, in which what stands between backquotes is code."""
    parts = escaped(text).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))


def code(text):
    return f"<code>{escaped(text)}</code>"


def pretty(value):
    return f"<pre tabindex=\"0\">{escaped(value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False))}</pre>"


def table(heads, rows):
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


class Page:
    def __init__(self, contract):
        self.contract = contract

    def resolved(self, value):
        while "$ref" in value:
            place = self.contract
            for key in value["$ref"].removeprefix("#/").split("/"):
                place = place[key]
            value = place
        return value

    def type_of(self, schema):
        """A schema in a few words, with links to those that have a name."""
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            return f'<a href="#schema-{name}">{name}</a>'
        if "oneOf" in schema:
            return " or ".join(self.type_of(part) for part in schema["oneOf"])
        kinds = schema.get("type", "any")
        kinds = kinds if isinstance(kinds, list) else [kinds]
        if kinds[0] == "array":
            return " or ".join(["list of " + self.type_of(schema["items"]), *map(escaped, kinds[1:])]) + self.bounds(schema)
        if "enum" in schema:
            return " or ".join(code(json.dumps(value) if value is None else value) for value in schema["enum"])
        kind = schema.get("format") if kinds[0] == "string" and schema.get("format") else kinds[0]
        return " or ".join(map(escaped, [kind, *kinds[1:]])) + self.bounds(schema)

    @staticmethod
    def bounds(schema):
        names = (("minLength", "at least {} characters"), ("maxLength", "at most {} characters"), ("minimum", "from {}"),
                 ("maximum", "to {}"), ("maxItems", "at most {}"), ("default", "{} by default"))
        found = [text.format(schema[name]) for name, text in names if name in schema]
        if schema.get("pattern", "").startswith("^-?[0-9]") or schema.get("pattern", "").startswith("^[A-Z]"):
            found.append(f"<code>{escaped(schema['pattern'])}</code>")
        return f' <span class="soft">{", ".join(found)}</span>' if found else ""

    def render(self):
        info = self.contract["info"]
        groups = {tag["name"]: (tag.get("description", ""), []) for tag in self.contract["tags"]}
        for path, item in self.contract["paths"].items():
            for verb, operation in item.items():
                groups[operation["tags"][0]][1].append((path, verb, operation))
        about = "".join(f"<p>{marked(part)}</p>" for part in info["description"].split("\n\n"))
        sections = "".join(self.group(name, *value) for name, value in groups.items())
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>The API of {escaped(info['title'])}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
            f'<a class="skip" href="#contract">To the content</a>\n{self.index(groups)}\n<main id="contract">\n'
            f"<h1>The API of {escaped(info['title'])}</h1>\n<p class=\"soft\">{escaped(info['summary'])}</p>\n{about}\n"
            '<p><a href="/openapi.json">openapi.json</a> · <a href="/problems">Problems</a></p>\n'
            f"{self.common()}\n{sections}\n{self.schemas()}\n{self.problems()}\n</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n")

    def index(self, groups):
        parts = ['<nav aria-label="Contents"><p hidden><label for="find">Find an operation</label>'
                 '<input id="find" type="search" autocomplete="off"></p>']
        for name, (_, operations) in groups.items():
            parts.append(f'<h2><a href="#group-{name}">{name}</a></h2><ul>')
            parts += [
                f'<li data-words="{escaped(operation["operationId"].lower() + " " + path)}"><a href="#{operation["operationId"]}">'
                f'<span class="method {verb}">{verb}</span> <span>{marked(operation["summary"])}</span></a></li>'
                for path, verb, operation in operations]
            parts.append("</ul>")
        parts.append('<h2>More</h2><ul><li><a class="plain" href="#common">What all have in common</a></li>'
                     '<li><a class="plain" href="#schemas">Schemas</a></li>'
                     '<li><a class="plain" href="#problems">Problems</a></li></ul></nav>')
        return "\n".join(parts)

    def common(self):
        components = self.contract["components"]
        scheme = components["securitySchemes"]["bearer"]
        parameters = [[code(value["name"]), marked(value["description"]), code(value["example"])]
                      for value in components["parameters"].values()]
        names = {}
        for response in (*components["responses"].values(), *self.successes()):
            names |= {name: self.resolved(value) for name, value in response.get("headers", {}).items() if name not in names}
        fields = [[code(name), marked(value["description"]), code(value["example"])] for name, value in sorted(names.items())]
        others = [[status, marked(self.resolved(value)["description"]), self.codes(self.resolved(value))]
                  for status, value in self.contract["x-responses"].items()]
        return (
            f'<section><h2 id="common">What all have in common</h2><p>Bearer: {marked(scheme["description"])}</p>'
            f"<h3>Header fields of requests</h3>{table(['Field', 'Meaning', 'Example'], parameters)}"
            f"<h3>Header fields of answers</h3>{table(['Field', 'Meaning', 'Example'], fields)}"
            f"<h3>Where there is no operation</h3>{table(['Status', 'Meaning', 'Problems'], others)}</section>")

    def successes(self):
        for item in self.contract["paths"].values():
            for operation in item.values():
                yield from (value for value in operation["responses"].values() if "$ref" not in value)

    def group(self, name, description, operations):
        return (f'<section><h2 id="group-{name}">{name}</h2><p>{marked(description)}</p>'
                + "\n".join(self.operation(*each) for each in operations) + "</section>")

    def operation(self, path, verb, operation):
        security = "Needs a bearer token." if operation["security"] else "Needs no token."
        return (
            f'<details id="{operation["operationId"]}"><summary><span class="method {verb}">{verb}</span> {code(path)}'
            f'<span class="soft">{marked(operation["summary"])}</span></summary>'
            f"<p>{marked(operation.get('description', ''))} {security}</p>"
            f"{self.parameters(operation)}{self.body(operation)}{self.answers(operation)}</details>")

    def parameters(self, operation):
        found = [self.resolved(value) for value in operation["parameters"]]
        rows = [
            [code(value["name"]), value["in"] + (", required" if value.get("required") else ""), self.type_of(value["schema"]),
             marked(value.get("description", ""))] for value in found if value["in"] != "header"]
        fields = ", ".join(code(value["name"]) for value in found if value["in"] == "header")
        own = f"<h3>Parameters</h3>{table(['Name', 'In', 'Type', 'Meaning'], rows)}" if rows else ""
        return f'{own}<p class="soft">Header fields: {fields}; <a href="#common">what they mean</a>.</p>'

    def body(self, operation):
        content = operation.get("requestBody", {}).get("content", {})
        parts = [
            f"<h3>Body</h3><p>{code(kind)} {self.type_of(media['schema'])}</p>" + (
                pretty(media["example"]) if "example" in media else "") for kind, media in content.items()]
        return "".join(parts)

    def answers(self, operation):
        parts, refusals = [], []
        for status, value in operation["responses"].items():
            response = self.resolved(value)
            if status[0] in "45":
                refusals.append([status, marked(response["description"]), self.codes(response)])
                continue
            parts.append(f"<h3>{status}</h3><p>{marked(response['description'])}</p>")
            special = [name for name in response["headers"] if name not in (*COUNTED, "X-Request-Id")]
            parts.append(f'<p class="soft">Header fields: {", ".join(map(code, special))}</p>')
            for kind, media in response.get("content", {}).items():
                parts.append(f"<p>{code(kind)} {self.type_of(media['schema'])}</p>")
                parts.append(pretty(media["example"]) if "example" in media else "")
            links = [f'<a href="#{link["operationId"]}">{link["operationId"]}</a>' for link in response.get("links", {}).values()]
            parts.append(f"<p>Leads to {', '.join(links)}.</p>" if links else "")
        return "".join(parts) + f"<h3>Refusals</h3>{table(['Status', 'Meaning', 'Problems'], refusals)}"

    @staticmethod
    def codes(response):
        examples = response["content"]["application/problem+json"]["examples"]
        return ", ".join(f'<a href="/problems/{name}"><code>{name}</code></a>' for name in examples)

    def schemas(self):
        return ('<section><h2 id="schemas">Schemas</h2>'
                + "\n".join(self.schema(*each) for each in self.contract["components"]["schemas"].items()) + "</section>")

    def schema(self, name, schema):
        required = schema.get("required", ())
        rows = [[code(key), self.type_of(value), "yes" if key in required else "", marked(value.get("description", ""))]
                for key, value in schema.get("properties", {}).items()]
        examples = "".join(pretty(example) for example in schema.get("examples", ()))
        return (
            f'<details id="schema-{name}"><summary>{code(name)}</summary><p>{marked(schema.get("description", ""))}</p>'
            f"{table(['Field', 'Type', 'Required', 'Meaning'], rows)}{'<h3>Example</h3>' + examples if examples else ''}</details>")

    def problems(self):
        rows = [[str(value["status"]), f'<a href="{value["type"]}"><code>{name}</code></a>', marked(value["title"]),
                 marked(value["description"])] for name, value in self.contract["x-problems"].items()]
        return (f'<section><h2 id="problems">Problems</h2>'
                f"{table(['Status', 'Code', 'Title', 'What happened'], sorted(rows, key=lambda row: row[0]))}</section>")


def swift(contract):
    """The page as the gateway serves it, in the program itself."""
    page = Page(contract).render()
    return (
        "/// The OpenAPI document as a page for people.\n"
        "package enum ContractPage {\n"
        "    /// The HTML text.\n"
        f"    package static let html = {literal(page)}\n"
        "    /// The script that it holds.\n"
        f"    package static let script = {literal(SCRIPT)}\n"
        "}\n")


def literal(text):
    return '##"' + text.replace("\n", "\\##n") + '"##'
