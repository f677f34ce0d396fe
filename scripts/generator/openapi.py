"""The OpenAPI 3.1 document of all routes."""

import json

from . import locations, openapi_examples, openapi_gateway, openapi_tags, problems
from .openapi_responses import ANYWHERE, NOWHERE, Problems, add_links, is_versioned, operation_id, success, unchanged
from .swift_json import body_fields
from .swift_text import sentence

# What the parameters of every list take.
PAGE = {
    "limit": {"minimum": 1, "maximum": 100, "default": 50},
    "cursor": {"minLength": 1},
}
# What free text in a request cannot hold.
NO_NUL = "^[^\\u0000]*$"
CURSOR_TEXT = "The `next_cursor` of the page before; anything else is refused with 400."


def document(model, path_fields, known_problems):
    schemas = {}
    for message in model.messages:
        if not message.is_request:
            schemas[message.name] = schema(message, message.fields, answer=True)
    refusals = Problems(known_problems)
    paths = {}
    versioned = versioned_paths(model)
    for method in model.routed_methods:
        route = method.route
        if route.has_json_body and route.body_fields:
            message = method.request
            schemas[message.name] = schema(message, body_fields(message, path_fields.get(message.name, set())), answer=False)
        paths.setdefault(route.path, {})[route.verb] = operation(method, versioned, refusals, model.routed_methods)
    add_links(paths, model.routed_methods)
    paths.update(openapi_gateway.paths(refusals))
    elsewhere = refusals.refusals((*ANYWHERE, *NOWHERE, "not_found"))
    used = reachable(paths, schemas)
    schemas = {name: value for name, value in schemas.items() if name in used}
    schemas["ProblemDetails"] = openapi_gateway.problem_schema(known_problems)
    schemas["ProblemFieldError"] = openapi_gateway.field_error_schema()
    return {
        "openapi": "3.1.0",
        "info": openapi_gateway.INFO,
        "servers": [{"url": "/", "description": "The server that this document was read from."}],
        "tags": openapi_tags.described(paths),
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": refusals.components(),
            "parameters": openapi_gateway.parameters(),
            "examples": refusals.examples(),
            "headers": openapi_gateway.headers(),
            "securitySchemes": {
                "bearer": {
                    "type": "http", "scheme": "bearer",
                    "description": "An access token from `/v1/auth/login`, or a personal API token.",
                }
            },
        },
        "x-responses": elsewhere,
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
    properties = {field.name: field_schema(field, message, answer, is_read) for field in fields}
    if answer:
        required = [field.name for field in fields if field.is_always_written or field.rule.always]
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
    if message.name in openapi_examples.ALTERNATIVES:
        result["minProperties"] = result["maxProperties"] = 1
    example = openapi_examples.of_answer(message) if answer else openapi_examples.of_request(message, fields)
    if example:
        result["examples"] = [example]
    return result


def field_schema(field, owner, answer, is_read):
    result = element_schema(field, owner, is_read)
    if field.repeated:
        result = {"type": "array", "items": result}
        if field.rule.max_length and (is_read or not answer):
            result["maxItems"] = field.rule.max_length
    nullable = field.rule.nullable if answer else not field.rule.required
    if nullable:
        result = nullable_schema(result)
    description = [sentence(field.rule.description)] if field.rule.description else []
    if answer and field.rule.values:
        # Not an enumeration: a client that was made today is to understand the answers of tomorrow.
        description.append(f"{', '.join(f'`{value}`' for value in field.rule.values)}; more may come.")
    if description:
        result["description"] = " ".join(description)
    return result


def nullable_schema(result):
    if "$ref" in result or "enum" in result:
        return {"oneOf": [result, {"type": "null"}]}
    return {**result, "type": [result["type"], "null"]}


def element_schema(field, owner, is_read):
    if field.kind == "message":
        return {"$ref": f"#/components/schemas/{field.message.name}"}
    if field.kind == "string":
        return string_schema(field, owner, is_read)
    if field.kind == "bool":
        return {"type": "boolean"}
    result = {"type": "integer", "format": "int64" if field.kind.endswith("64") else "int32"}
    if field.rule.example and not field.repeated:
        result["examples"] = [int(field.rule.example)]
    return result


def string_schema(field, owner, is_read):
    rule = field.rule
    result = {"type": "string"}
    if rule.format in ("date", "date-time", "uuid", "email", "uri"):
        result["format"] = rule.format
    if rule.format == "decimal":
        result["pattern"] = "^-?[0-9]+(\\.[0-9]+)?$"
    if rule.format == "currency":
        result["pattern"] = "^[A-Z]{3}$"
    if rule.values and is_read:
        result["enum"] = list(rule.values)
        return result
    if not rule.format and is_read:
        result["pattern"] = NO_NUL
    if rule.max_length and not field.repeated:
        result["maxLength"] = rule.max_length
    example = openapi_examples.value_of(field, owner)
    if example and not field.repeated:
        result["examples"] = [example]
    return result


def operation(method, versioned, refusals, methods):
    route = method.route
    takes_version = route.verb in ("put", "patch", "delete") and route.path in versioned
    result = {
        "operationId": operation_id(method),
        "summary": route.summary,
        "tags": [route.tag],
    }
    description = [sentence(method.comment)] if method.comment else []
    if route.auth == "admin":
        description.append("For administrators.")
    if route.scope:
        description.append(f"A personal API token needs the scope `{route.scope}`.")
    elif route.auth != "none":
        description.append("A personal API token is not enough.")
    if description:
        result["description"] = " ".join(description)
    parameters = [parameter(method, field, "path") for field in route.path_fields]
    parameters += [parameter(method, field, "query") for field in route.query_fields]
    named = [] if route.verb == "get" else ["IdempotencyKey"]
    named += ["IfNoneMatch"] if is_versioned(method) and route.verb == "get" else []
    named += ["IfMatch"] if takes_version else []
    result["parameters"] = parameters + [
        {"$ref": f"#/components/parameters/{name}"} for name in (*named, *openapi_gateway.COMMON_PARAMETERS)]
    body = request_body(method)
    if body:
        result["requestBody"] = body
    result["responses"] = {str(route.status): success(
        method, openapi_examples.of_answer(method.response), locations.template(method, methods))}
    if is_versioned(method) and route.verb == "get":
        result["responses"]["304"] = unchanged()
    result["responses"] |= refusals.refusals(refusals.of_method(method))
    result["security"] = [] if route.auth == "none" else [{"bearer": []}]
    return result


def parameter(method, field, place):
    result = {"name": field.name, "in": place, "required": place == "path" or field.rule.required}
    if field.rule.description:
        result["description"] = sentence(field.rule.description)
    item = element_schema(field, method.request, is_read=True)
    if place == "query" and field.name in PAGE:
        item = {**item, **PAGE[field.name]}
        if field.name == "cursor":
            result.setdefault("description", CURSOR_TEXT)
    result["schema"] = {"type": "array", "items": item} if field.repeated else item
    return result


def request_body(method):
    route = method.route
    if route.raw_body:
        media = {"schema": {"type": "string", "format": "binary"}}
        if route.body_example:
            media["example"] = route.body_example
        return {"required": True, "description": "The file itself.", "content": {"application/octet-stream": media}}
    if not route.body_fields:
        return None
    required = any(field.rule.required for field in route.body_fields)
    media = {"schema": {"$ref": f"#/components/schemas/{method.request.name}"}}
    example = openapi_examples.of_request(method.request, route.body_fields)
    if example:
        media["example"] = example
    return {"required": required, "content": {"application/json": media}}
