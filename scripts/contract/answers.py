"""Whether an answer is what the document says of it."""

import json
import re

from .schemas import Schemas, resolved

# Header fields of HTTP itself and of web pages, which the document describes once for all answers.
OF_HTTP = {
    "connection", "content-encoding", "content-length", "content-type", "date", "keep-alive", "transfer-encoding", "vary"}
OF_PAGES = {
    "content-security-policy", "cross-origin-resource-policy", "referrer-policy", "strict-transport-security",
    "x-accel-buffering", "x-content-type-options", "x-frame-options"}


class Answers:
    """Compares answers with a document, and remembers which it has seen."""

    def __init__(self, document):
        self.document = document
        self.schemas = Schemas(document, is_closed=True)
        self.seen = set()
        self.operations = []
        for path, item in document["paths"].items():
            pattern = re.compile("".join(
                "[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{\w+\})", path)))
            for verb, operation in item.items():
                # A literal path goes before one with parameters.
                self.operations.append((path.count("{"), verb, pattern, operation))
        self.operations.sort(key=lambda entry: entry[0])

    def operation(self, method, target):
        """The operation of a request; None where the document has none."""
        path = target.partition("?")[0]
        verb = "get" if method == "HEAD" else method.lower()
        for _, known, pattern, operation in self.operations:
            if known == verb and pattern.fullmatch(path):
                return operation
        return None

    def faults(self, method, target, status, headers, body):
        """What the document does not say of an answer, in sentences. `headers` are pairs."""
        operation = self.operation(method, target)
        if operation is None:
            name, responses = "no operation", self.document["x-responses"]
        else:
            name, responses = operation["operationId"], operation["responses"]
        self.seen.add((name, status))
        where = f"{method} {target.partition('?')[0]} ({name}) {status}"
        if method == "OPTIONS" and status == 204:
            return []
        response = resolved(self.document, responses.get(str(status)))
        if response is None:
            return [f"{where}: is not in the document"]
        found = self._field_faults(response, headers)
        found += [] if method == "HEAD" else self._content_faults(response, dict(headers), body)
        return [f"{where}: {fault}" for fault in found]

    def _field_faults(self, response, headers):
        known = {name.lower(): resolved(self.document, value) for name, value in response.get("headers", {}).items()}
        present = {name.lower(): value for name, value in headers}
        found = []
        for name, value in present.items():
            if name in OF_HTTP or name in OF_PAGES:
                continue
            if name not in known:
                found.append(f"the field {name} is not described")
                continue
            schema = known[name]["schema"]
            read = int(value) if schema["type"] == "integer" and value.isdigit() else value
            found += [f"{name}: {fault}" for fault in self.schemas.faults(schema, read)]
        missing = [name for name, field in known.items() if field.get("required") and name not in present]
        return found + [f"the field {name} is missing" for name in missing]

    def _content_faults(self, response, headers, body):
        content = response.get("content")
        if content is None:
            return ["has a body"] if body else []
        kind = {name.lower(): value for name, value in headers.items()}.get("content-type", "").partition(";")[0]
        media = content.get(kind)
        if media is None:
            return [f"the body is {kind or 'of no type'}"]
        if not kind.endswith("json"):
            return []
        try:
            value = json.loads(body)
        except ValueError as error:
            return [f"the body is no JSON: {error}"]
        found = self.schemas.faults(media["schema"], value)
        if "examples" in media and value.get("code") not in media["examples"]:
            found.append(f"the code {value.get('code')} is not among {', '.join(media['examples'])}")
        return found
