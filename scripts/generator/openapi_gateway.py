"""What the OpenAPI document says about the gateway itself: its own routes, problems, headers."""

from . import problems
from .openapi_responses import ALWAYS, ANYWHERE, COUNTED, OF_SERVICES, OF_TOKENS, header_fields, unchanged

INFO = {
    "title": "Florin",
    "summary": "Personal finance: expenses, budgets and investments.",
    "description": "Money is a decimal string with its currency, days are ISO 8601 dates, instants are RFC 3339 in UTC, "
    "identifiers are UUIDs. Absent and null mean the same in a request; unknown fields and query parameters are an error.\n\n"
    "HEAD answers as GET does without the body, OPTIONS names the methods of a path in `Allow`. Lists come in pages: "
    "`next_cursor` is the `cursor` of the next one, null on the last.\n\n"
    "Every refusal is a problem (RFC 9457), whose `type` leads to a page that explains it. Requests that no operation "
    "answers get one of `x-responses`; all problems are in `x-problems`.\n\n"
    "Answers of 1 KiB and more are sent with `Content-Encoding: gzip` where `Accept-Encoding` takes it. All answers carry "
    "`X-Content-Type-Options`, `Referrer-Policy`, `Cross-Origin-Resource-Policy`, `X-Frame-Options` and "
    "`Content-Security-Policy`.",
    "version": "1.0.0",
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}
# What every operation takes.
COMMON_PARAMETERS = ("RequestId", "TraceParent", "TraceState")
PAGE = {"type": "string", "description": "A page for people."}
PAGE_EXAMPLE = "<!DOCTYPE html>\n<html lang=\"en\">\n…"
ISSUER = {
    "type": "object",
    "description": "Metadata of the issuer of access tokens (OpenID Connect Discovery 1.0).",
    "properties": {
        "issuer": {"type": "string", "format": "uri"},
        "jwks_uri": {"type": "string", "format": "uri"},
        "response_types_supported": {"type": "array", "items": {"type": "string"}},
        "subject_types_supported": {"type": "array", "items": {"type": "string"}},
        "id_token_signing_alg_values_supported": {"type": "array", "items": {"type": "string"}},
        "scopes_supported": {"type": "array", "items": {"type": "string"}},
        "claims_supported": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["issuer", "jwks_uri", "response_types_supported", "subject_types_supported",
                 "id_token_signing_alg_values_supported"],
}
ISSUER_EXAMPLE = {
    "issuer": "https://florin.example", "jwks_uri": "https://florin.example/.well-known/jwks.json",
    "response_types_supported": [], "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"],
}
CONTRACT = {
    "type": "object", "description": "An OpenAPI document.",
    "properties": {"openapi": {"type": "string"}, "info": {"type": "object"}, "paths": {"type": "object"}},
    "required": ["openapi", "info", "paths"], "additionalProperties": True,
}
CONTRACT_EXAMPLE = {"openapi": "3.1.0", "info": {"title": "Florin", "version": "1.0.0"}, "paths": {}}
ARCHIVE = {
    "type": "object",
    "description": "Each service has an object, whose members are lists of what it holds.",
    "properties": {
        "exported_at": {"type": "string", "format": "date-time"},
        **{name: {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "object"}}}
           for name in ("auth", "expense", "portfolio", "events")},
    },
    "required": ["exported_at", "auth", "expense", "portfolio", "events"],
}
ARCHIVE_EXAMPLE = {
    "exported_at": "2026-11-20T09:30:00.123Z", "auth": {"users": [{"email": "ada@example.org", "display_name": "Ada"}]},
    "expense": {"categories": [{"name": "Groceries"}]}, "portfolio": {}, "events": {},
}
EVENT = {
    "type": "object",
    "description": "One event of the stream, by its fields.",
    "properties": {
        "id": {"type": "string", "description": "For `Last-Event-ID`."},
        "event": {"type": "string", "description": "Its type without `florin.`; `stream.gap` or `stream.overflow`, which have no id."},
        "data": {"type": "string", "description": "The CloudEvent as JSON; `{}` with one of the stream's own."},
    },
    "required": ["event", "data"],
}
EVENT_EXAMPLE = {
    "id": problems.REQUEST_ID, "event": "expense.expense_created.v1",
    "data": '{"specversion":"1.0","type":"florin.expense.expense_created.v1","subject":"019aa1b2-0000-7000-8000-00003e5bb6b4"}',
}
# Path, operation, summary, description, group, media type, schema and example of the documents that the gateway serves.
DOCUMENTS = (
    ("/", "getStartPage", "Where to begin", "A page that leads to the contract and to the problems.", "meta", "text/html",
     PAGE, PAGE_EXAMPLE),
    ("/openapi.json", "getContract", "This document", "The OpenAPI 3.1 document of all routes.", "meta", "application/json",
     CONTRACT, CONTRACT_EXAMPLE),
    ("/docs", "getDocumentation", "This document as a page", "Needs no other server.", "meta", "text/html",
     PAGE, PAGE_EXAMPLE),
    ("/problems", "listProblems", "All problems", "A page that lists every code with its status.", "meta", "text/html",
     PAGE, PAGE_EXAMPLE),
    ("/problems/{code}", "getProblem", "What a problem means",
     "The page that the `type` of a problem leads to: what happened, and what to do.", "meta", "text/html",
     PAGE, PAGE_EXAMPLE),
    ("/verify", "getVerificationPage", "Confirm an e-mail address",
     "The page that the mail leads to; a button sends the token to `/v1/auth/email/verify`.", "meta", "text/html",
     PAGE, PAGE_EXAMPLE),
    ("/reset", "getResetPage", "Set a new password",
     "The page that the mail leads to; a form sends the token to `/v1/auth/password/reset`.", "meta", "text/html",
     PAGE, PAGE_EXAMPLE),
    ("/.well-known/openid-configuration", "getIssuer", "What verifies access tokens, and where it is",
     "For libraries that find an issuer's keys by themselves.", "auth", "application/json", ISSUER, ISSUER_EXAMPLE),
)
PARAMETERS = {
    "getProblem": [{
        "name": "code", "in": "path", "required": True, "description": "The `code` of a problem.",
        "schema": {"type": "string"}, "example": "not_found"}],
    "getVerificationPage": [{
        "name": "token", "in": "query", "required": False, "description": "The one-time token of the mail.",
        "schema": {"type": "string"}, "example": "kE9vVnRGc2hhcmVkLXRva2Vu"}],
    "getResetPage": [{
        "name": "token", "in": "query", "required": False, "description": "The one-time token of the mail.",
        "schema": {"type": "string"}, "example": "kE9vVnRGc2hhcmVkLXRva2Vu"}],
}


