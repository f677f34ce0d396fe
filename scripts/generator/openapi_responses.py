"""What the OpenAPI document says of answers: statuses, header fields, problems by code, links to what a creation made."""

import re

from . import problems
from .descriptors import GeneratorError

STATUS_TEXTS = {
    200: "Done; the body is what was asked for.", 201: "Created; the body is what was made.",
    202: "Accepted; the rest is done afterwards.", 204: "Done; there is no body.",
}
# The statuses of refusals: the name in the document, and what all problems of the status have in common.
REFUSALS = {
    400: ("BadRequest", "The request cannot be read: malformed JSON, a wrong type, an unknown field or parameter."),
    401: ("Unauthorized", "No valid credentials; `WWW-Authenticate` says what is asked for."),
    403: ("Forbidden", "The caller may not do this."),
    404: ("NotFound", "There is no such resource, or it belongs to somebody else."),
    405: ("MethodNotAllowed", "The path is served by other methods; `Allow` names them."),
    406: ("NotAcceptable", "The answer would be of a type that `Accept` does not take."),
    408: ("RequestTimeout", "The request did not arrive in time; the connection is closed."),
    409: ("Conflict", "The present state does not allow this."),
    412: ("PreconditionFailed", "`If-Match` does not name the current version."),
    413: ("ContentTooLarge", "The body is larger than allowed."),
    414: ("TargetTooLong", "The request line is longer than 8 KiB."),
    415: ("UnsupportedMediaType", "The `Content-Type` or `Content-Encoding` is not taken here."),
    417: ("ExpectationFailed", "`Expect` asks for something else than `100-continue`."),
    422: ("InvalidField", "A field breaks a rule; `errors` says which."),
    429: ("TooManyRequests", "Too many requests; `Retry-After` says when to come back."),
    431: ("HeadersTooLarge", "The header fields are too many or too long."),
    500: ("InternalError", "A fault of ours; the request's id finds its log lines."),
    501: ("NotImplemented", "The method or the transfer coding is not served anywhere."),
    503: ("Unavailable", "A part of the system is away or busy; `Retry-After` says when to come back."),
    504: ("Timeout", "No answer within the deadline; `dependency` names the service."),
    505: ("VersionNotSupported", "The HTTP version is not served."),
}
# What may meet any request, whatever it asks for.
ANYWHERE = (
    "content_too_large", "expectation_failed", "headers_too_large", "internal_error", "invalid_request", "malformed_http",
    "not_acceptable", "overloaded", "rate_limited", "request_timeout", "target_too_long")
# What only requests get that no operation answers.
NOWHERE = ("method_not_allowed", "not_implemented", "unsupported_version")
# What a service answers, or does not.
OF_SERVICES = ("bad_request", "database_unavailable", "service_unavailable", "timeout", "unavailable")
OF_TOKENS = ("invalid_access_token", "service_unavailable", "unauthenticated")
# What does not make an answer a special one.
USUAL = {*ANYWHERE, *OF_SERVICES, *OF_TOKENS, "conflict", "idempotency_in_progress", "validation_failed"}
# Codes that are not of the public API.
OF_OPERATORS = ("invalid_json",)
# Header fields that every answer has, those of the limit by themselves.
ALWAYS = {"X-Request-Id": "RequestId", "Cache-Control": "CacheControl"}
COUNTED = {"RateLimit": "RateLimit", "RateLimit-Policy": "RateLimitPolicy"}


