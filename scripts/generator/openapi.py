"""The OpenAPI 3.1 document of all routes."""

import json

from . import openapi_gateway, problems
from .swift_json import body_fields
from .swift_text import sentence

STATUS_TEXTS = {
    200: "Success", 201: "Created", 202: "Accepted", 204: "Done; no body",
}
PROBLEMS = {
    "400": "BadRequest", "401": "Unauthorized", "403": "Forbidden", "404": "NotFound", "406": "NotAcceptable", "409": "Conflict",
    "412": "PreconditionFailed", "413": "ContentTooLarge", "415": "UnsupportedMediaType", "422": "InvalidField",
    "429": "TooManyRequests", "503": "Unavailable", "504": "Timeout",
}
PROBLEM_TEXTS = {
    "BadRequest": "The request cannot be read: malformed JSON, a wrong type, an unknown field or parameter.",
    "Unauthorized": "No valid credentials.",
    "Forbidden": "The caller may not do this.",
    "NotFound": "There is no such resource, or it belongs to somebody else.",
    "NotAcceptable": "The answer would be of a type that Accept does not take.",
    "Conflict": "The state of the resource does not allow this.",
    "PreconditionFailed": "If-Match does not name the current version.",
    "ContentTooLarge": "The body is larger than allowed.",
    "UnsupportedMediaType": "The Content-Type is not accepted here.",
    "InvalidField": "A field breaks a rule; `errors` says which.",
    "TooManyRequests": "Too many requests; `Retry-After` says when to come back.",
    "Unavailable": "A part of the system is away; `Retry-After` says when to come back.",
    "Timeout": "No answer within the deadline.",
}
# Operations that anybody may call and that refuse wrong credentials; a right password may meet a locked account.
SIGN_IN = ("Login", "CompleteLogin", "SignInWithIdToken", "Refresh")
# What the parameters of every list take.
PAGE = {
    "limit": {"minimum": 1, "maximum": 100, "default": 50},
    "cursor": {"minLength": 1},
}
# What free text in a request cannot hold.
NO_NUL = "^[^\\u0000]*$"
CURSOR_TEXT = "The `next_cursor` of the page before; anything else is refused with 400."
# Header fields that every answer of a route has.
COMMON_HEADERS = {
    "X-Request-Id": {"$ref": "#/components/headers/RequestId"},
    "RateLimit": {"$ref": "#/components/headers/RateLimit"},
    "RateLimit-Policy": {"$ref": "#/components/headers/RateLimitPolicy"},
}
EXAMPLES = {
    "date": "2026-11-20", "date-time": "2026-11-20T09:30:00.123Z", "decimal": "12.34",
    "uuid": "019aa1b2-0000-7000-8000-000000000001", "email": "ada@example.org", "currency": "EUR",
    "uri": "https://example.org/",
}


def document(model, path_fields, known_problems):
    schemas = {}
    for message in model.messages:
        if not message.is_request:
            schemas[message.name] = schema(message, message.fields, answer=True)
    paths = {}
    versioned = versioned_paths(model)
    for method in model.routed_methods:
        route = method.route
        if route.has_json_body and route.body_fields:
            message = method.request
            schemas[message.name] = schema(message, body_fields(message, path_fields.get(message.name, set())), answer=False)
        paths.setdefault(route.path, {})[route.verb] = operation(method, versioned)
    paths.update(openapi_gateway.paths())
    used = reachable(paths, schemas)
    schemas = {name: value for name, value in schemas.items() if name in used}
    schemas["ProblemDetails"] = openapi_gateway.problem_schema()
    schemas["ProblemFieldError"] = openapi_gateway.field_error_schema()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Florin",
            "summary": "Personal finance: expenses, budgets and investments.",
            "description": "Money is a decimal string with its currency, days are ISO 8601 dates, instants are RFC 3339 in UTC, "
            "identifiers are UUIDs. Absent and null mean the same in a request; unknown fields are an error.",
            "version": "1.0.0",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": tags(model),
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": {name: problem_response(name, known_problems) for name in PROBLEM_TEXTS},
            "parameters": openapi_gateway.parameters(),
            "headers": openapi_gateway.headers(),
            "securitySchemes": {
                "bearer": {
                    "type": "http", "scheme": "bearer",
                    "description": "An access token from `/v1/auth/login`, or a personal API token.",
                }
            },
        },
        "x-problems": problems.registry(known_problems),
    }


def versioned_paths(model):
    """The paths of what has a version, and with it an entity tag."""
    return {method.route.path for method in model.routed_methods if is_versioned(method) and method.route.verb != "post"}


