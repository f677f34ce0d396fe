"""Whether the document tells all that a client has to know."""

from .schemas import Schemas, resolved

VERBS = ("get", "put", "post", "delete", "patch")
# What any request may meet, and what those may that carry a token, a body, a version, a key.
ANYWHERE = {"400", "406", "408", "413", "414", "417", "429", "431", "500", "503"}
WITH_TOKEN = {"401", "403"}
CHANGING = {"409", "422"}
# The header fields of every answer, of every success, and those of single statuses.
EVERYWHERE = {"X-Request-Id", "Cache-Control", "RateLimit", "RateLimit-Policy"}
BY_STATUS = {"401": {"WWW-Authenticate"}, "405": {"Allow"}, "429": {"Retry-After"}, "503": {"Retry-After"}, "304": {"ETag"}}
PARAMETERS = {"X-Request-Id", "traceparent", "tracestate"}


class Completeness:
    """Finds what a document leaves out."""

    def __init__(self, document, problems):
        self.document = document
        self.problems = {entry["code"]: entry for entry in problems}
        self.schemas = Schemas(document, is_closed=True)
        self.operations = {
            operation.get("operationId") for item in document["paths"].values() for operation in item.values()}
        self.faults = []
        self.codes = set()

    def check(self):
        """Everything that is missing or wrong, in sentences."""
        self.check_operations()
        self.check_components()
        self.check_problems()
        return self.faults

    def need(self, holds, where, what):
        if not holds:
            self.faults.append(f"{where}: {what}")

    def check_operations(self):
        names = []
        tags = {tag["name"]: tag.get("description") for tag in self.document["tags"]}
        for path, item in self.document["paths"].items():
            for verb, operation in item.items():
                where = f"{verb.upper()} {path}"
                self.need(verb in VERBS, where, "is not a method")
                names.append(operation.get("operationId"))
                for member in ("operationId", "summary", "description", "tags", "responses"):
                    self.need(operation.get(member), where, f"has no {member}")
                self.need("security" in operation, where, "does not say who may call")
                self.need(all(tags.get(tag) for tag in operation.get("tags", ())), where, "is in a group without description")
                self.check_parameters(where, path, verb, operation)
                self.check_body(where, operation)
                self.check_responses(where, path, verb, operation)
        self.need(len(names) == len(set(names)), "operationId", "is there twice")

    def check_parameters(self, where, path, verb, operation):
        parameters = [resolved(self.document, value) for value in operation.get("parameters", ())]
        for parameter in parameters:
            name = f"{where} {parameter['name']}"
            self.need(parameter.get("description") or parameter["in"] == "path", name, "is not described")
            self.need(parameter.get("schema", {}).get("type"), name, "has no type")
            if "example" in parameter:
                self.judge(name, parameter["schema"], parameter["example"])
        names = {parameter["name"] for parameter in parameters}
        self.need(PARAMETERS <= names, where, f"does not take {PARAMETERS - names}")
        templates = {part[1:-1] for part in path.split("/") if part.startswith("{")}
        self.need(templates <= names, where, "does not describe its path")
        self.need(verb == "get" or "Idempotency-Key" in names, where, "takes no Idempotency-Key")
        if "304" in operation["responses"]:
            self.need("If-None-Match" in names, where, "answers 304 and takes no If-None-Match")

    def check_body(self, where, operation):
        body = operation.get("requestBody")
        if body is None:
            return
        for kind, media in body["content"].items():
            self.need("example" in media, where, f"has no example of its {kind}")
            if "example" in media:
                self.judge(where, media["schema"], media["example"])

    def check_responses(self, where, path, verb, operation):
        responses = {status: resolved(self.document, value) for status, value in operation["responses"].items()}
        wanted = set(ANYWHERE)
        wanted |= WITH_TOKEN if operation.get("security") else set()
        wanted |= CHANGING if verb != "get" else set()
        wanted |= {"415"} if "requestBody" in operation else set()
        wanted |= {"412"} if verb in ("put", "patch", "delete") else set()
        wanted |= {"404"} if "{" in path else set()
        missing = sorted(wanted - set(responses))
        self.need(not missing, where, f"does not say what {missing} mean")
        self.need(any(status[0] == "2" for status in responses), where, "never succeeds")
        for status, response in responses.items():
            self.check_response(f"{where} {status}", verb, status, response)

    def check_response(self, where, verb, status, response):
        self.need(response.get("description"), where, "has no description")
        fields = {name: resolved(self.document, value) for name, value in response.get("headers", {}).items()}
        wanted = EVERYWHERE | BY_STATUS.get(status, set())
        if status[0] == "2" and verb != "get":
            wanted = wanted | {"Idempotency-Replayed"}
        self.need(wanted <= set(fields), where, f"has no {sorted(wanted - set(fields))}")
        for name, field in fields.items():
            self.need(field.get("description"), f"{where} {name}", "is not described")
            self.need("example" in field, f"{where} {name}", "has no example")
            self.judge(f"{where} {name}", field["schema"], field.get("example"))
        for link in response.get("links", {}).values():
            self.need(link["operationId"] in self.operations, where, f"leads to {link['operationId']}, which is not there")
        content = response.get("content", {})
        if status[0] in "45":
            self.check_refusal(where, status, content)
            return
        for kind, media in content.items():
            self.need("example" in media, where, f"has no example of its {kind}")
            if "example" in media:
                self.judge(where, media["schema"], media["example"])

    def check_refusal(self, where, status, content):
        media = content.get("application/problem+json")
        self.need(media is not None, where, "is no problem")
        if media is None:
            return
        self.need(media["schema"] == {"$ref": "#/components/schemas/ProblemDetails"}, where, "is not a ProblemDetails")
        examples = media.get("examples", {})
        self.need(examples, where, "names no code")
        for code, reference in examples.items():
            self.codes.add(code)
            value = resolved(self.document, reference)["value"]
            self.judge(f"{where} {code}", media["schema"], value)
            self.need(value["code"] == code and str(value["status"]) == status, f"{where} {code}", "is of another status")
            self.need(value["type"] == f"/problems/{code}", f"{where} {code}", "leads to another page")

    def check_components(self):
        for name, schema in self.document["components"]["schemas"].items():
            self.need(schema.get("examples"), name, "has no example")
            for example in schema.get("examples", ()):
                self.judge(name, schema, example)
            for key, value in schema.get("properties", {}).items():
                for example in value.get("examples", ()):
                    self.judge(f"{name}.{key}", value, example)

    def check_problems(self):
        registry = self.document["x-problems"]
        self.need(self.document.get("x-responses"), "x-responses", "are not there")
        self.need(set(registry) == set(self.problems), "x-problems", "is not the table of problems")
        for code, entry in self.problems.items():
            known = registry.get(code, {})
            self.need(
                (known.get("status"), known.get("title")) == (entry["status"], entry["title"]), code, "is another problem")
        for status, reference in self.document.get("x-responses", {}).items():
            self.check_response(f"x-responses {status}", "get", status, resolved(self.document, reference))
        unused = sorted(set(self.problems) - self.codes - {"invalid_json"})
        self.need(not unused, "problems", f"no answer has {unused}")

    def judge(self, where, schema, value):
        for fault in self.schemas.faults(schema, value):
            self.faults.append(f"{where}: the example is not valid: {fault}")
