"""Providers, handlers and clients of the services, and the gateway's routes."""

from . import locations, swift_text

SWIFT_FORMATS = {"date": ".date", "date-time": ".dateTime", "uuid": ".uuid", "decimal": ".decimal", "currency": ".currency"}


def services(package):
    if not package.services:
        return None
    parts = []
    for service in package.services:
        parts += [provider(service), handlers(service), client(service)]
    return swift_text.file([("package", "GRPC")], "\n".join(parts))


def summary(method):
    if method.comment:
        return method.comment
    return method.route.summary if method.route else f"The rpc {method.name}"


def provider(service):
    text = swift_text.doc(f"What {service.full_name} can do. {service.comment} Refusals are thrown as `GRPCStatus`.")
    text += f"package protocol {service.name}Provider: Sendable {{\n"
    functions = []
    for method in service.methods:
        function = swift_text.doc(summary(method), 4)
        if method.server_streaming:
            function += (
                f"    func {method.swift_name}(_ request: {method.request.name}, context: ServerContext, "
                f"responses: ContractResponseWriter<{method.response.name}>) async throws\n")
        else:
            function += (
                f"    func {method.swift_name}(_ request: {method.request.name}, context: ServerContext) "
                f"async throws -> {method.response.name}\n")
        functions.append(function)
    return text + "\n".join(functions) + "}\n"


def handlers(service):
    text = swift_text.doc(f"Serves {service.full_name} by a provider")
    text += f"package struct {service.name}Handlers<Provider: {service.name}Provider>: GRPCService {{\n"
    text += f"    package let name = {swift_text.string(service.full_name)}\n"
    text += "    package let handlers: [String: GRPCHandler]\n\n"
    text += "    package init(_ provider: Provider) {\n        handlers = [\n"
    for method in service.methods:
        if method.server_streaming:
            call = (
                f"streamingHandler {{ request, context, responses in "
                f"try await provider.{method.swift_name}(request, context: context, responses: responses) }}")
        else:
            call = f"unaryHandler {{ request, context in try await provider.{method.swift_name}(request, context: context) }}"
        text += f"            {swift_text.string(method.name)}: {call},\n"
    return text + "        ]\n    }\n}\n"


def client(service):
    text = swift_text.doc(f"Calls {service.full_name}")
    text += f"package struct {service.name}Client: Sendable {{\n"
    text += f"    private static let service = {swift_text.string(service.full_name)}\n"
    text += "    private let channel: GRPCChannel\n\n"
    text += "    package init(channel: GRPCChannel) {\n        self.channel = channel\n    }\n"
    for method in service.methods:
        text += "\n" + swift_text.doc(summary(method), 4)
        optional = "?" if method.server_streaming else ""
        arguments = f"_ request: {method.request.name}, metadata: GRPCMetadata = GRPCMetadata(), timeout: Duration{optional}"
        target = f"GRPCMethod(service: Self.service, name: {swift_text.string(method.name)})"
        if method.server_streaming:
            text += (
                f"    package func {method.swift_name}({arguments}) throws(GRPCStatus) "
                f"-> ContractResponseStream<{method.response.name}> {{\n"
                f"        try channel.stream({target}, request, metadata: metadata, timeout: timeout)\n    }}\n")
        else:
            text += (
                f"    package func {method.swift_name}({arguments}) async throws(GRPCStatus) "
                f"-> ContractReply<{method.response.name}> {{\n"
                f"        try await channel.call({target}, request, metadata: metadata, timeout: timeout)\n    }}\n")
    return text + "}\n"


def clients(model):
    routed = routed_services(model)
    text = swift_text.doc("The clients of all services with routes: what the gateway calls through")
    text += "package struct GatewayClients: Sendable {\n"
    for service in routed:
        text += swift_text.doc(f"Calls {service.full_name}", 4)
        text += f"    package let {service.client_property}: {service.name}Client\n"
    contexts = sorted({service.context for service in routed})
    parameters = ", ".join(f"{context}: GRPCChannel" for context in contexts)
    text += "\n" + swift_text.doc("The clients over one channel to each service process", 4)
    text += f"    package init({parameters}) {{\n"
    for service in routed:
        text += f"        self.{service.client_property} = {service.name}Client(channel: {service.context})\n"
    return text + "    }\n}\n"


def routed_services(model):
    return [service for service in model.services if any(method.route for method in service.methods)]