def paths(refusals):
    """The routes that the gateway answers without calling a service."""
    personal = (*ANYWHERE, *OF_SERVICES, *OF_TOKENS, "unexpected_body")
    stream = own(
        "streamEvents", "The caller's events as they happen",
        "Server-sent events: `id` is the event's id, `event` its type, `data` the CloudEvent as JSON; a line that begins "
        "with a colon means nothing and keeps the connection open. With `Last-Event-ID` the stream begins with what followed "
        "that event; where that is not kept any more (an hour), or never was, with an event `stream.gap` without an id: read "
        "anew what you show. A client that reads too slowly gets `stream.overflow`, without an id, as its last event, and goes "
        "on after the one before it by coming back. A personal API token needs the scope `events:read`.",
        "events", ["LastEventID"], "A stream that goes on until one side ends it.", "text/event-stream",
        EVENT, EVENT_EXAMPLE)
    stream["responses"] |= refusals.refusals((*personal, "insufficient_scope", "invalid_last_event_id", "too_many_streams"))
    archive = own(
        "exportMe", "Everything that Florin knows of the caller",
        "One JSON document, written as it is read. A personal API token is not enough.", "users", [], "The archive.",
        "application/json", ARCHIVE, ARCHIVE_EXAMPLE)
    archive["responses"]["200"]["headers"]["Content-Disposition"] = {"$ref": "#/components/headers/ContentDisposition"}
    archive["responses"] |= refusals.refusals((*personal, "no_session", "too_many_streams"))
    result = {"/v1/events/stream": {"get": stream}, "/v1/users/me/export": {"get": archive}}
    for path, operation, summary, description, tag, media_type, schema, example in DOCUMENTS:
        made = own(operation, summary, description, tag, ["IfNoneMatch"], "The document.", media_type, schema, example)
        made["parameters"] = [*PARAMETERS.get(operation, ()), *made["parameters"]]
        cached = {"ETag": "ETag"}
        made["responses"]["200"]["headers"] |= header_fields(cached)
        made["responses"]["304"] = unchanged()
        missing = ["not_found"] if "{" in path else []
        made["responses"] |= refusals.refusals((*ANYWHERE, "unexpected_body", *missing))
        made["security"] = []
        result[path] = {"get": made}
    return result


def own(operation, summary, description, tag, parameters, answer, media_type, schema, example):
    """An operation of the gateway's own, with its answer of success."""
    return {
        "operationId": operation,
        "summary": summary,
        "description": description,
        "tags": [tag],
        "parameters": [
            {"$ref": f"#/components/parameters/{name}"} for name in (*parameters, *COMMON_PARAMETERS)],
        "responses": {
            "200": {
                "description": answer,
                "headers": header_fields(ALWAYS, COUNTED),
                "content": {media_type: {"schema": schema, "example": example}},
            },
        },
        "security": [{"bearer": []}],
    }