class Problems:
    """The table of problems, and which answers of which operations tell of them."""

    def __init__(self, entries):
        self._entries = {entry["code"]: entry for entry in entries}
        self._sets = {}

    def refusals(self, codes):
        """The answers that refuse with these codes, by status."""
        by_status = {}
        for code in sorted(set(codes)):
            if code not in self._entries:
                raise GeneratorError(f"a route names the problem {code}, which is not in the table")
            by_status.setdefault(self._entries[code]["status"], []).append(code)
        return {str(status): self._reference(status, tuple(named)) for status, named in sorted(by_status.items())}

    def of_method(self, method):
        """The codes that an rpc's route may answer with."""
        route = method.route
        codes = [*ANYWHERE, *OF_SERVICES, *route.problems]
        if route.auth != "none":
            codes += OF_TOKENS
            codes += ["insufficient_scope"] if route.scope else ["no_session"]
        if route.auth == "admin":
            codes.append("forbidden")
        if route.path_fields:
            codes.append("not_found")
        if route.path_fields or route.query_fields or route.body_fields:
            codes.append("validation_failed")
        if not (route.has_json_body or route.raw_body):
            codes.append("unexpected_body")
        if route.verb != "get":
            codes += ["conflict", "idempotency_in_progress", "idempotency_key_reused", "invalid_idempotency_key"]
            if route.has_json_body or route.raw_body:
                codes.append("unsupported_media_type")
            if method.service.context == "auth":
                # Wrong passwords are counted, and so are other requests with a key that was used.
                codes.append("too_many_attempts")
        if route.verb in ("put", "patch", "delete"):
            codes.append("precondition_failed")
        return codes

    def _reference(self, status, codes):
        names = self._sets.setdefault(status, [])
        if codes not in names:
            names.append(codes)
        return {"$ref": f"#/components/responses/{self._name(status, codes)}"}

    def _name(self, status, codes):
        """The status's name; where operations differ, with what is special to this set."""
        name = REFUSALS[status][0]
        special = [code for code in codes if code not in USUAL]
        if codes == ("idempotency_key_reused",):
            return "IdempotencyKeyReused"
        if status in (400, 503) and not set(codes) & set(OF_SERVICES):
            name += "AtGateway"
        is_alone = len(codes) == 1 and status not in (401, 403, 422)
        return name if is_alone else "_".join([name, *special])

    def components(self):
        """Every answer that was named."""
        made = {}
        for status, sets in self._sets.items():
            for codes in sets:
                name = self._name(status, codes)
                if name in made:
                    raise GeneratorError(f"two sets of problems are called {name}")
                made[name] = self._response(status, codes)
        return dict(sorted(made.items()))

    def examples(self):
        """One problem of each code."""
        return {
            code: {"summary": entry["title"], "value": problems.example(entry)} for code, entry in self._entries.items()
            if code not in OF_OPERATORS}

    def unclaimed(self):
        """The codes that no answer of the document has."""
        used = {code for sets in self._sets.values() for codes in sets for code in codes}
        return sorted(set(self._entries) - used - set(OF_OPERATORS))

    def _response(self, status, codes):
        fields = header_fields(ALWAYS, COUNTED)
        if status in (429, 503):
            fields["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
        elif status in (409, 504):
            fields["Retry-After"] = {"$ref": "#/components/headers/RetryAfterPerhaps"}
        if status == 401:
            fields["WWW-Authenticate"] = {"$ref": "#/components/headers/WWWAuthenticate"}
        if "insufficient_scope" in codes:
            fields["WWW-Authenticate"] = {"$ref": "#/components/headers/ScopeChallenge"}
        if status == 405:
            fields["Allow"] = {"$ref": "#/components/headers/Allow"}
        return {
            "description": REFUSALS[status][1],
            "headers": fields,
            "content": {
                "application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/ProblemDetails"},
                    "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
                }
            },
        }


def header_fields(*tables):
    return {name: {"$ref": f"#/components/headers/{value}"} for table in tables for name, value in table.items()}


def success(method, example, location=None):
    """What an rpc's route answers when all is well."""
    route = method.route
    fields = header_fields(ALWAYS, COUNTED)
    if route.verb != "get":
        fields["Idempotency-Replayed"] = {"$ref": "#/components/headers/IdempotencyReplayed"}
    if is_versioned(method) and route.status != 204:
        fields["ETag"] = {"$ref": "#/components/headers/ETag"}
    if location:
        fields["Location"] = {"$ref": "#/components/headers/Location"}
    result = {"description": STATUS_TEXTS[route.status], "headers": fields}
    if route.status != 204 and method.response.fields:
        reference = {"$ref": f"#/components/schemas/{method.response.name}"}
        result["content"] = {"application/json": {"schema": reference, "example": example}}
    return result


def unchanged(*tables):
    """304: the client has it already."""
    return {
        "description": "The version that `If-None-Match` names is still current; there is no body.",
        "headers": header_fields(ALWAYS, COUNTED, {"ETag": "ETag"}, *tables)}


def is_versioned(method):
    """Whether the answer has a version, and with it an entity tag."""
    return any(field.name == "version" for field in method.response.fields)


def add_links(paths, methods):
    """Leads from what a POST made, from the first of a list and from a receipt to the operations on it."""
    for method in methods:
        route, names = method.route, {field.name for field in method.response.fields}
        pointer, place = None, re.escape(route.path) + r"/\{(\w+)\}(?:/\w+)*"
        if route.status == 201 and "id" in names:
            pointer = "/id"
        elif "next_cursor" in names:
            pointer = "/data/0/id"
        elif route.status == 202 and len(names) == 1:
            name = min(names)
            pointer, place = f"/{name}", rf"/v1/{name.removesuffix('_id')}s/\{{(\w+)\}}"
        if pointer is None:
            continue
        found = {}
        for other in methods:
            match = re.fullmatch(place, other.route.path)
            if match:
                found[operation_id(other)] = link(other, match[1], pointer)
        if found:
            paths[route.path][route.verb]["responses"][str(route.status)]["links"] = dict(sorted(found.items()))


def link(method, parameter, pointer):
    return {
        "operationId": operation_id(method), "parameters": {parameter: f"$response.body#{pointer}"},
        "description": f"`{pointer[1:].replace('/', '.')}` of the answer is the `{parameter}` there.",
    }


def operation_id(method):
    return method.name[:1].lower() + method.name[1:]
