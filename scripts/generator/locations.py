"""Where the thing is that a request has made: what `Location` says beside 201 (RFC 9110 section 15.3.2)."""

import re


def template(method, methods):
    """The path of what the method makes, the last part in braces being the answer's `id`; None where it has none."""
    route = method.route
    if route.status != 201:
        return None
    below = re.escape(route.path) + r"/\{\w+\}"
    names = {field.name for field in method.response.fields}
    if "id" in names and any(re.fullmatch(below, other.route.path) for other in methods):
        return f"{route.path}/{{id}}"
    # What there is one of for each caller.
    for other in methods:
        if other.route.verb == "get" and other.response is method.response and "{" not in other.route.path:
            return other.route.path
    return None


def swift(method, methods):
    """The same as a Swift expression within the closure of a route."""
    path = template(method, methods)
    if path is None:
        return "nil"
    properties = {field.name: field.property for field in method.route.path_fields}
    head = path.removesuffix("/{id}")
    for name, value in properties.items():
        head = head.replace(f"{{{name}}}", f"\\(request.{value})")
    return f'"{head}/\\(reply.message.id)"' if head != path else f'"{path}"'
