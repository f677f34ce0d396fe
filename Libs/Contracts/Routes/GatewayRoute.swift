package import GRPC
package import JSON

/// Who may use a route.
package enum RouteAccess: String, Sendable {
    /// Anybody.
    case anyone = "none"
    /// A signed-in user.
    case user
    /// A user with the role `admin`.
    case admin
}

/// One part of a path template.
package enum RouteSegment: Sendable, Equatable {
    /// A fixed text.
    case literal(String)
    /// Any text; the name of the request's field.
    case parameter(String)
}

/// A request as a route reads it.
package struct RouteInput: Sendable {
    /// The values of the path's parameters, percent-decoded, in the order of the template.
    package let pathParameters: [String]
    /// The query's parameters, decoded, in their order.
    package let query: [(name: String, value: String)]
    /// The whole body.
    package let body: [UInt8]

    package init(pathParameters: [String], query: [(name: String, value: String)], body: [UInt8]) {
        self.pathParameters = pathParameters
        self.query = query
        self.body = body
    }

    func pathParameter(_ position: Int, _ name: String) throws(RequestFieldErrors) -> String {
        var errors = RequestFieldErrors()
        guard pathParameters.indices.contains(position), !pathParameters[position].utf8.contains(0) else {
            errors.addMalformed(name, "malformed", "is missing or contains NUL")
            throw errors
        }
        return pathParameters[position]
    }
}

/// An answer as a route gives it.
package struct RouteOutput: Sendable {
    /// The HTTP status.
    package let status: Int
    /// The JSON; nil where the answer has no body.
    package let body: [UInt8]?
    /// The `version` of the resource, for the ETag; nil where the answer has none.
    package let version: Int64?
    /// The path of what was made; nil where nothing was, or nothing that has a place of its own.
    package let location: String?
    /// What the service sent before the answer.
    package let initialMetadata: GRPCMetadata
    /// What the service sent after the answer.
    package let trailingMetadata: GRPCMetadata

    init(status: Int, body: [UInt8]?, version: Int64?, location: String?, reply: ContractReply<some Sendable>) {
        self.status = status
        self.body = body
        self.version = version
        self.location = location
        initialMetadata = reply.initialMetadata
        trailingMetadata = reply.trailingMetadata
    }
}

/// A method of a service as the gateway offers it.
package struct GatewayRoute: Sendable {
    /// Reads the request, calls the service and writes the answer.
    ///
    /// Throws `RequestFieldErrors` for a request that cannot be accepted and `GRPCStatus` for what the service refuses.
    package typealias Invocation =
        @Sendable (RouteInput, GatewayClients, GRPCMetadata, Duration) async throws -> RouteOutput

    /// The HTTP method, in capitals.
    package let method: String
    /// The path template, such as `/v1/expenses/{id}`.
    package let path: String
    /// The path template, split at the slashes.
    package let segments: [RouteSegment]
    /// The full name of the service that answers.
    package let service: String
    /// The name of the rpc; unique with the service.
    package let operationID: String
    /// Who may use the route.
    package let access: RouteAccess
    /// What a personal API token needs; nil where no such token is accepted.
    package let scope: String?
    /// The group in the OpenAPI document.
    package let tag: String
    /// The status of success.
    package let status: Int
    /// The largest request body, in bytes.
    package let maximumBody: Int
    /// Whether the body is JSON; false where it is a file or not read.
    package let hasJSONBody: Bool
    /// Whether the answer carries a `version`.
    package let isVersioned: Bool
    /// Calls the service.
    package let invoke: Invocation
}

/// A message that an answer consists of.
package protocol JSONWritable {
    /// Writes the message as an object.
    func writeJSON(into writer: inout JSONWriter)
}

extension JSONWritable {
    /// The message as compact JSON.
    package func json() -> [UInt8] {
        var writer = JSONWriter()
        writeJSON(into: &writer)
        return writer.bytes
    }
}
