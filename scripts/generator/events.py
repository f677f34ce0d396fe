"""Event structs and the catalogue, from the JSON Schemas of the events."""

import json
import re

from . import swift_text
from .descriptors import GeneratorError
from .model import camel, escaped
from .text_patterns import Patterns

KEYWORDS = {
    "$schema", "$id", "title", "description", "type", "required", "properties", "items", "enum", "format", "pattern",
    "minLength", "maxLength", "minimum", "maximum", "additionalProperties", "examples",
}
FORMATS = {"date": ".date", "date-time": ".dateTime", "uuid": ".uuid"}
# Shapes that many events share get one struct.
SHARED_SHAPES = {
    ("amount", "currency"): ("EventMoney", "An amount of money in an event"),
    ("unavailable", "value"): (
        "EventFigure", "A figure in an event, or why there is none. Exactly one of the two is present"),
}


class Property:
    def __init__(self, event, name, schema, required):
        self.name = name
        self.schema = schema
        self.required = required
        self.property = camel(name)
        self.swift_name = escaped(self.property)
        self.is_list = schema["type"] == "array"
        self.element = schema["items"] if self.is_list else schema
        kind = self.element["type"]
        self.object = event.object_of(name, self.element) if kind == "object" else None
        names = {"string": "String", "integer": "Int64", "boolean": "Bool"}
        if kind not in names and not self.object:
            raise GeneratorError(f"{event.name}: {name} has type {kind}, which events do not use")
        self.kind = kind
        self.element_type = self.object.name if self.object else names[kind]

    @property
    def swift_type(self):
        base = f"[{self.element_type}]" if self.is_list else self.element_type
        return base if self.required else base + "?"


class Struct:
    """An event, or an object in one."""

    def __init__(self, name, schema, event):
        self.name = name
        self.schema = schema
        self.event = event
        check_keywords(event, schema)
        required = set(schema.get("required", []))
        unknown = required - set(schema["properties"])
        if unknown:
            raise GeneratorError(f"{event.name}: required but not described: {', '.join(sorted(unknown))}")
        self.properties = [
            Property(event, key, value, key in required) for key, value in schema["properties"].items()]


class Event:
    def __init__(self, path, root, shared):
        self.path = path.relative_to(root)
        context_folder, event, file = self.path.parts
        self.context = context_folder.removesuffix("-events")
        self.event = event
        self.major = int(re.fullmatch(r"v(\d+)\.schema\.json", file).group(1))
        self.schema = json.loads(path.read_text())
        self.example_path = path.with_name(f"v{self.major}.example.json")
        self.type = f"florin.{self.context}.{event}.v{self.major}"
        self.urn = f"urn:florin:event:{self.context}:{event}:v{self.major}"
        self.name = "".join(part.capitalize() for part in event.split("_")) + f"V{self.major}"
        self._shared = shared
        self.nested = []
        if self.schema.get("$id") != self.urn:
            raise GeneratorError(f"{self.path}: $id has to be {self.urn}")
        if not self.example_path.exists():
            raise GeneratorError(f"{self.path}: there is no example beside it")
        self.root = Struct(self.name, self.schema, self)

    def object_of(self, name, schema):
        shape = tuple(sorted(schema["properties"]))
        if shape in SHARED_SHAPES:
            shared_name, comment = SHARED_SHAPES[shape]
            fresh = Struct(shared_name, schema, self)
            known = self._shared.setdefault(shared_name, (fresh, comment))[0]
            if stripped(known.schema) != stripped(schema):
                raise GeneratorError(f"{self.name}: {name} differs from the shared shape {shared_name}")
            return known
        nested = Struct(self.name + camel("_" + name), schema, self)
        self.nested.append(nested)
        return nested


def stripped(schema):
    """The schema without its texts."""
    if isinstance(schema, dict):
        return {key: stripped(value) for key, value in schema.items() if key not in ("description", "examples")}
    return schema


