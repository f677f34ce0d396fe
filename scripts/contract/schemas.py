"""JSON Schema as the document uses it."""

import datetime
import re
import uuid

import jsonschema

FORMATS = jsonschema.FormatChecker(formats=())
INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"


@FORMATS.checks("date", raises=ValueError)
def is_date(value):
    return not isinstance(value, str) or datetime.date.fromisoformat(value) is not None


@FORMATS.checks("date-time", raises=ValueError)
def is_instant(value):
    return not isinstance(value, str) or (
        re.fullmatch(INSTANT, value) is not None and datetime.datetime.fromisoformat(value) is not None)


@FORMATS.checks("uuid", raises=ValueError)
def is_identifier(value):
    return not isinstance(value, str) or uuid.UUID(value).version == 7


@FORMATS.checks("email")
def is_address(value):
    return not isinstance(value, str) or re.fullmatch(r"[^@\s]+@[^@\s]+", value) is not None


def resolved(document, value):
    """What a reference within the document leads to; what is none is itself."""
    while isinstance(value, dict) and "$ref" in value:
        place = document
        for key in value["$ref"].removeprefix("#/").split("/"):
            place = place[key]
        value = place
    return value


def closed(schema):
    """The schema, in which an object has no member that is not described."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: value if key in ("examples", "enum", "example") else closed(value) for key, value in schema.items()}
    if "properties" in schema and "type" in schema:
        result.setdefault("additionalProperties", False)
    return result


class Schemas:
    """The schemas of one document, each ready to judge values."""

    def __init__(self, document, is_closed=False):
        components = {"schemas": document["components"]["schemas"]}
        self._components = closed(components) if is_closed else components
        self._is_closed = is_closed
        self._validators = {}

    def faults(self, schema, value):
        """What is wrong with a value, in sentences."""
        key = str(schema)
        if key not in self._validators:
            own = closed(schema) if self._is_closed else schema
            self._validators[key] = jsonschema.Draft202012Validator(
                {**own, "components": self._components}, format_checker=FORMATS)
        return [
            f"{'.'.join(str(part) for part in error.absolute_path) or 'the value'}: {error.message[:300]}"
            for error in self._validators[key].iter_errors(value)]
