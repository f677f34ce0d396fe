internal import Chronology
internal import CloudEvents
internal import Contracts
package import Observability

/// What events say of who may still do what.
package struct AccessEvents: Sendable {
    private let revocations: Revocations
    private let changes: AccessChanges
    private let apiTokens: ApiTokens
    private let streams: EventStreams
    private let logger: Logger

    package init(
        revocations: Revocations, changes: AccessChanges, apiTokens: ApiTokens, streams: EventStreams, logger: Logger
    ) {
        self.revocations = revocations
        self.changes = changes
        self.apiTokens = apiTokens
        self.streams = streams
        self.logger = logger.with([.component: "access-events"])
    }

    /// Takes an event of one of the types that are about access.
    func take(_ event: CloudEvent) throws {
        let data = event.jsonData ?? []
        switch event.type {
        case SessionsRevokedV1.type: try revoke(SessionsRevokedV1(decoding: data))
        case ApiTokenRevokedV1.type: try revoke(ApiTokenRevokedV1(decoding: data))
        case UserUpdatedV1.type: try update(UserUpdatedV1(decoding: data))
        case UserDeletedV1.type: try remove(UserDeletedV1(decoding: data))
        default: break
        }
    }

    private func revoke(_ payload: SessionsRevokedV1) throws {
        for text in payload.sessionIDs {
            let session = try UUIDv7(parsing: text)
            revocations.revoke(session)
            streams.end(session: session, of: payload.userID)
        }
        logger.info("sessions revoked", [.userID: .string(payload.userID), .count: .int(payload.sessionIDs.count)])
    }

    private func revoke(_ payload: ApiTokenRevokedV1) throws {
        let ids = Set(try payload.tokenIDs.map { try UUIDv7(parsing: $0) })
        apiTokens.forget { ids.contains($0.identity.sessionID) }
        for id in ids { streams.end(session: id, of: payload.userID) }
        logger.info("API tokens revoked", [.userID: .string(payload.userID), .count: .int(ids.count)])
    }

    private func update(_ payload: UserUpdatedV1) throws {
        let user = try UUIDv7(parsing: payload.userID)
        guard let instant = Timestamp(rfc3339: payload.updatedAt) else { return }
        changes.note(
            user, .init(roles: payload.status == "active" ? Set(payload.roles) : nil, changedAt: instant))
        apiTokens.forget { $0.identity.userID == user }
    }

    private func remove(_ payload: UserDeletedV1) throws {
        let user = try UUIDv7(parsing: payload.userID)
        guard let instant = Timestamp(rfc3339: payload.deletedAt) else { return }
        changes.note(user, .init(roles: nil, changedAt: instant))
        apiTokens.forget { $0.identity.userID == user }
        streams.end(allOf: payload.userID)
        logger.info("account removed", [.userID: .string(payload.userID)])
    }
}