def check_keywords(event, schema):
    unknown = set(schema) - KEYWORDS
    if unknown:
        raise GeneratorError(f"{event.path}: keywords outside the subset: {', '.join(sorted(unknown))}")
    if schema.get("additionalProperties", True) is not True:
        raise GeneratorError(f"{event.path}: additionalProperties must be true, so that additive change is possible")
    for value in schema.get("properties", {}).values():
        check_keywords(event, value)
        if "items" in value:
            check_keywords(event, value["items"])
        form = value.get("format")
        if form is not None and form not in FORMATS:
            raise GeneratorError(f"{event.path}: unknown format {form}")


def load(root):
    shared = {}
    events = [Event(path, root, shared) for path in sorted(root.glob("*-events/*/v*.schema.json"))]
    names = [event.name for event in events]
    if len(set(names)) != len(names):
        raise GeneratorError("two events have the same name")
    return events, shared


def swift(events, shared):
    """The Swift files by name: one per context, and one for what they share."""
    files = {}
    patterns = Patterns()
    parts = [struct(shape, comment, patterns) for shape, comment in sorted(shared.values(), key=lambda item: item[0].name)]
    shared_text = "\n".join(parts)
    for context in sorted({event.context for event in events}):
        parts = []
        for event in events:
            if event.context != context:
                continue
            parts.append(struct(event.root, event.schema.get("description", event.type), patterns, event))
            for nested in event.nested:
                parts.append(struct(nested, nested.schema.get("description", f"A part of {event.name}"), patterns))
        files[f"{context.capitalize()}Events.swift"] = swift_text.file([("internal", "JSON")], "\n".join(parts))
    files["SharedEvents.swift"] = swift_text.file(
        [("internal", "JSON")], shared_text + "\n" + list_of(events) + "\n" + patterns.swift())
    return files


def list_of(events):
    text = swift_text.doc("Every type of event that the contracts describe")
    text += "package enum EventTypes {\n"
    text += swift_text.doc("The payloads, in the order of their contexts", 4)
    text += "    package static let all: [any EventPayload.Type] = [\n"
    for event in events:
        text += f"        {event.name}.self,\n"
    return text + "    ]\n}\n"


def struct(item, comment, patterns, event=None):
    conformances = "EventPayload, EventObject" if event else "Sendable, Equatable, EventObject"
    text = swift_text.doc(comment)
    text += f"package struct {item.name}: {conformances} {{\n"
    if event:
        text += f"    package static let type = {swift_text.string(event.type)}\n"
        text += f"    package static let dataSchema = {swift_text.string(event.urn)}\n\n"
    for prop in item.properties:
        text += swift_text.doc(prop.schema.get("description", f"`{prop.name}`"), 4)
        text += f"    package var {prop.swift_name}: {prop.swift_type}\n"
    parameters = ", ".join(
        f"{prop.property}: {prop.swift_type}" + ("" if prop.required else " = nil") for prop in item.properties)
    text += f"\n    package init({parameters}) {{\n"
    for prop in item.properties:
        text += f"        self.{prop.property} = {prop.swift_name}\n"
    text += "    }\n"
    if event:
        text += """
    package init(decoding bytes: [UInt8]) throws(ContractError) { try self.init(decodingJSON: bytes) }

    package func encoded() throws(ContractError) -> [UInt8] { try validatedJSON() }
"""
    return text + "\n" + reading(item) + "\n" + writing(item) + "\n" + validating(item, patterns) + "}\n"


def reading(item):
    text = "    init(reading object: EventReader) throws(ContractError) {\n"
    for prop in item.properties:
        helper = {"string": "string", "integer": "integer", "boolean": "bool", "object": "object"}[prop.kind]
        helper += "s" if prop.is_list else ""
        if not prop.required:
            helper = "optional" + helper[:1].upper() + helper[1:]
        text += f"        self.{prop.property} = try object.{helper}({swift_text.string(prop.name)})\n"
    return text + "    }\n"


def writing(item):
    text = "    func write(into writer: inout JSONWriter) {\n        writer.beginObject()\n"
    for prop in item.properties:
        calls = {"string": "writer.string({})", "integer": "writer.int({})", "boolean": "writer.bool({})",
                 "object": "{}.write(into: &writer)"}
        lines = [f"writer.key({swift_text.string(prop.name)})"]
        if prop.is_list:
            call = calls[prop.kind].format("element")
            lines += ["writer.beginArray()", f"for element in {local(prop)} {{ {call} }}", "writer.endArray()"]
        else:
            lines.append(calls[prop.kind].format(local(prop)))
        text += in_optional(prop, lines)
    return text + "        writer.endObject()\n    }\n"


