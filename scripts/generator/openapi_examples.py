"""Examples of requests and answers, made of what the contracts say of each field."""

import json
import zlib

from .model import snake

BY_FORMAT = {
    "date": "2026-11-20", "date-time": "2026-11-20T09:30:00.123Z", "decimal": "12.34", "email": "ada@example.org",
    "currency": "EUR", "uri": "https://example.org/",
}
# Either the one field or the other is there: the example shows the first.
ALTERNATIVES = ("Figure", "MoneyFigure")


def identifier(name):
    """A UUIDv7 that is the same wherever the name is: the `id` of a category is the `category_id` of an expense."""
    return f"019aa1b2-0000-7000-8000-{zlib.crc32(name.encode()):012x}"


def value_of(field, owner):
    """The example of one value of a field; None where the contracts give none."""
    rule = field.rule
    if field.kind == "message":
        return None
    if field.kind == "string":
        if rule.example and not field.repeated:
            return rule.example
        if getattr(rule, "values", None):
            return rule.values[0]
        if rule.format == "uuid":
            return identifier(snake(owner.name) + "_id" if field.name == "id" else field.name)
        return BY_FORMAT.get(rule.format)
    if rule.example and not field.repeated:
        return json.loads(rule.example)
    return False if field.kind == "bool" else None


def of_request(message, fields):
    """What is required, and what has an example of its own."""
    found = {}
    for field in fields:
        if field.rule.required or field.rule.example:
            found[field.name] = _value(field, message, answer=False)
    return _present(found)


def of_answer(message):
    """Everything that has an example."""
    found = {}
    for position, field in enumerate(message.fields):
        if message.name in ALTERNATIVES and position:
            continue
        found[field.name] = _value(field, message, answer=True)
    if "next_cursor" in found:
        found["next_cursor"] = None
        return {key: item for key, item in found.items() if item is not None or key == "next_cursor"}
    return _present(found)


def _value(field, owner, answer):
    if field.kind == "message":
        if answer:
            value = of_answer(field.message)
        else:
            value = of_request(field.message, field.message.fields)
        return [value] if field.repeated else value
    if not field.repeated:
        value = value_of(field, owner)
        if value is None and field.is_always_written and not field.rule.nullable:
            return {"string": "text"}.get(field.kind, 1)
        return value
    if field.rule.example:
        value = json.loads(field.rule.example)
        return value if isinstance(value, list) else [value]
    return [] if answer else None


def _present(values):
    return {name: value for name, value in values.items() if value is not None}
