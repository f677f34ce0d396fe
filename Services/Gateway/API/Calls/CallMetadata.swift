internal import EventLoop
internal import GRPC
internal import HTTPServer
internal import Secrets
internal import ServiceRuntime
internal import Tokens
internal import Validation

/// What a service is told beside the request.
enum CallMetadata {
    private static let longestDevice = 200
    private static let longestKey = 255

    /// The metadata of a call.
    ///
    /// - Throws: 400 where the `Idempotency-Key` is not 1 to 255 visible ASCII characters, 412 where `If-Match` names a
    ///   version of something that has none.
    static func make(_ exchange: Exchange, _ route: ServiceRoute) throws(Refusal) -> GRPCMetadata {
        let request = exchange.request
        var metadata = ofCaller(exchange)
        if exchange.end != nil { metadata.append(Caller.endedMetadata, "true") }
        if route.service == "auth" { addClient(exchange, to: &metadata) }
        if !request.method.isSafe, request.headers.contains("Idempotency-Key") {
            try addIdempotency(request, to: &metadata)
        }
        if let precondition = Conditions.precondition(of: request) {
            guard route.isVersioned || precondition == .anyVersion else {
                throw Refusal(ProblemDetails.preconditionFailed)
            }
            metadata.append(VersionPrecondition.metadataName, precondition.metadataValue)
        }
        return metadata
    }

    /// The caller alone, for what the gateway asks for itself.
    static func ofCaller(_ exchange: Exchange) -> GRPCMetadata {
        exchange.bearer.map(Self.caller)?.metadata ?? GRPCMetadata()
    }

    private static func caller(_ bearer: Bearer) -> Caller {
        let identity = bearer.identity
        return Caller(
            userID: identity.userID, sessionID: bearer.hasSession ? identity.sessionID : nil, roles: identity.roles,
            scopes: identity.scopes)
    }

    /// How the client names itself, and where it calls from.
    private static func addClient(_ exchange: Exchange, to metadata: inout GRPCMetadata) {
        if let device = exchange.request.headers["User-Agent"] {
            let text = device.unicodeScalars.prefix(longestDevice).map { (0x20...0x7E).contains($0.value) ? $0 : "?" }
            var view = String.UnicodeScalarView()
            view.append(contentsOf: text)
            metadata.append("florin-client-device", String(view))
        }
        metadata.append("florin-client-address", exchange.client.description)
    }

    private static func addIdempotency(_ request: HTTPRequest, to metadata: inout GRPCMetadata) throws(Refusal) {
        let keys = request.headers.values("Idempotency-Key")
        guard keys.count == 1, (1...longestKey).contains(keys[0].utf8.count),
            keys[0].utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw Refusal(.invalidIdempotencyKey, "It must be one value of 1 to 255 visible ASCII characters.")
        }
        metadata.append(IdempotentCalls.keyMetadata, keys[0])
        metadata.append(IdempotentCalls.fingerprintMetadata, fingerprint(of: request))
    }

    /// Two requests are the same when their methods, targets and bodies are.
    private static func fingerprint(of request: HTTPRequest) -> String {
        var text = Array(request.method.rawValue.utf8)
        text.append(0x20)
        text += request.target.utf8
        text.append(0x0A)
        text += sha256(request.body)
        return Hex.encode(sha256(text))
    }
}