def text(contract):
    return json.dumps(contract, indent=2, ensure_ascii=False) + "\n"


def swift(contract):
    """The document as the gateway serves it: without white space, in the program itself."""
    compact = json.dumps(contract, separators=(",", ":"), ensure_ascii=False)
    return (
        "/// The OpenAPI 3.1 document of all routes.\n"
        "package enum OpenAPIDocument {\n"
        "    /// The JSON text.\n"
        f'    package static let json = ##"{compact}"##\n'
        "}\n")


def tags(model):
    described = {}
    for service in model.services:
        for method in service.methods:
            if method.route:
                described.setdefault(method.route.tag, service.comment)
    described.update(openapi_gateway.TAGS)
    return [{"name": name, "description": comment} for name, comment in sorted(described.items())]


def reachable(paths, schemas):
    found = set()
    pending = [json.dumps(paths)]
    while pending:
        for part in pending.pop().split('"#/components/schemas/')[1:]:
            name = part.split('"', 1)[0]
            if name not in found:
                found.add(name)
                pending.append(json.dumps(schemas.get(name, {})))
    return found


def schema(message, fields, answer):
    is_read = not answer or message.read_from_json
    properties = {field.name: field_schema(field, answer, is_read) for field in fields}
    if answer:
        required = [field.name for field in fields if field.is_always_written]
    else:
        required = [field.name for field in fields if field.rule.required]
    result = {"type": "object"}
    if message.comment:
        result["description"] = message.comment
    result["properties"] = properties
    if required:
        result["required"] = required
    if is_read:
        result["additionalProperties"] = False
    example = {field.name: field_example(field) for field in fields if not answer}
    example = {name: value for name, value in example.items() if value is not None}
    if example and not answer:
        result["examples"] = [example]
    return result


def field_schema(field, answer, is_read):
    result = element_schema(field, is_read)
    if field.repeated:
        result = {"type": "array", "items": result}
        if field.rule.max_length:
            result["maxItems"] = field.rule.max_length
    nullable = field.rule.nullable if answer else not field.rule.required
    if nullable:
        result = nullable_schema(result)
    if field.rule.description:
        result["description"] = sentence(field.rule.description)
    return result


def nullable_schema(result):
    if "$ref" in result:
        return {"oneOf": [result, {"type": "null"}]}
    return {**result, "type": [result["type"], "null"]}


def element_schema(field, is_read):
    if field.kind == "message":
        return {"$ref": f"#/components/schemas/{field.message.name}"}
    if field.kind == "string":
        return string_schema(field, is_read)
    if field.kind == "bool":
        return {"type": "boolean"}
    result = {"type": "integer", "format": "int64" if field.kind.endswith("64") else "int32"}
    if field.rule.example and not field.repeated:
        result["examples"] = [int(field.rule.example)]
    return result


def string_schema(field, is_read):
    rule = field.rule
    result = {"type": "string"}
    if rule.format in ("date", "date-time", "uuid", "email", "uri"):
        result["format"] = rule.format
    if rule.format == "decimal":
        result["pattern"] = "^-?[0-9]+(\\.[0-9]+)?$"
    if rule.format == "currency":
        result["pattern"] = "^[A-Z]{3}$"
    if not rule.format and is_read:
        result["pattern"] = NO_NUL
    if rule.max_length and not field.repeated:
        result["maxLength"] = rule.max_length
    example = rule.example or EXAMPLES.get(rule.format)
    if example and not field.repeated:
        result["examples"] = [example]
    return result


def field_example(field):
    """A value for the example of a request: what is required, and what has an example of its own."""
    if field.kind == "message":
        if not field.rule.required and not field.repeated:
            return None
        value = {inner.name: field_example(inner) for inner in field.message.fields}
        value = {name: item for name, item in value.items() if item is not None}
        return None if field.repeated else value
    if field.repeated:
        return [int(field.rule.example)] if field.rule.example and field.kind != "string" else None
    if field.rule.example:
        return field.rule.example if field.kind == "string" else json.loads(field.rule.example)
    if field.rule.required:
        return EXAMPLES.get(field.rule.format, "text") if field.kind == "string" else 1
    return None