def route_table(model):
    """The file with the clients and the list of all routes."""
    text = clients(model) + "\n"
    text += swift_text.doc("Every route of the gateway, by service")
    text += "package enum GatewayRoutes {\n"
    lists = [f"{service.client_property}Routes" for service in routed_services(model)]
    text += swift_text.doc("All routes", 4)
    text += f"    package static let all: [GatewayRoute] = {' + '.join(lists) or '[]'}\n}}\n"
    return swift_text.file([("package", "GRPC")], text)


def routes(service, methods):
    """The routes of one service."""
    routed = [method for method in service.methods if method.route]
    text = "extension GatewayRoutes {\n"
    text += swift_text.doc(f"The routes of {service.full_name}", 4)
    names = ", ".join(f"{service.client_property}{method.name}" for method in routed)
    text += f"    static let {service.client_property}Routes: [GatewayRoute] = [{names}]\n"
    for method in routed:
        text += "\n" + route(service, method, methods)
    return swift_text.file([("internal", "GRPC")], text + "}\n")


def route(service, method, methods):
    route = method.route
    answer = {field.name: field for field in method.response.fields}
    versioned = "version" in answer and answer["version"].kind == "int64" and not answer["version"].is_optional
    segments = ", ".join(segment(part) for part in route.path.strip("/").split("/"))
    text = f"    private static let {service.client_property}{method.name} = GatewayRoute(\n"
    text += f'        method: "{route.verb.upper()}", path: {swift_text.string(route.path)},\n'
    text += f"        segments: [{segments}],\n"
    text += f"        service: {swift_text.string(service.full_name)}, operationID: {swift_text.string(method.name)},\n"
    access = ".anyone" if route.auth == "none" else f".{route.auth}"
    scope = swift_text.string(route.scope) if route.scope else "nil"
    text += f"        access: {access}, scope: {scope}, tag: {swift_text.string(route.tag)}, status: {route.status},\n"
    text += f"        maximumBody: {route.max_body_mib} << 20, hasJSONBody: {boolean(route.has_json_body)}, "
    text += f"isVersioned: {boolean(versioned)},\n"
    text += "        invoke: { input, clients, metadata, timeout in\n"
    text += request(method)
    text += f"            let reply = try await clients.{service.client_property}.{method.swift_name}"
    text += "(request, metadata: metadata, timeout: timeout)\n"
    body = "nil" if route.status == 204 or not method.response.fields else "reply.message.json()"
    version = "reply.message.version" if versioned else "nil"
    text += f"            return RouteOutput(status: {route.status}, body: {body}, version: {version}, "
    text += f"location: {locations.swift(method, methods)}, reply: reply)\n"
    return text + "        })\n"


def boolean(value):
    return "true" if value else "false"


def segment(part):
    if part.startswith("{"):
        return f".parameter({swift_text.string(part[1:-1])})"
    return f".literal({swift_text.string(part)})"


def request(method):
    """The statements that make the request out of the input."""
    route = method.route
    text = ""
    declared = "var" if route.path_fields or route.query_fields or route.raw_body else "let"
    if route.has_json_body:
        empty = boolean(not any(field.rule.required for field in route.body_fields))
        text += f"            {declared} request = try {method.request.name}(requestBody: input.body, mayBeEmpty: {empty})\n"
    else:
        text += f"            {declared} request = {method.request.name}()\n"
    for position, field in enumerate(route.path_fields):
        text += f"            request.{field.property} = try input.pathParameter({position}, {swift_text.string(field.name)})\n"
    if route.raw_body:
        text += f"            request.{route.raw_body.property} = input.body[...]\n"
    text += "            var query = QueryReader(input.query)\n"
    for field in route.query_fields:
        text += f"            request.{field.property} = {parameter(field)}\n"
    return text + "            try query.finish()\n"


def parameter(field):
    name = swift_text.string(field.name)
    limit = f", limit: {field.rule.max_length}" if field.rule.max_length else ""
    form = SWIFT_FORMATS.get(field.rule.format)
    form = f", format: {form}" if form else ""
    if field.repeated:
        return f"query.strings({name}{limit})"
    if field.kind == "string":
        if field.rule.required:
            return f"query.requiredString({name}{limit}{form})"
        call = f"query.string({name}{limit}{form})"
        return call if field.is_optional else f'{call} ?? ""'
    if field.kind == "bool":
        call = f"query.bool({name})"
        return call if field.is_optional else f"{call} ?? false"
    if field.rule.required:
        return f"query.requiredInteger({name})"
    call = f"query.integer({name})"
    return call if field.is_optional else f"{call} ?? 0"