def local(prop):
    """The property, or what `in_optional` binds it to."""
    return f"self.{prop.property}" if prop.required else "value"


def in_optional(prop, lines):
    if prop.required:
        return "".join(f"        {line}\n" for line in lines)
    inner = "".join(f"            {line}\n" for line in lines)
    return f"        if let value = self.{prop.property} {{\n{inner}        }}\n"


def validating(item, patterns):
    text = "    func validate(at path: String) throws(ContractError) {\n"
    body = ""
    for prop in item.properties:
        value = "element" if prop.is_list else local(prop)
        lines = [f"try {check}" for check in checks(prop, value, patterns)]
        if not lines:
            continue
        if prop.is_list:
            lines = [f"for element in {local(prop)} {{ {'; '.join(lines)} }}"]
        body += in_optional(prop, lines)
    if "rules." in body:
        text += "        let rules = EventRules(at: path)\n"
    return text + body + "    }\n"


def checks(prop, value, patterns):
    schema = prop.element
    name = swift_text.string(prop.name)
    if prop.object:
        yield f"{value}.validate(at: RequestReader.join(path, {name}))"
    if prop.kind == "string":
        limits = [key for key in ("enum", "format", "pattern") if key in schema]
        if not limits:
            yield f"rules.text({value}, {name})"
    if "enum" in schema:
        values = ", ".join(swift_text.string(choice) for choice in schema["enum"])
        yield f"rules.oneOf({value}, [{values}], {name})"
    if "format" in schema:
        yield f"rules.format({value}, {FORMATS[schema['format']]}, {name})"
    if "pattern" in schema:
        yield f"rules.pattern({value}, {patterns.name(schema['pattern'])}, {name})"
    for keyword, rule in (("minLength", "minimumLength"), ("maxLength", "maximumLength"), ("minimum", "minimum"),
                          ("maximum", "maximum")):
        if keyword in schema:
            yield f"rules.{rule}({value}, {schema[keyword]}, {name})"


def catalogue(events):
    """events/README.md."""
    lines = [
        "<!-- Generated by scripts/generate from the schemas; do not edit. -->", "", "# Events", "",
        "Facts that cross a service border, as CloudEvents 1.0 with JSON data. The schema of the data is the source of truth; the",
        "example beside it is a fixture of the producer's and the consumers' tests.", "",
        "| type | what happened | schema | example |", "|---|---|---|---|",
    ]
    for event in events:
        schema = event.path.as_posix()
        example = schema.replace(".schema.json", ".example.json")
        lines.append(
            f"| `{event.type}` | {event.schema.get('description', '')} | [schema]({schema}) | [example]({example}) |")
    for event in events:
        lines += ["", f"## {event.type}", "", event.schema.get("description", ""), "",
                  "| field | type | required | rules | meaning |", "|---|---|---|---|---|"]
        for prop in event.root.properties:
            lines.append(row(prop))
    return "\n".join(lines) + "\n"


def row(prop):
    schema = prop.element
    rules = []
    if "format" in schema:
        rules.append(schema["format"])
    if "enum" in schema:
        rules.append("one of " + ", ".join(f"`{value}`" for value in schema["enum"]))
    if "pattern" in schema:
        pattern = schema["pattern"].replace("|", "\\|")
        rules.append(f"`{pattern}`")
    if "maxLength" in schema:
        rules.append(f"at most {schema['maxLength']} characters")
    if "minimum" in schema:
        rules.append(f"at least {schema['minimum']}")
    if prop.object:
        rules.append(", ".join(f"`{inner.name}`" for inner in prop.object.properties))
    kind = f"list of {prop.kind}" if prop.is_list else prop.kind
    meaning = prop.schema.get("description", "")
    return f"| `{prop.name}` | {kind} | {'yes' if prop.required else 'no'} | {'; '.join(rules)} | {meaning} |"
