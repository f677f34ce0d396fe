"""JSON readers of what requests consist of, and JSON writers of what answers consist of."""

from . import swift_text
from .descriptors import GeneratorError


def readers(package, path_fields):
    messages = [message for message in package.messages if message.read_from_json]
    body = "\n".join(reader(message, path_fields.get(message.name, set())) for message in messages)
    return swift_text.file([("internal", "JSON")], body) if messages else None


def body_fields(message, path_fields):
    return [field for field in message.fields if not field.rule.response_only and field.name not in path_fields]


def reader(message, path_fields):
    fields = body_fields(message, path_fields)
    text = f"extension {message.name}: RequestMessage {{\n"
    text += "    init(reading value: JSONValue, at path: String, with reader: inout RequestReader) {\n"
    text += "        self.init()\n"
    text += "        guard let members = reader.members(of: value, at: path) else { return }\n"
    if not fields:
        text += "        for member in members { reader.unknown(member, at: path) }\n    }\n}\n"
        return text
    required = [field for field in fields if field.rule.required]
    text += "        var seen: UInt64 = 0\n"
    if required:
        text += "        var present: UInt64 = 0\n"
    text += "        for member in members {\n            switch member.key {\n"
    for position, field in enumerate(fields):
        text += f"            case {swift_text.string(field.name)}:\n"
        bit = hex(1 << position)
        text += f"                guard reader.accept(member, {bit}, in: &seen, at: path) else {{ continue }}\n"
        if field.rule.required:
            text += f"                present |= {bit}\n"
        text += reading(message, field)
    text += "            default: reader.unknown(member, at: path)\n            }\n        }\n"
    for field in required:
        bit = hex(1 << fields.index(field))
        text += f"        if present & {bit} == 0 {{ reader.missing({swift_text.string(field.name)}, at: path) }}\n"
    return text + "    }\n}\n"


def reading(message, field):
    limit = f", limit: {field.rule.max_length}" if field.rule.max_length else ""
    name = f"self.{field.property}"
    space = " " * 16
    if field.repeated:
        helper = {"string": "strings", "message": "messages"}.get(field.kind, "integers")
        return f"{space}{name} = reader.{helper}(member, at: path{limit})\n"
    if field.kind == "message":
        return f"{space}{name} = reader.message(member, at: path)\n"
    if field.kind == "string":
        call = f"reader.string(member, at: path{limit})"
    elif field.kind == "bool":
        call = "reader.bool(member, at: path)"
    elif field.kind == "bytes":
        raise GeneratorError(f"{message.name}.{field.name}: bytes cannot be read from JSON")
    else:
        call = f"reader.{'int64' if field.kind == 'int64' else 'integer'}(member, at: path)"
    if field.is_optional:
        return f"{space}{name} = {call}\n"
    return f"{space}{name} = {call} ?? {field.swift_default}\n"


def writers(package):
    messages = [message for message in package.messages if not message.is_request]
    body = "\n".join(writer(message) for message in messages)
    return swift_text.file([("package", "JSON")], body) if messages else None


def writer(message):
    text = f"extension {message.name}: JSONWritable {{\n"
    text += "    package func writeJSON(into writer: inout JSONWriter) {\n        writer.beginObject()\n"
    for field in message.fields:
        text += writing(message, field)
    return text + "        writer.endObject()\n    }\n}\n"


def value_call(message, field, name):
    if field.kind == "message":
        return f"{name}.writeJSON(into: &writer)"
    if field.kind == "string":
        return f"writer.string({name})"
    if field.kind == "bool":
        return f"writer.bool({name})"
    if field.kind == "int64":
        return f"writer.int({name})"
    if field.kind in ("int32", "uint32"):
        return f"writer.int(Int64({name}))"
    raise GeneratorError(f"{message.name}.{field.name}: {field.kind} cannot be written as JSON")


def writing(message, field):
    key = f"writer.key({swift_text.string(field.name)})"
    name = field.swift_name
    space = " " * 8
    if field.repeated and field.kind == "string":
        if field.rule.omit_empty:
            return f"{space}if !{name}.isEmpty {{\n{space}    {key}\n{space}    writer.strings({name})\n{space}}}\n"
        return f"{space}{key}\n{space}writer.strings({name})\n"
    if field.repeated:
        return (
            f"{space}{key}\n{space}writer.beginArray()\n"
            f"{space}for element in {name} {{ {value_call(message, field, 'element')} }}\n{space}writer.endArray()\n")
    if not field.is_optional:
        return f"{space}{key}\n{space}{value_call(message, field, name)}\n"
    call = value_call(message, field, name)
    if field.rule.nullable:
        return (
            f"{space}{key}\n{space}if let {name} {{\n{space}    {call}\n{space}}} else {{\n{space}    writer.null()\n{space}}}\n")
    return f"{space}if let {name} {{\n{space}    {key}\n{space}    {call}\n{space}}}\n"