def problem_schema(known_problems):
    return {
        "type": "object",
        "description": "What went wrong (RFC 9457).",
        "properties": {
            "type": {"type": "string", "format": "uri-reference", "description": "`/problems/` and the code: a page."},
            "title": {"type": "string", "description": "The problem in a few words, the same each time."},
            "status": {"type": "integer", "description": "The status of the answer."},
            "detail": {"type": "string", "description": "What is special to this time; where nothing is, what the code means."},
            "instance": {"type": "string", "format": "uri-reference", "description": "The path that was asked for, where it could be read."},
            "code": {
                "type": "string", "description": "What programs tell problems apart by. New ones may come: the status tells "
                "the kind.", "examples": [entry["code"] for entry in known_problems[:1]],
            },
            "request_id": {"type": "string", "description": "The `X-Request-Id`, for those who look at the logs."},
            "dependency": {"type": "string", "description": "The service that did not answer, where one is to blame."},
            "errors": {
                "type": "array", "items": {"$ref": "#/components/schemas/ProblemFieldError"},
                "description": "Everything that is wrong with the fields, at once.",
            },
        },
        "required": ["type", "title", "status", "detail", "code", "request_id"],
        "examples": [problems.example(entry) for entry in known_problems if entry["code"] == "not_found"],
    }


def field_error_schema():
    return {
        "type": "object",
        "description": "One field that breaks a rule.",
        "properties": {
            "field": {"type": "string", "description": "A path such as `splits.0.amount.currency`."},
            "code": {"type": "string", "description": "The rule."},
            "message": {"type": "string", "description": "The rule for people, to be read after the field's name."},
        },
        "required": ["field", "code", "message"],
        "examples": [{"field": "amount.currency", "code": "required", "message": "is required"}],
    }


def header_parameter(name, description, example, schema=None):
    return {
        "name": name, "in": "header", "required": False, "description": description, "schema": schema or {"type": "string"},
        "example": example,
    }


def parameters():
    return {
        "IdempotencyKey": header_parameter(
            "Idempotency-Key",
            "Makes a repeat safe. For 24 hours the same key with the same method, target and body gets the first answer again, with "
            "`Idempotency-Replayed`; with another request it is 422 `idempotency_key_reused`, and while the first still runs 409 "
            "`idempotency_in_progress`. What was refused does not use up its key. Keys of different callers have nothing to do with "
            "each other; who has no access token is known by the token, the password or the address in the request.",
            "5f9c1f0e-expense-42", {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}),
        "LastEventID": header_parameter(
            "Last-Event-ID", "The last event that the caller has; the stream goes on after it.",
            problems.REQUEST_ID, {"type": "string", "format": "uuid"}),
        "IfMatch": header_parameter(
            "If-Match", "The ETag of the version that the change is meant for; `*` for any. 412 when it has changed.", '"1"'),
        "IfNoneMatch": header_parameter(
            "If-None-Match", "The ETag of the version that the caller has; 304 when it is still current.", '"1"'),
        "RequestId": header_parameter(
            "X-Request-Id",
            "Names the request in answers and logs: 1 to 128 letters, digits, `.`, `_`, `-`, `:`. Another one is replaced.",
            problems.REQUEST_ID),
        "TraceParent": header_parameter(
            "traceparent", "The caller's place in a trace (W3C Trace Context); one that is malformed begins a new trace.",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        "TraceState": header_parameter(
            "tracestate", "What vendors add to `traceparent`; passed on.", "vendor=t61rcWkgMzE"),
    }


def header(description, example, schema=None, required=True):
    result = {"description": description, "required": required, "schema": schema or {"type": "string"}, "example": example}
    if not required:
        del result["required"]
    return result


def headers():
    seconds = {"type": "integer", "minimum": 1}
    return {
        "RequestId": header("Names this request in logs.", problems.REQUEST_ID),
        "CacheControl": header(
            "`no-store` for what is personal; how long others may be kept.", "no-store"),
        "Location": header("Where that is which was made.", f"/v1/expenses/{problems.REQUEST_ID}", {
            "type": "string", "format": "uri-reference"}),
        "ETag": header("Names the version of the resource.", '"1"'),
        "RateLimit": header(
            "What is left of the quota (draft-ietf-httpapi-ratelimit-headers). What is refused before it is a request is not "
            "counted, and tells how the address stands.", '"user";r=999;t=60'),
        "RateLimitPolicy": header("The quota and its window in seconds.", '"user";q=1000;w=60'),
        "RetryAfter": header("Seconds to wait.", 1, seconds),
        "RetryAfterPerhaps": header("Seconds to wait, where that helps.", 1, seconds, required=False),
        "IdempotencyReplayed": header(
            "`true` where the answer was given before, to the same request with the same key.", "true", {"type": "string", "enum": ["true"]}, required=False),
        "WWWAuthenticate": header("How to authenticate (RFC 6750).", 'Bearer realm="florin"'),
        "ScopeChallenge": header(
            "The scope that the token lacks (RFC 6750).",
            'Bearer realm="florin", error="insufficient_scope", scope="expenses:write"', required=False),
        "Allow": header("The methods that the path takes.", "GET, HEAD, OPTIONS"),
        "ContentDisposition": header("The name to save it under.", 'attachment; filename="florin.json"'),
    }
