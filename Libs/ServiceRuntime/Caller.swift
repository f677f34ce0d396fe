package import Chronology
package import GRPC

/// On whose behalf a service acts: established by the gateway, which verified the token, and passed on in gRPC metadata.
///
/// Services listen on addresses that only the gateway and operators reach; the metadata is not signed.
package struct Caller: Sendable, Hashable {
    /// Metadata, `true` where the caller's access has ended meanwhile: what they were answered before may be answered again, and
    /// nothing else be done.
    package static let endedMetadata = "florin-access-ended"

    /// The signed-in user.
    package let userID: UUIDv7
    /// The session of the access token; nil for a personal API token.
    package let sessionID: UUIDv7?
    /// `user`, `admin`.
    package let roles: [String]
    /// What a personal API token may do, such as `expenses:read`.
    package let scopes: [String]

    package init(userID: UUIDv7, sessionID: UUIDv7? = nil, roles: [String] = [], scopes: [String] = []) {
        self.userID = userID
        self.sessionID = sessionID
        self.roles = roles
        self.scopes = scopes
    }

    /// The caller that the metadata of a call names.
    ///
    /// - Throws: 401 when there is none, not a well-formed one, or one whose access has ended.
    package init(_ metadata: GRPCMetadata) throws(ProblemDetails) {
        guard metadata[Self.endedMetadata] == nil else { throw .unauthenticated() }
        try self.init(repeating: metadata)
    }

    /// As `init(_:)`, also where the caller's access has ended: for calls that may be what ended it, and that
    /// `IdempotentCalls` performs.
    ///
    /// - Throws: 401 when there is none, or not a well-formed one.
    package init(repeating metadata: GRPCMetadata) throws(ProblemDetails) {
        guard let user = metadata["florin-user-id"], let userID = Caller.identifier(user) else {
            throw .unauthenticated()
        }
        let session = metadata["florin-session-id"]
        self.init(
            userID: userID, sessionID: session.flatMap(Caller.identifier),
            roles: Caller.words(metadata["florin-roles"]), scopes: Caller.words(metadata["florin-scopes"]))
        if session != nil && sessionID == nil { throw .unauthenticated() }
    }

    /// The metadata that names this caller.
    package var metadata: GRPCMetadata {
        var metadata = GRPCMetadata()
        metadata["florin-user-id"] = userID.description
        if let sessionID { metadata["florin-session-id"] = sessionID.description }
        if !roles.isEmpty { metadata["florin-roles"] = roles.joined(separator: " ") }
        if !scopes.isEmpty { metadata["florin-scopes"] = scopes.joined(separator: " ") }
        return metadata
    }

    /// True when the user may use the endpoints of operators.
    package var isAdmin: Bool { roles.contains("admin") }

    private static func words(_ text: String?) -> [String] { (text ?? "").split(separator: " ").map(String.init) }

    private static func identifier(_ text: String) -> UUIDv7? {
        do {
            return try UUIDv7(parsing: text)
        } catch {
            return nil
        }
    }
}