def operation(method, versioned):
    route = method.route
    takes_version = route.verb in ("put", "patch", "delete") and route.path in versioned
    result = {
        "operationId": method.name[:1].lower() + method.name[1:],
        "summary": route.summary,
        "tags": [route.tag],
    }
    description = [sentence(method.comment)] if method.comment else []
    if route.scope:
        description.append(f"A personal API token needs the scope `{route.scope}`.")
    if route.auth == "admin":
        description.append("For administrators.")
    if description:
        result["description"] = " ".join(description)
    parameters = [parameter(field, "path") for field in route.path_fields]
    parameters += [parameter(field, "query") for field in route.query_fields]
    if route.verb not in ("get",):
        parameters.append({"$ref": "#/components/parameters/IdempotencyKey"})
    if is_versioned(method) and route.verb == "get":
        parameters.append({"$ref": "#/components/parameters/IfNoneMatch"})
    if takes_version:
        parameters.append({"$ref": "#/components/parameters/IfMatch"})
    if parameters:
        result["parameters"] = parameters
    body = request_body(method)
    if body:
        result["requestBody"] = body
    result["responses"] = responses(method, takes_version)
    result["security"] = [] if route.auth == "none" else [{"bearer": []}]
    return result


def is_versioned(method):
    return any(field.name == "version" for field in method.response.fields)


def parameter(field, place):
    result = {"name": field.name, "in": place, "required": place == "path" or field.rule.required}
    if field.rule.description:
        result["description"] = sentence(field.rule.description)
    item = element_schema(field, is_read=True)
    if place == "query" and field.name in PAGE:
        item = {**item, **PAGE[field.name]}
        if field.name == "cursor":
            result.setdefault("description", CURSOR_TEXT)
    result["schema"] = {"type": "array", "items": item} if field.repeated else item
    return result


def request_body(method):
    route = method.route
    if route.raw_body:
        return {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
    if not route.body_fields:
        return None
    required = any(field.rule.required for field in route.body_fields)
    reference = {"$ref": f"#/components/schemas/{method.request.name}"}
    return {"required": required, "content": {"application/json": {"schema": reference}}}


def responses(method, takes_version):
    route = method.route
    success = {
        "description": STATUS_TEXTS.get(route.status, "Success"),
        "headers": dict(COMMON_HEADERS),
    }
    if route.verb != "get":
        success["headers"]["Idempotency-Replayed"] = {"$ref": "#/components/headers/IdempotencyReplayed"}
    if is_versioned(method) and route.status != 204:
        success["headers"]["ETag"] = {"$ref": "#/components/headers/ETag"}
    if route.status != 204 and method.response.fields:
        reference = {"$ref": f"#/components/schemas/{method.response.name}"}
        success["content"] = {"application/json": {"schema": reference}}
    result = {str(route.status): success}
    if is_versioned(method) and route.verb == "get":
        result["304"] = {
            "description": "The version that If-None-Match names is still current.", "headers": dict(COMMON_HEADERS)}
    codes = ["400", "406", "429", "503", "504"]
    if route.auth != "none" or method.name in SIGN_IN:
        codes += ["401", "403"]
    if route.path_fields:
        codes.append("404")
    if route.verb != "get":
        codes += ["409", "413", "415", "422"]
    elif route.query_fields or route.path_fields:
        codes.append("422")
    if takes_version:
        codes.append("412")
    for code in sorted(set(codes)):
        result[code] = {"$ref": f"#/components/responses/{PROBLEMS[code]}"}
    return result


def problem_response(name, known_problems):
    code = next(code for code, value in PROBLEMS.items() if value == name)
    result = {"description": PROBLEM_TEXTS[name], "headers": dict(COMMON_HEADERS)}
    if name in ("TooManyRequests", "Unavailable", "Timeout", "Conflict"):
        result["headers"]["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    if name == "Unauthorized":
        result["headers"]["WWW-Authenticate"] = {"$ref": "#/components/headers/WWWAuthenticate"}
    examples = {
        entry["code"]: {"summary": entry["title"], "value": problem_example(entry)}
        for entry in known_problems if entry["status"] == int(code)
    }
    result["content"] = {
        "application/problem+json": {
            "schema": {"$ref": "#/components/schemas/ProblemDetails"}, "examples": examples}}
    return result


def problem_example(entry):
    example = {
        "type": f"/problems/{entry['code']}", "title": entry["title"], "status": entry["status"], "code": entry["code"],
        "request_id": "019aa1b2-0000-7000-8000-000000000001",
    }
    if entry["code"] == "validation_failed":
        example["errors"] = [{"field": "amount.currency", "code": "required", "message": "is required"}]
    if entry["code"] in ("service_unavailable", "timeout"):
        example["dependency"] = "expense"
    return example
