"""What the OpenAPI document says about the gateway itself: its own routes, problems, headers."""

TAGS = {
    "events": "What happens, as it happens.",
    "meta": "The contract itself.",
}


TEXT = {"type": "string"}
# Path, operation, summary, group, media type and schema of the documents that the gateway serves.
DOCUMENTS = (
    ("/", "getStartPage", "Where to begin", "meta", "text/html", TEXT),
    ("/openapi.json", "getContract", "This document", "meta", "application/json", {"type": "object"}),
    ("/docs", "getDocumentation", "This document as a page", "meta", "text/html", TEXT),
    ("/problems", "listProblems", "All problems", "meta", "text/html", TEXT),
    ("/.well-known/openid-configuration", "getIssuer", "What verifies access tokens, and where it is", "auth",
     "application/json", {"type": "object"}),
)


def paths():
    """The routes that the gateway answers without calling a service."""
    limits = {code: {"$ref": f"#/components/responses/{name}"} for code, name in (
        ("400", "BadRequest"), ("429", "TooManyRequests"), ("503", "Unavailable"))}
    refused = {code: {"$ref": f"#/components/responses/{name}"} for code, name in (
        ("401", "Unauthorized"), ("403", "Forbidden"))}
    stream = {
        "operationId": "streamEvents",
        "summary": "The caller's events as they happen",
        "description": "Server-sent events: `id` is the event's id, `event` its type, `data` the CloudEvent as JSON. "
        "With `Last-Event-ID` the stream begins with what followed that event; where that is not kept any more (an hour), or "
        "never was, with an event `stream.gap` without an id: read anew what you show. "
        "A client that reads too slowly gets `stream.overflow`, without an id, as its last event, and goes on after the one "
        "before it by coming back. "
        "A personal API token needs the scope `events:read`.",
        "tags": ["events"],
        "parameters": [{"$ref": "#/components/parameters/LastEventID"}],
        "responses": {
            "200": {
                "description": "A stream that goes on until one side ends it.",
                "headers": {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}},
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            **limits, **refused,
        },
        "security": [{"bearer": []}],
    }
    archive = {
        "operationId": "exportMe",
        "summary": "Everything that Florin knows of the caller",
        "description": "One JSON document; each service has an object of lists. A personal API token cannot read it.",
        "tags": ["users"],
        "responses": {
            "200": {
                "description": "The archive.",
                "headers": {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}},
                "content": {"application/json": {"schema": {"type": "object"}}},
            },
            **limits, **refused,
        },
        "security": [{"bearer": []}],
    }
    paths = {"/v1/events/stream": {"get": stream}, "/v1/users/me/export": {"get": archive}}
    for path, operation, summary, tag, media_type, schema in DOCUMENTS:
        paths[path] = {"get": document(operation, summary, tag, media_type, schema, limits)}
    missing = {"404": {"$ref": "#/components/responses/NotFound"}}
    paths["/problems/{code}"] = {
        "get": document("getProblem", "What a problem means", "meta", "text/html", {"type": "string"}, {**limits, **missing})}
    paths["/problems/{code}"]["get"]["parameters"] = [{
        "name": "code", "in": "path", "required": True, "description": "The `code` of a problem.",
        "schema": {"type": "string"}, "example": "not_found"}]
    return paths


def document(operation, summary, tag, media_type, schema, refusals):
    """A document that anybody may read and keep for a while."""
    return {
        "operationId": operation,
        "summary": summary,
        "tags": [tag],
        "parameters": [{"$ref": "#/components/parameters/IfNoneMatch"}],
        "responses": {
            "200": {
                "description": "The document.",
                "headers": {
                    "X-Request-Id": {"$ref": "#/components/headers/RequestId"},
                    "Cache-Control": {"$ref": "#/components/headers/CacheControl"},
                },
                "content": {media_type: {"schema": schema}},
            },
            "304": {"description": "What If-None-Match names is still current."},
            **refusals,
        },
        "security": [],
    }


def problem_schema():
    return {
        "type": "object",
        "description": "What went wrong (RFC 9457).",
        "properties": {
            "type": {"type": "string", "format": "uri-reference", "description": "`/problems/` and the code."},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "instance": {"type": "string", "format": "uri-reference"},
            "code": {"type": "string"},
            "request_id": {"type": "string"},
            "dependency": {"type": "string", "description": "The service that did not answer, where one is to blame."},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/ProblemFieldError"}},
        },
        "required": ["type", "title", "status", "code"],
    }


def field_error_schema():
    return {
        "type": "object",
        "properties": {
            "field": {"type": "string", "description": "A path such as `splits.0.amount.currency`."},
            "code": {"type": "string"},
            "message": {"type": "string"},
        },
        "required": ["field", "code", "message"],
    }


def parameters():
    return {
        "IdempotencyKey": {
            "name": "Idempotency-Key", "in": "header", "required": False,
            "description": "Makes a repeat safe: the same key with the same request gets the first answer again, for 24 hours.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        },
        "LastEventID": {
            "name": "Last-Event-ID", "in": "header", "required": False,
            "description": "The last event that the caller has; the stream goes on after it.",
            "schema": {"type": "string", "format": "uuid"},
        },
        "IfMatch": {
            "name": "If-Match", "in": "header", "required": False,
            "description": "The ETag of the version that the change is meant for.", "schema": {"type": "string"},
        },
        "IfNoneMatch": {
            "name": "If-None-Match", "in": "header", "required": False,
            "description": "The ETag of the version that the caller has.", "schema": {"type": "string"},
        },
    }


def headers():
    return {
        "RequestId": {"description": "Names this request in logs.", "schema": {"type": "string"}},
        "ETag": {"description": "Names the version of the resource.", "schema": {"type": "string"}},
        "RetryAfter": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
        "RateLimit": {
            "description": "What is left of the quota (draft-ietf-httpapi-ratelimit-headers).", "schema": {"type": "string"},
            "example": '"user";r=999;t=60',
        },
        "RateLimitPolicy": {
            "description": "The quota and its window in seconds.", "schema": {"type": "string"},
            "example": '"user";q=1000;w=60',
        },
        "IdempotencyReplayed": {
            "description": "`true` where the answer was given before.", "schema": {"type": "string", "enum": ["true"]},
        },
        "WWWAuthenticate": {
            "description": "How to authenticate (RFC 6750).", "schema": {"type": "string"},
            "example": 'Bearer realm="florin"',
        },
        "CacheControl": {
            "description": "How long the document may be kept.", "schema": {"type": "string"},
            "example": "public, max-age=300",
        },
    }
